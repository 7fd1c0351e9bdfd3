# SPDX-License-Identifier: Apache-2.0
"""One line per outcome: key=value on a terminal, JSON otherwise."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from pons.settings import LogSettings


def configure_logs(settings: LogSettings, service: str) -> None:
    """Send structlog's and the libraries' lines to standard error in one form."""
    console = settings.format == "console" or (settings.format == "auto" and sys.stderr.isatty())
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    processors: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    last: Any = (
        structlog.processors.KeyValueRenderer(
            key_order=["timestamp", "level", "service", "event"], drop_missing=True
        )
        if console
        else structlog.processors.JSONRenderer(default=str)
    )
    structlog.configure(
        processors=[*processors, last],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)
    _adopt_libraries([*processors], last, level, service)


def _adopt_libraries(processors: list[Any], last: Any, level: int, service: str) -> None:
    def add_service(
        _logger: Any, _name: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        return {"service": service, **event}

    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[add_service, *processors],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
        )
    )
    logging.basicConfig(handlers=[handler], level=max(level, logging.WARNING), force=True)
