# SPDX-License-Identifier: Apache-2.0
"""Counts answers, and answers what nobody else did."""

from collections.abc import Awaitable
from time import perf_counter

import structlog
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pons_gateway.errors import error_answer
from pons_gateway.operation import metrics

log = structlog.get_logger()


class Metrics:
    """Measures each answer. A bug is logged with its traceback, and answered if nothing was yet."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = perf_counter()
        method, path = scope["method"], scope["path"]
        status = 0

        def counted(message: Message) -> Awaitable[None]:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            return send(message)

        with metrics.ACTIVE:
            try:
                await self.app(scope, receive, counted)
            except ClientDisconnect:
                return  # nobody is left to answer to
            except Exception as error:  # the edge: anything that has no handler is a bug
                log.exception("request failed", method=method, path=path)
                if status:
                    raise  # the server breaks the connection of an answer that is not complete
                answer = error_answer(error, scope)
                await answer(scope, receive, counted)
        metrics.answered(method, status, perf_counter() - started)
