# SPDX-License-Identifier: Apache-2.0
"""Keeps pages of other sites from changing anything here."""

import re
from collections.abc import Awaitable, Mapping
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from pons.errors import Forbidden
from pons_gateway.errors import error_answer

CROSS_SITE = Forbidden(
    "A page of another site may not change anything here",
    "setting http.allow_cross_site; a proxy in front of the store must pass on the Host header",
)
UNTOLD = Forbidden(
    "A browser that does not say which page it asks for may not change anything here",
    "it sent none of Sec-Fetch-Site, Origin and Referer; setting http.allow_cross_site",
)
BY_ADDRESS = Forbidden(
    "A browser may not change anything by an address with _method",
    "any page could make it ask for that address; send the method itself, or set "
    "http.allow_cross_site",
)

READING = frozenset(("GET", "HEAD", "OPTIONS", "PROPFIND"))
OWN_PAGES = (b"same-origin", b"none")
"""`Sec-Fetch-Site` of our pages, and of what a person does without a page."""
DEFAULT_PORTS = {"http": 80, "https": 443}

LIKE_A_BROWSER = re.compile(
    rb"PowerShell/|WinHttp\.WinHttpRequest|Indy Library"
    rb"|Microsoft-WebDAV-MiniRedir/|WebDAVFS/|WebDAVLib/|gvfs/|davfs2/"
)
"""In the User-Agent of programs, drives of Windows, macOS and Linux among them, that call
themselves Mozilla or tell their user's language, as browsers do."""
APPLE = b"CFNetwork/"
"""In the User-Agent of apps on macOS and iOS, which tell a language too; also where Safari fetches
the icon that a page names."""


class OtherSites:
    """403 for what a browser sends on behalf of another site's page, unless it only reads.

    Such a page can send a form, or an image's address with `_method=delete`; a browser adds
    credentials that it remembers. Browsers say which page asks, in one of three headers that pages
    cannot write; programs say nothing, and are let in.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] == "http" and (error := _refusal(scope)) is not None:
            return error_answer(error, scope)(scope, receive, send)
        return self.app(scope, receive, send)


def _refusal(scope: Scope) -> Forbidden | None:
    """Why the request may not be what it is; None where it may."""
    if scope["method"] in READING:
        return None
    headers = dict(scope["headers"])
    if scope.get("overridden") == "GET":
        told = headers.keys() & {b"sec-fetch-site", b"origin"}
        return BY_ADDRESS if told or _is_browser(headers) else None
    site = headers.get(b"sec-fetch-site")
    if site is not None:
        return None if site in OWN_PAGES else CROSS_SITE
    page = headers.get(b"origin", headers.get(b"referer"))
    if page is not None:
        return None if _is_ours(page, headers, scope["scheme"]) else CROSS_SITE
    return UNTOLD if _is_browser(headers) and APPLE not in _agent(headers) else None


def _is_ours(page: bytes, headers: Mapping[bytes, bytes], scheme: str) -> bool:
    """Whether the address of a page has the name that this store is asked by.

    Where it is known that the browser came by TLS, so did our page: one without may be anybody's
    who is on the way. Else a proxy may have taken TLS off. Pages of other sites cannot send
    `X-Forwarded-Host`, with which proxies that write their own `Host` tell the browser's.
    """
    try:
        parts = urlsplit(page.decode("latin-1"))
    except ValueError:
        return False
    usual = DEFAULT_PORTS.get(parts.scheme)
    if usual is None or not parts.hostname:  # also `null`, the origin of pages that hide theirs
        return False
    forwarded = headers.get(b"x-forwarded-host", b"").partition(b",")[0].strip()
    if scheme == "https" and parts.scheme != "https":
        return False
    asked = {headers.get(b"host", b""), forwarded} - {b""}
    theirs = parts.netloc.lower().removesuffix(f":{usual}")
    return any(theirs == host.decode("latin-1").lower().removesuffix(f":{usual}") for host in asked)


def _is_browser(headers: Mapping[bytes, bytes]) -> bool:
    """Whether the request looks like a browser's."""
    agent = _agent(headers)
    if LIKE_A_BROWSER.search(agent):
        return False
    # Programs on Node.js take every language: *.
    return agent.startswith(b"Mozilla/") or headers.get(b"accept-language", b"*") != b"*"


def _agent(headers: Mapping[bytes, bytes]) -> bytes:
    return headers.get(b"user-agent", b"")
