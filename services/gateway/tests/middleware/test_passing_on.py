# SPDX-License-Identifier: Apache-2.0
"""What a request passes on its way to its route, and what of that stays until it is answered."""

from collections.abc import Awaitable, Iterator
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from pons.settings import HttpSettings, LuaSettings, Settings
from pons_gateway.app import create_app
from pons_gateway.middleware.metrics import Metrics
from pons_gateway.middleware.request_filter import RequestFilter

from ..conftest import Store

EVERYTHING = Settings(
    http=HttpSettings(compress_answers=True, hsts_seconds=60), lua=LuaSettings(callbacks=True)
)


class Next:
    """The application behind a middleware; keeps how it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[Scope, Receive, Send]] = []
        self.answering = self.answer()

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        self.asked.append((scope, receive, send))
        return self.answering

    async def answer(self) -> None:
        """What is awaited, by whoever is still there."""


@pytest.fixture
def behind() -> Iterator[Next]:
    behind = Next()
    yield behind
    behind.answering.close()


async def ignore(_message: Message) -> None:
    """A client that wants to know nothing."""


async def say_nothing() -> Message:
    """A request without a body."""
    return {"type": "http.request", "body": b""}


def test_a_plain_request_is_passed_on(store: Store, behind: Next) -> None:
    """Whoever has nothing to wait for is gone when the route begins: a coroutine for each of them
    would be resumed whenever the route has waited."""
    app = create_app(EVERYTHING, lambda: pytest.fail("nothing opens"))
    app.state.backends = store.backends
    scope: dict[str, Any] = {
        "type": "http",
        "method": "GET",
        "path": "/system",
        "query_string": b"",
        "headers": [(b"accept", b"*/*")],
        "scheme": "http",
        "app": app,
    }
    passed = []
    for middleware in app.user_middleware:
        made: Any = middleware.cls(behind, *middleware.args, **middleware.kwargs)
        if not isinstance(made, Metrics):  # which waits, to measure
            assert made(scope, say_nothing, ignore) is behind.answering
            passed.append(type(made))
    assert RequestFilter in passed
    assert len(passed) == len(behind.asked) == 9


def test_nothing_of_others_is_in_between() -> None:
    """Of FastAPI's own layers around every request there is the one that has our handlers."""
    app = create_app(EVERYTHING, lambda: pytest.fail("nothing opens"))
    layer: Any = app.build_middleware_stack()
    layers = []
    while hasattr(layer, "app"):
        layers.append(type(layer).__name__)
        layer = layer.app
    ours: list[Any] = [one.cls for one in app.user_middleware]
    assert layers == [one.__name__ for one in ours] + ["ExceptionMiddleware"]
    assert layer == app.router.middleware_stack
