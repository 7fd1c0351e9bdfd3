# SPDX-License-Identifier: Apache-2.0
"""What browsers may do with answers: headers that keep what is stored from acting as a page."""

from collections.abc import Awaitable, Iterable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pons_gateway.sessions.cookie import is_secure

Headers = tuple[tuple[bytes, bytes], ...]

NOSNIFF = (b"x-content-type-options", b"nosniff")
POLICY = b"content-security-policy"

WIDGETS = (
    "'sha256-38RhXrc7EdReTKsOm23ZPOCUgniTUUcjky8QOOrQx6o='",
    "'sha256-gYiS/BvZvRcK27JIXTuwhZ3hs2+VJ1X+2gUlE+farlg='",
)
"""Of the two style sheets, always the same, that the page's widgets insert (React Aria 1.22.1)."""
EXPLORER_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        f"style-src 'self' {' '.join(WIDGETS)}",
        "img-src 'self' blob:",
        "media-src 'self' blob:",
        "font-src 'self'",
        "connect-src 'self'",
        "worker-src 'self'",
        "frame-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'self'",
    )
)
INLINE_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'self'",
    )
)
"""For pages that we have not written, and that have scripts in their HTML."""
STILL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
"""For the home page, which has no script."""

OF_PAGES: Headers = (
    NOSNIFF,
    (b"x-frame-options", b"SAMEORIGIN"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), display-capture=(), geolocation=(), microphone=()"),
)
STORED: Headers = (NOSNIFF, (POLICY, b"sandbox; default-src 'none'"))
"""What is stored here, or tells of it, is a page of nobody: it runs no script and loads nothing."""


def _with(policy: str) -> Headers:
    return (*OF_PAGES, (POLICY, policy.encode()))


PAGES: tuple[tuple[str, Headers], ...] = (
    ("/explorer", _with(EXPLORER_POLICY)),
    ("/app", _with(STILL_POLICY)),
    ("/ui", _with(INLINE_POLICY)),
    ("/docs", _with(INLINE_POLICY)),
)
"""Headers of everything at these paths and below them."""
PLACES = tuple(page for page, _ in PAGES)

NEVER_SHOWN = (
    *(b"application/json", b"application/dicom", b"application/octet-stream", b"application/zip"),
    *(b"text/event-stream", b"image/png", b"image/jpeg", b"image/x-portable", b"video/", b"audio/"),
)
"""Beginnings of types that browsers neither run nor show as a page."""
NOTHING = (b"content-length", b"0")
PDF = b"application/pdf"
"""Shown by a viewer in the browser which no policy reaches, and which a sandbox keeps from it."""


class Browsers:
    """Adds to each answer what browsers are told; what an answer says itself stays."""

    def __init__(self, app: ASGIApp, hsts_seconds: int = 0) -> None:
        self.app = app
        self._hsts = (b"strict-transport-security", b"max-age=%d" % hsts_seconds)
        self._tells_hsts = hsts_seconds > 0

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] != "http":
            return self.app(scope, receive, send)
        page = headers_of_page(scope["path"])
        secured = self._tells_hsts and is_secure(scope)  # RFC 6797 7.2: never without TLS

        def told(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                message = with_headers(message, page)
                if secured:
                    message = {**message, "headers": [*message["headers"], self._hsts]}
            return send(message)

        return self.app(scope, receive, told)


def headers_of_page(path: str) -> Headers | None:
    """The headers of a page, or of what is below one; None for anything else."""
    if "//" in path:  # as the router takes it
        path = "/" + "/".join(filter(None, path.split("/")))
    if path.startswith(PLACES):
        for page, headers in PAGES:
            if path.startswith(page) and path[len(page) : len(page) + 1] in ("", "/"):
                return headers
    return None


def kind_of(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The type that an answer says it has, in lower case; empty for none."""
    for name, value in headers:
        if name == b"content-type":
            return value.lower()
    return b""


def with_headers(message: Message, page: Headers | None) -> Message:
    """The start of an answer with the headers of its page, or those of what is stored."""
    own = message["headers"]
    if page is None:
        kind = kind_of(own)
        if kind.startswith(NEVER_SHOWN) or NOTHING in own:
            return message
        page = (NOSNIFF,) if kind.startswith(PDF) else STORED
    told = {name for name, _ in own}
    return {**message, "headers": [*own, *(header for header in page if header[0] not in told)]}
