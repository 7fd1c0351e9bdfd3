# SPDX-License-Identifier: Apache-2.0
"""Requests of who has logged in: whose session they have, and how it goes on with the answer."""

from starlette.types import Message, Scope, Send

from pons_gateway.sessions.cookie import (
    clear_cookie,
    cookie_name,
    cookie_of,
    is_secure,
    set_cookie,
)
from pons_gateway.sessions.sessions import Sessions
from pons_gateway.sessions.token import Session

EVENTS = b"text/event-stream"


def session_of(scope: Scope) -> Session | None:
    """The session whose cookie the request has; None without one that holds."""
    sessions = _sessions(scope)
    name = cookie_name(sessions.store_id, scope)
    return sessions.find(cookie_of(scope["headers"], name))


class InSession:
    """Sends an answer in a session, which it renews.

    Events do not renew it: a page that nobody looks at follows them. They end with the session;
    the browser asks again for those that are missing, and hears then whether anybody is logged in.
    """

    def __init__(self, scope: Scope, send: Send, session: Session) -> None:
        self._scope = scope
        self._send = send
        self._session = session
        self._sessions = _sessions(scope)
        self._events = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._events = (b"content-type", EVENTS) in (
                (name.lower(), value.partition(b";")[0]) for name, value in message["headers"]
            )
            if not self._events:
                message = self._going_on(message)
        elif self._events and not self._sessions.holds(self._session):
            await self._send({"type": "http.response.body", "body": b""})
            raise OSError("the session has ended")  # as for a client that has gone
        await self._send(message)

    def _going_on(self, message: Message) -> Message:
        """With the cookie renewed, or taken back where the session has ended meanwhile."""
        if any(name == b"set-cookie" or _is_for_all(name, to) for name, to in message["headers"]):
            return message
        name = cookie_name(self._sessions.store_id, self._scope)
        secure = is_secure(self._scope)
        if not self._sessions.holds(self._session):
            cookie = clear_cookie(name, secure=secure)
        elif token := self._sessions.renewed(self._session):
            cookie = set_cookie(name, token, secure=secure)
        else:
            return message
        return {**message, "headers": [*message["headers"], cookie]}


def _is_for_all(name: bytes, value: bytes) -> bool:
    """Whether a header lets a proxy keep the answer for others, who must not get this cookie."""
    return name.lower() == b"cache-control" and not (b"private" in value or b"no-store" in value)


def _sessions(scope: Scope) -> Sessions:
    sessions: Sessions = scope["app"].state.backends.sessions
    return sessions
