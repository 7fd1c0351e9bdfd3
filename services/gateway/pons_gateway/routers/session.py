# SPDX-License-Identifier: Apache-2.0
"""Logging in on the page, and out."""

from typing import Annotated

import structlog
from fastapi import Depends, Request, Response

from pons.errors import Conflict
from pons_gateway.backends import Backends
from pons_gateway.dependencies import BackendsDep
from pons_gateway.errors import Unauthorized
from pons_gateway.middleware.credentials import Authentication
from pons_gateway.models.answers import Done
from pons_gateway.models.session import Login, SessionState
from pons_gateway.operation.session_json import session_json
from pons_gateway.responses.answers import JSON_TYPE, Answer, json_bytes
from pons_gateway.routing import Router, page, public
from pons_gateway.sessions.cookie import Header, clear_cookie, cookie_name, is_secure, set_cookie
from pons_gateway.sessions.token import Session

log = structlog.get_logger()

NOT_KEPT = (b"cache-control", b"no-store")

router = Router("Session", "Who has logged in on the page, and what he may do.")


async def authentication_of(request: Request) -> Authentication:
    """Whom the store knows."""
    authentication: Authentication = request.app.state.authentication
    return authentication


AuthenticationDep = Annotated[Authentication, Depends(authentication_of)]


@router.get(
    "/explorer/api/session",
    summary="Who asks, what he may do, and what this store has",
    response_model=SessionState,
)
@page
@public
async def session(
    request: Request, backends: BackendsDep, authentication: AuthenticationDep
) -> Response:
    """Everybody is answered; who has to log in is told no more than a form for that needs."""
    scope = request.scope
    unknown = authentication.needed and scope["stranger"]
    return _state(request, backends, scope["session"], None if unknown else scope["user"])


@router.post(
    "/explorer/api/login",
    summary="Log in: the answer sets the cookie of a session",
    response_model=SessionState,
)
@page
@public
async def login(
    asked: Login, request: Request, backends: BackendsDep, authentication: AuthenticationDep
) -> Response:
    """401 for an unknown user and a wrong password alike; 429 where too many are tried. A session
    that the browser has already ends."""
    if not authentication.needed:
        raise Conflict("Nobody can log in: the store has no users", "setting http.users")
    scope, sessions = request.scope, backends.sessions
    address = request.client.host if request.client else ""
    user = await authentication.verified(asked.user, asked.password, address)
    if user is None:
        log.warning("login refused", address=address)
        raise Unauthorized("Unknown user or wrong password")
    if scope["session"] is not None:
        await sessions.end(scope["session"])
    begun, token = sessions.begin(user)
    log.info("user logged in", user=user, address=address)
    name = cookie_name(sessions.store_id, scope)
    cookie = set_cookie(name, token, secure=is_secure(scope))
    return _state(request, backends, begun, user, cookie)


@router.post(
    "/explorer/api/logout",
    summary="Log out: the session ends, in every gateway",
    response_model=Done,
)
@page
@public
async def logout(request: Request, backends: BackendsDep) -> Response:
    """Without a session nothing happens. 503 where the other gateways cannot be told now; the
    cookie is taken back all the same."""
    scope, sessions = request.scope, backends.sessions
    if (ended := scope["session"]) is not None:
        await sessions.end(ended)
        log.info("user logged out", user=ended.user)
    name = cookie_name(sessions.store_id, scope)
    cookie = clear_cookie(name, secure=is_secure(scope))
    return Answer(b"{}", 200, JSON_TYPE, NOT_KEPT, cookie)


def _state(
    request: Request,
    backends: Backends,
    session: Session | None,
    user: str | None,
    *headers: Header,
) -> Answer:
    told = session_json(backends.settings, request.scope, session, user)
    return Answer(json_bytes(told), 200, JSON_TYPE, NOT_KEPT, *headers)
