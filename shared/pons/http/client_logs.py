# SPDX-License-Identifier: Apache-2.0
"""What httpx tells the log of where requests go."""

import logging

import httpx


class _WithoutQueries(logging.Filter):
    """httpx tells where requests go, at the level `trace`; tokens in addresses are not told."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(
                one.copy_with(query=None) if isinstance(one, httpx.URL) else one
                for one in record.args
            )
        return True


_FILTER = _WithoutQueries()


def hide_queries() -> None:
    """From now on; may be repeated."""
    logging.getLogger("httpx").addFilter(_FILTER)
