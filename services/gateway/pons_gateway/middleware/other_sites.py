# SPDX-License-Identifier: Apache-2.0
"""Keeps pages of other sites from changing anything here."""

from starlette.types import ASGIApp, Receive, Scope, Send

from pons.errors import Forbidden
from pons_gateway.errors import error_answer

CROSS_SITE = Forbidden(
    "A page of another site may not change anything here", "setting http.allow_cross_site"
)


class OtherSites:
    """403 for what a browser sends on behalf of another site's page, unless it only reads.

    Such a page can send a form, or an image's address with `_method=delete`; a browser adds
    credentials that it remembers. Browsers say so, programs do not.
    """

    def __init__(self, app: ASGIApp, *, describing: bool) -> None:
        self.app = app
        self._describing = describing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and _writes_for_another_site(scope):
            method, path = scope["method"], scope["path"]
            answer = error_answer(CROSS_SITE, method, path, describing=self._describing)
            await answer(scope, receive, send)
            return
        await self.app(scope, receive, send)


def _writes_for_another_site(scope: Scope) -> bool:
    fetched_from = dict(scope["headers"]).get(b"sec-fetch-site")
    return scope["method"] != "GET" and fetched_from == b"cross-site"
