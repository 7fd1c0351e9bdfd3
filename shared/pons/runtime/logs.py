# SPDX-License-Identifier: Apache-2.0
"""One line per outcome: key=value on a terminal, JSON otherwise."""

import io
import logging
import sys
from collections.abc import MutableMapping
from contextlib import suppress
from typing import Any, TextIO, cast

import structlog

from pons.settings import LogSettings


class Gate:
    """Lets lines of a level and above pass, and counts those that matter; the level may change."""

    def __init__(self, level: int) -> None:
        self.configured = self.level = level
        self.counted = {"warning": 0, "error": 0}

    def __call__(
        self, _logger: Any, method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        kind = "error" if method in ("exception", "critical") else method
        if kind in self.counted:
            self.counted[kind] += 1
        if logging.getLevelNamesMapping().get(kind.upper(), logging.ERROR) < self.level:
            raise structlog.DropEvent
        return event


def gate() -> Gate | None:
    """The gate that this process' lines pass; None where logs are not configured, as in tests."""
    first = structlog.get_config()["processors"][0]
    return first if isinstance(first, Gate) else None


def set_verbosity(verbosity: str) -> None:
    """Let pass what `log.level` says (`default`), all of ours (`verbose`), or everything (`trace`).

    `trace` adds what the libraries say, requests of their clients among it.
    """
    passed = gate()
    if passed is None:
        return
    passed.level = passed.configured if verbosity == "default" else logging.DEBUG
    libraries = logging.INFO if verbosity == "trace" else logging.WARNING
    logging.getLogger().setLevel(max(passed.level, libraries))


class _Log(io.TextIOBase):
    """A stream that loses lines rather than work: a full disk has no room for its log either."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()


def configure_logs(settings: LogSettings, service: str) -> None:
    """Send structlog's and the libraries' lines to standard error in one form."""
    console = settings.format == "console" or (settings.format == "auto" and sys.stderr.isatty())
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    gate = Gate(level)
    processors: list[Any] = [
        gate,
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
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
        logger_factory=structlog.WriteLoggerFactory(cast(TextIO, _Log(sys.stderr))),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)
    _adopt_libraries(processors[1:], last, level, service)


def _adopt_libraries(processors: list[Any], last: Any, level: int, service: str) -> None:
    def add_service(
        _logger: Any, _name: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        return {"service": service, **event}

    handler = logging.StreamHandler(_Log(sys.stderr))
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[add_service, *processors],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
        )
    )
    logging.basicConfig(handlers=[handler], level=max(level, logging.WARNING), force=True)
