# SPDX-License-Identifier: Apache-2.0
"""What browsers are told to do with answers."""

from typing import Any

import httpx
import pytest

from pons.settings import HttpSettings, Settings
from pons_gateway.middleware.browsers import Browsers, headers_of_page, with_headers

from ..conftest import PATIENT, Open

pytestmark = pytest.mark.anyio

SANDBOX = "sandbox; default-src 'none'"


async def test_https_for_good(open_client: Open) -> None:
    """Only who came by TLS is told that there is nothing else, and only where that is set."""
    told = "strict-transport-security"
    async with open_client(Settings(http=HttpSettings(hsts_seconds=31536000))) as client:
        for path in ("/system", "/explorer", "/patients/none"):
            assert (await client.get(f"https://store{path}")).headers[told] == "max-age=31536000"
        assert told not in (await client.get("http://store/system")).headers
    async with open_client() as client:
        assert told not in (await client.get("https://store/system")).headers


@pytest.mark.parametrize(
    "path",
    [
        "/explorer",
        "/explorer/",
        "/explorer/studies",
        "/explorer/assets/no.js",
        "/explorer/api/session",
        "/explorer/api/no",
    ],
)
async def test_the_page(client: httpx.AsyncClient, path: str) -> None:
    """Whatever is answered below it: scripts and styles are the page's own files alone, nobody
    frames it, and other sites learn nothing of its addresses."""
    headers = (await client.get(path)).headers
    assert headers["content-security-policy"] == (
        "default-src 'none'; script-src 'self'; style-src 'self' "
        "'sha256-38RhXrc7EdReTKsOm23ZPOCUgniTUUcjky8QOOrQx6o=' "
        "'sha256-gYiS/BvZvRcK27JIXTuwhZ3hs2+VJ1X+2gUlE+farlg='; img-src 'self' blob:; "
        "media-src 'self' blob:; font-src 'self'; connect-src 'self'; worker-src 'self'; "
        "frame-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'self'"
    )
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "SAMEORIGIN"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "camera=()" in headers["permissions-policy"]
    for name in ("content-security-policy", "x-content-type-options"):
        assert len(headers.get_list(name)) == 1


async def test_other_pages(client: httpx.AsyncClient) -> None:
    """The home page runs no script; that of the description has one in its HTML."""
    home = (await client.get("/app/explorer.html")).headers["content-security-policy"]
    assert home.startswith("default-src 'none'; style-src 'unsafe-inline';")
    docs = (await client.get("/docs")).headers["content-security-policy"]
    assert "script-src 'self' 'unsafe-inline'" in docs
    assert headers_of_page("//explorer//studies") == headers_of_page("/explorer")
    for path in ("/documents", "/explorers", "/uix", "/application"):
        assert headers_of_page(path) is None


async def test_what_a_browser_would_show(client: httpx.AsyncClient) -> None:
    """Text, XML and pages of errors are sandboxed; what programs read is as it was."""
    for path, accept in (
        (f"/patients/{PATIENT}", "application/xml"),
        (f"/patients/{PATIENT}/protected", "*/*"),
        ("/nope/<script>", "*/*"),
    ):
        headers = (await client.get(path, headers={"Accept": accept})).headers
        assert headers["content-security-policy"] == SANDBOX, path
        assert headers.get_list("x-content-type-options") == ["nosniff"], path
    for path in ("/system", "/studies", "/studies?expand", "/tools/find"):
        assert "content-security-policy" not in (await client.get(path)).headers, path


@pytest.mark.parametrize(
    ("kind", "policy"),
    [
        ("text/html", SANDBOX),
        ("TEXT/HTML; charset=utf-8", SANDBOX),
        ("image/svg+xml", SANDBOX),
        ("application/xhtml+xml", SANDBOX),
        ("text/xml", SANDBOX),
        ("text/plain", SANDBOX),
        ("multipart/x-mixed-replace; boundary=x", SANDBOX),
        ("application/x-shockwave-flash", SANDBOX),
        ("", SANDBOX),
        (None, SANDBOX),
        ("application/pdf", None),
        ("application/dicom", None),
        ("application/dicom+json", None),
        ("image/png", None),
        ("image/jpeg", None),
        ("video/mp4", None),
        ("application/zip", None),
    ],
)
def test_kinds(kind: str | None, policy: str | None) -> None:
    """Whatever a user has said that an attachment is; what nobody knows is sandboxed."""
    told = [] if kind is None else [(b"content-type", kind.encode())]
    message = with_headers({"type": "http.response.start", "status": 200, "headers": told}, None)
    headers = dict(message["headers"])
    assert headers.get(b"content-security-policy") == (policy and policy.encode())
    if policy or kind == "application/pdf":
        assert headers[b"x-content-type-options"] == b"nosniff"


async def test_what_an_answer_says_itself_stays() -> None:
    """And nothing but the start of an answer is touched."""
    sent: list[Any] = []
    own = (b"content-security-policy", b"default-src 'none'")

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        kind = (b"content-type", b"text/html")
        await send({"type": "http.response.start", "status": 200, "headers": [kind, own]})
        await send({"type": "http.response.body", "body": b"<script>"})

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        pytest.fail("nothing is read")

    await Browsers(app)({"type": "http", "path": "/x"}, receive, send)
    assert [value for name, value in sent[0]["headers"] if name == own[0]] == [own[1]]
    assert sent[1] == {"type": "http.response.body", "body": b"<script>"}
