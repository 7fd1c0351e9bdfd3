# SPDX-License-Identifier: Apache-2.0
"""Lets in whom the store knows."""

import hmac
from collections.abc import Awaitable, Callable

from starlette.types import ASGIApp, Receive, Scope, Send

from pons.lua.rest import SCHEME
from pons.passwords.queue import TooManyLogins
from pons_gateway.errors import Unauthorized, error_answer
from pons_gateway.middleware.credentials import Authentication
from pons_gateway.middleware.in_session import InSession, session_of
from pons_gateway.responses.answers import Answer
from pons_gateway.sessions.token import Session

UNAUTHORIZED = Answer(
    b"", 401, (b"www-authenticate", b'Basic realm="Orthanc Secure Area", charset="UTF-8"')
)
NOBODY = Unauthorized("Nobody is logged in", "log in on the page, or send a user and a password")
PAGE = b"pons-explorer"
"""`X-Requested-With` of what our page asks for."""
BELOW_PAGE = b"/explorer/"
"""In the `Referer` of what a browser fetches for it: pictures, downloads, events."""


class Authenticated:
    """401 without a session or a user's password, 429 where too many are guessed, except for what
    is public.

    `scope["user"]` is the user, and `scope["session"]` his session, if he has logged in;
    `scope["lua"]` is true for the store's own scripts, which may do all that users may.
    `scope["stranger"]` is true for whom nobody knows: what is public tells him less. Without users
    everybody is known `on_loopback`, and nobody elsewhere.

    What our page asks for is refused without the challenge at which browsers ask for a password.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        authentication: Authentication,
        is_public: Callable[[str], bool],
        on_loopback: bool,
        lua_token: str = "",
    ) -> None:
        """`lua_token` is the secret of the store's own scripts; empty: they have none."""
        self.app = app
        self._lua = f"{SCHEME} {lua_token}".encode() if lua_token else b""
        self._authentication = authentication
        self._needs_users = authentication.needed
        self._is_public = is_public
        self._on_loopback = on_loopback

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] == "http":
            user = ""
            session: Session | None = None
            scope["lua"] = self._is_lua(scope)
            if scope["lua"]:
                scope["stranger"] = False
            elif not self._needs_users:
                scope.setdefault("stranger", not self._on_loopback)
            elif (session := session_of(scope)) is not None:
                user = session.user
                send = InSession(scope, send, session)
                scope.setdefault("stranger", False)
            else:
                return self._if_user(scope, receive, send)
            scope["user"], scope["session"] = user, session
        return self.app(scope, receive, send)

    async def _if_user(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let in who sends a user's password, and everybody to what is public."""
        public = self._is_public(scope["path"])
        try:
            user = await self._user(scope)
        except TooManyLogins as error:
            if not public:
                await error_answer(error, scope)(scope, receive, send)
                return
            user = None
        if user is None and not public:
            refused = error_answer(NOBODY, scope) if _is_of_page(scope) else UNAUTHORIZED
            await refused(scope, receive, send)
            return
        scope.setdefault("stranger", user is None)
        scope["user"], scope["session"] = user or "", None
        await self.app(scope, receive, send)

    def _is_lua(self, scope: Scope) -> bool:
        """Whether one of the store's own scripts asks."""
        if not self._lua:
            return False
        headers = scope["headers"]
        return any(
            name == b"authorization" and hmac.compare_digest(value, self._lua)
            for name, value in headers
        )

    async def _user(self, scope: Scope) -> str | None:
        client = scope.get("client")
        return await self._authentication.user(scope["headers"], client[0] if client else "")


def _is_of_page(scope: Scope) -> bool:
    """Whether our page asks, which shows a form of its own."""
    return any(
        (name == b"x-requested-with" and value == PAGE)
        or (name == b"referer" and BELOW_PAGE in value)
        for name, value in scope["headers"]
    )
