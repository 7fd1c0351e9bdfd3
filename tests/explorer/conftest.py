# SPDX-License-Identifier: Apache-2.0
"""A store with studies to be looked at, and a browser that looks at them."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

from browsing import EXPLORER, Open
from destinations import Destination, destination_of
from outside import Store, eventually, running
from patients import STUDIES, fill
from tabs import WAIT, Tabs

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
SETTINGS = {
    "PONS_INDEX_STABLE_AGE": "1",
    "PONS_MODALITIES": '{"fixed": ["FIXED", "127.0.0.1", 9]}',
}
"""What the settings fix, which pages show as locked."""


@pytest.fixture(scope="session")
def built() -> Path:
    """Explorer's build; whoever comes first makes it."""
    command = [sys.executable, "-P", "-m", "pons_embedded.explorer"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as building:
        assert building.stderr
        said = building.stderr.read().decode()
        if building.wait():
            pytest.skip(f"needs Node 20.19 or 22.12 or later and npm's registry: {said[-300:]}")
    assert (EXPLORER / "dist" / "index.html").is_file()
    return EXPLORER


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("needs chromium (Debian and Ubuntu: apt install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        expect.set_options(timeout=WAIT)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def worklist_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which others keep worklist files for the store."""
    return tmp_path_factory.mktemp("worklists")


@pytest.fixture(scope="session")
def store(
    built: Path, worklist_files: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Store]:
    """A store that has STUDIES studies; tests that change something send more."""
    data = tmp_path_factory.mktemp("explorer") / "data"
    settings = SETTINGS | {"PONS_WORKLISTS_FOLDER": str(worklist_files)}
    with running(Store("explorer", data, settings)) as started:
        fill(started)
        eventually("all are indexed", lambda: len(started.get("/studies")) == STUDIES)
        yield started


@pytest.fixture(scope="session")
def first_studies(store: Store) -> frozenset[str]:
    """Those that every test finds."""
    return frozenset(store.get("/studies"))


@pytest.fixture(scope="session")
def tabs(store: Store, browser: Browser) -> Iterator[Tabs]:
    made = Tabs(browser, str(store.http.base_url))
    yield made
    made.close()


@pytest.fixture
def explorer(
    request: pytest.FixtureRequest, store: Store, tabs: Tabs, first_studies: frozenset[str]
) -> Iterator[Open]:
    """Opens pages of Explorer; none of them may break its policy, or fail by itself.

    What a test has sent goes with it. With `clock`, a test moves the time of its page on; `alone`
    is for what a page cannot get rid of: what it hears of, scripts of its own, permissions.
    """
    failed = request.session.testsfailed

    def open_page(
        path: str = "",
        *,
        preferences: dict[str, object] | None = None,
        viewport: ViewportSize | None = None,
        clock: bool = False,
        alone: bool = False,
        **options: object,
    ) -> Page:
        tab = tabs.lend(alone, clock, **options)
        if viewport:
            tab.page.set_viewport_size(viewport)
        return tab.open(path, preferences)

    yield open_page
    try:
        faults = tabs.take_back(request.session.testsfailed > failed)
    finally:
        there = set(store.get("/studies"))
        more = [{"Level": "Study", "ID": one} for one in there - first_studies]
        if more:
            store.http.post("/tools/bulk-delete", json={"Resources": more}).raise_for_status()
    assert first_studies <= there
    assert faults == []


@pytest.fixture
def destination(store: Store) -> Iterator[Destination]:
    """A modality of the store; there are no jobs before, and its own are forgotten in the end."""
    with destination_of(store) as made:
        yield made
