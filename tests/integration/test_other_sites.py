# SPDX-License-Identifier: Apache-2.0
"""What pages of other sites can do to a store, by a real browser that remembers a password.

The store has a host name and no TLS, as in most hospitals: the browser then does not send
`Sec-Fetch-Site`.
"""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from browser import CHROMIUM, Browser, chromium
from outside import Store, eventually, image, running

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="needs Chromium (apt-get install chromium)"
)

HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("secret")
USERS = {
    "PONS_HTTP_USERS": json.dumps({"alice": HASH}),
    "PONS_HTTP_HOST": "127.0.0.1",
    "PONS_DICOM_HOST": "127.0.0.1",
}
PICTURE = """<img src="STORE/studies/ID?_method=delete" onload="document.title = 'done'"
onerror="document.title = 'done'">"""
LEFT = "void setTimeout(() => document.forms[0].submit())"
"""Leaves the page for what the store answers to its form; browsers send the password with that
for pages of any site, and with pictures and scripts for those of the same domain."""

LOGIN = """fetch("/explorer/api/login", {
    method: "POST", body: JSON.stringify({user: "alice", password: "secret"}),
}).then(answer => answer.status)"""

ATTACKS = {
    "picture": ("wiki.hospital.test", PICTURE),
    "picture without a referrer": (
        "wiki.hospital.test",
        f'<meta name="referrer" content="no-referrer">{PICTURE}',
    ),
    "fetch": (
        "wiki.hospital.test",
        """<script>fetch("STORE/tools/bulk-delete", {method: "POST", mode: "no-cors",
        credentials: "include", body: '{"Resources": ["ID"]}'})
        .finally(() => { document.title = "done" })</script>""",
    ),
    "form": (
        "evil.example",
        """<form method="post" action="STORE/tools/bulk-delete" enctype="text/plain">
        <input name='{"Resources": ["ID"], "Rest": "' value='"}'></form>""",
    ),
    "form by address": (
        "evil.example",
        '<form action="STORE/studies/ID"><input name="_method" value="delete"></form>',
    ),
}
"""Name of a site, and its page that deletes a study, by what it does it with."""


class Site:
    """Another site, whose page is `page`."""

    def __init__(self) -> None:
        self.page = ""

    @contextmanager
    def served(self) -> Iterator[int]:
        """Its port, as long as the block runs."""
        site = self

        class Page(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = site.page.encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            try:
                yield int(server.server_port)
            finally:
                server.shutdown()
                thread.join()


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    with chromium(tmp_path / "profile") as opened:
        yield opened


def log_in(browser: Browser, store: Store) -> str:
    """The store's address, of which the browser now knows the password; so does `store.http`."""
    store.http.auth = ("alice", "secret")
    address = f"http://pacs01.hospital.test:{store.http_port}"
    browser.open(f"{address.replace('//', '//alice:secret@')}/app/home.html")
    browser.open(f"{address}/app/home.html")
    assert browser.run("fetch('/system').then(answer => answer.status)") == 200
    return address


def log_in_by_session(browser: Browser, store: Store) -> str:
    """As `log_in`, but what the browser has is the cookie of a session."""
    store.http.auth = ("alice", "secret")
    address = f"http://pacs01.hospital.test:{store.http_port}"
    browser.open(f"{address}/health/live")
    assert browser.run(LOGIN) == 200
    assert browser.run("fetch('/system').then(answer => answer.status)") == 200
    assert browser.run("document.cookie") == ""
    return address


def new_study(store: Store, patient: str) -> str:
    before = set(store.get("/studies"))
    assert store.c_store(image(patient)) == [0]
    (study,) = eventually("a new study", lambda: set(store.get("/studies")) - before)
    return str(study)


def visit(browser: Browser, site: Site, port: int, attack: str, store: str, study: str) -> None:
    """Show the other site's page; returns when the store has answered what it sent."""
    host, page = ATTACKS[attack]
    site.page = page.replace("STORE", store).replace("ID", study)
    browser.open(f"http://{host}:{port}/")
    if "form" in attack:
        browser.run(LEFT)
        browser.wait_for_page()
        # To a 401 without a body the browser shows a page of its own.
        assert browser.run("location.href").startswith((store, "chrome-error:"))
    else:
        eventually(f"{attack} is done", lambda: browser.run("document.title") == "done")


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store with a user, empty before and after each test."""
    data = tmp_path_factory.mktemp("guarded") / "data"
    with running(Store("guarded", data, dict(USERS))) as started:
        yield started


@pytest.mark.parametrize("known", [log_in, log_in_by_session])
def test_no_page_of_another_site_deletes(
    guarded: Store, browser: Browser, known: Callable[[Browser, Store], str]
) -> None:
    """Neither by pictures nor forms nor scripts, with the user's password or his session; our own
    page does."""
    address = known(browser, guarded)
    study = new_study(guarded, "GUARDED")
    site = Site()
    with site.served() as port:
        for attack in ATTACKS:
            visit(browser, site, port, attack, address, study)
            assert guarded.get("/studies") == [study], attack
    browser.open(f"{address}/app/home.html")
    own = f"fetch('/studies/{study}', {{method: 'DELETE'}}).then(answer => answer.status)"
    assert browser.run(own) == 200
    assert guarded.get("/studies") == []


def test_each_of_these_pages_deletes_where_the_guard_is_off(
    fresh_store: Callable[..., Store], browser: Browser
) -> None:
    """With `http.allow_cross_site`: what the test above shows is the guard's work."""
    store = fresh_store("open", **USERS, PONS_HTTP_ALLOW_CROSS_SITE="true")
    address = log_in(browser, store)
    site = Site()
    with site.served() as port:
        for attack in ATTACKS:
            study = new_study(store, attack.upper())
            visit(browser, site, port, attack, address, study)
            assert study not in store.get("/studies"), attack


def test_a_name_of_others_reads_nothing(store: Store, browser: Browser) -> None:
    """A site whose name was pointed at this machine is not the store, which has no users."""
    browser.open(f"http://evil.example:{store.http_port}/studies")
    assert "http.hosts" in browser.run("document.body.innerText")
    assert browser.run("fetch('/system').then(answer => answer.status)") == 421
    browser.open(f"http://localhost:{store.http_port}/app/home.html")
    assert browser.run("fetch('/system').then(answer => answer.status)") == 200
