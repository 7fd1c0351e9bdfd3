# SPDX-License-Identifier: Apache-2.0
"""What browsers send for pages of other sites, for our own, and what programs send.

The browsers' headers are those that Chromium 156, Firefox and Safari send; over plain HTTP to a
name that is not localhost they leave out `Sec-Fetch-Site`.
"""

import httpx
import pytest

from pons.settings import HttpSettings, Settings

from ..conftest import Open, Store

pytestmark = pytest.mark.anyio

CHROMIUM = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/156.0.0.0 Safari/537.36"
)
BROWSER = {"user-agent": CHROMIUM, "accept-language": "de-DE,de;q=0.9"}
BY_ADDRESS = "/changes?_method=delete"


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "/changes?_method=delete", {}),
        ("POST", "/changes", {"x-http-method-override": "DELETE"}),
        ("DELETE", "/changes", {}),
        ("POST", "/tools/execute-script", {}),
        ("PUT", "/tools/metrics", {}),
    ],
)
async def test_pages_of_other_sites(
    client: httpx.AsyncClient, clearing: Store, method: str, path: str, headers: dict[str, str]
) -> None:
    """What a browser sends for a page of another site changes nothing."""
    foreign = headers | {"sec-fetch-site": "cross-site"}
    answer = await client.request(method, path, headers=foreign)
    assert (answer.status_code, answer.json()["OrthancStatus"]) == (403, 45)
    assert clearing.services.commands == []


async def test_other_sites_may_read_and_others_write(
    client: httpx.AsyncClient, clearing: Store, open_client: Open
) -> None:
    """Reading is for the browser to guard; one's own pages, links typed and programs may write."""
    foreign = {"sec-fetch-site": "cross-site"}
    assert (await client.get("/changes", headers=foreign)).status_code == 200
    for site in ("same-origin", "none"):
        headers = {"sec-fetch-site": site}
        assert (await client.delete("/changes", headers=headers)).status_code == 200
    async with open_client(Settings(http=HttpSettings(allow_cross_site=True))) as allowing:
        assert (await allowing.delete("/changes", headers=foreign)).status_code == 200


async def test_browsers_over_plain_http(client: httpx.AsyncClient, clearing: Store) -> None:
    """Whatever a browser leaves out, what no page of ours asks for changes nothing."""
    for case, path, headers in (
        ("another port of our host", "/changes", {"sec-fetch-site": "same-site"}),
        ("another host", "/changes", {"origin": "http://evil.example"}),
        ("another port", "/changes", {"origin": "http://store:8080"}),
        ("our name in it", "/changes", {"origin": "http://store.evil.example"}),
        ("hidden", "/changes", {"origin": "null"}),
        ("a file", "/changes", {"origin": "file://"}),
        ("no address", "/changes", {"origin": "http://["}),
        ("by the referrer", "/changes", {"referer": "http://evil.example/store"}),
        ("origin first", "/changes", {"origin": "null", "referer": "http://store/"}),
        ("nothing told", "/changes", {}),
        ("a language", "/changes", {"user-agent": "odd"}),
        ("picture, no referrer", BY_ADDRESS, {}),
        ("picture on a page of ours", BY_ADDRESS, {"referer": "http://store/"}),
        ("picture, same origin", BY_ADDRESS, {"sec-fetch-site": "same-origin"}),
        ("address typed", BY_ADDRESS, {"sec-fetch-site": "none"}),
        ("icon, for Safari", BY_ADDRESS, {"user-agent": "Safari/20621.2 CFNetwork/3826"}),
    ):
        method = "GET" if path == BY_ADDRESS else "DELETE"
        answer = await client.request(method, path, headers=BROWSER | headers)
        assert (answer.status_code, answer.json()["OrthancStatus"]) == (403, 45), case
        assert "http.allow_cross_site" in answer.json()["Details"]
    assert clearing.services.commands == []


async def test_our_own_pages(client: httpx.AsyncClient, clearing: Store) -> None:
    """They may write, also behind proxies that take TLS off or write a Host of their own."""
    for headers in (
        {"origin": "http://store"},
        {"origin": "https://STORE"},
        {"origin": "http://store:80"},
        {"origin": "http://store:8042", "host": "store:8042"},
        {"origin": "https://pacs.example", "host": "pacs.example:443"},
        {"origin": "http://[::1]:8042", "host": "[::1]:8042"},
        {"origin": "https://pacs.example", "x-forwarded-host": "pacs.example, inner"},
        {"referer": "http://store/app/explorer.html"},
        {"sec-fetch-site": "same-origin", "origin": "https://pacs.example"},
    ):
        answer = await client.delete("/changes", headers=BROWSER | headers)
        assert answer.status_code == 200, headers
    assert len(clearing.services.commands) == 9


async def test_browsers_over_https(clearing: Store, open_client: Open) -> None:
    """What a page without TLS asks for, of our name or not, may be anybody's on the way."""
    async with open_client() as client:
        for origin, status in (
            ("https://store", 200),
            ("https://store:443", 200),
            ("http://store", 403),
            ("http://store:443", 403),
            ("https://store:8042", 403),
        ):
            answer = await client.delete(
                "https://store/changes", headers=BROWSER | {"origin": origin}
            )
            assert answer.status_code == status, origin


async def test_programs(client: httpx.AsyncClient, clearing: Store) -> None:
    """They may write, also those that call themselves Mozilla, and by an address."""
    for headers in (
        {"user-agent": "curl/8.14.1"},
        {"user-agent": "python-requests/2.32.5"},
        {"user-agent": "Java/21.0.2", "accept": "text/html, image/gif, image/jpeg, *; q=.2"},
        {"user-agent": "Orthanc"},
        {"user-agent": ""},
        {"user-agent": "node", "accept-language": "*", "sec-fetch-mode": "cors"},
        {"user-agent": "Mozilla/5.0 (Windows NT; Windows NT 10.0; de-DE) WindowsPowerShell/5.1"},
        {"user-agent": "Mozilla/4.0 (compatible; Win32; WinHttp.WinHttpRequest.5)"},
        {"user-agent": "Mozilla/3.0 (compatible; Indy Library)"},
    ):
        assert (await client.delete("/changes", headers=headers)).status_code == 200, headers
        assert (await client.get(BY_ADDRESS, headers=headers)).status_code == 200, headers
    # Apps on Apple's systems name a language as Safari does.
    headers = {"user-agent": "Viewer/4 CFNetwork/3826.500 Darwin/24.5.0", "accept-language": "de"}
    assert (await client.delete("/changes", headers=headers)).status_code == 200
    assert len(clearing.services.commands) == 19


async def test_drives(client: httpx.AsyncClient, store: Store) -> None:
    """Network drives write, whatever language they name; browsers only read."""
    for number, agent in enumerate(
        (
            "Microsoft-WebDAV-MiniRedir/10.0.26100",
            "WebDAVFS/3.0.0 (03008000) Darwin/24.5.0 (arm64)",
            "WebDAVLib/1.3",
            "gvfs/1.57.2",
            "davfs2/1.7.0 neon/0.34.0",
        )
    ):
        drive = {"user-agent": agent, "accept-language": "de-DE"}
        path = f"/webdav/uploads/{number}.dcm"
        answer = await client.put(path, content=b"DICOM%d" % number, headers=drive)
        assert answer.status_code == 201, agent
    for method in ("PUT", "DELETE", "MKCOL", "LOCK", "PROPPATCH", "POST"):
        answer = await client.request(
            method, "/webdav/uploads/b.dcm", content=b"DICOM", headers=BROWSER
        )
        assert answer.status_code == 403, method
    for method in ("OPTIONS", "GET", "HEAD", "PROPFIND"):
        headers = BROWSER | {"depth": "0"}
        answer = await client.request(method, "/webdav/uploads/b.dcm", headers=headers)
        assert answer.status_code != 403, method
    assert len(store.ingest.bodies) == 5
