# SPDX-License-Identifier: Apache-2.0
"""Orthanc Explorer 2 runs unchanged, where the tester brings its built files: they are AGPL.

`PONS_TEST_OE2=/path/to/dist` names the folder with its `index.html`.
"""

import os
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmwrite

from browser import CHROMIUM, Browser, chromium
from outside import Store, eventually, image

FOLDER = os.environ.get("PONS_TEST_OE2", "")
pytestmark = [
    # No lack of this machine: nobody may ship them, and where they are is for the tester to say.
    pytest.mark.skipif(not FOLDER, reason="only where PONS_TEST_OE2 names Orthanc Explorer 2"),
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium (apt-get install chromium)"),
]

TEXT = "document.body.innerText"
REFUSED = """new Promise(resolve => {
    new ReportingObserver(
        reports => resolve(
            reports.map(({body}) => `${body.blockedURL} ${body.effectiveDirective}`)
        ),
        {types: ["csp-violation"], buffered: true},
    ).observe();
    setTimeout(() => resolve([]), 1000);
})"""
FAILED = """performance.getEntriesByType("resource").filter(one => one.responseStatus >= 400)
    .map(one => `${one.responseStatus} ${one.name}`)"""


@pytest.fixture
def served(fresh_store: Callable[..., Store]) -> Store:
    store = fresh_store("oe2", PONS_HTTP_UI_FOLDER=FOLDER, PONS_HTTP_PAGE="/ui/app/")
    for name, study in (("Anna^Meyer", "1.2.826.0.1.21"), ("Jörg^Schmidt", "1.2.826.0.1.22")):
        dataset = image(name[:2], study)
        dataset.PatientName, dataset.StudyDescription = name, f"Study of {name[:4]}"
        file = BytesIO()
        dcmwrite(file, dataset, enforce_file_format=True)
        assert store.http.post("/instances", content=file.getvalue()).status_code == 200
    return store


def shows(page: Browser, *words: str) -> Any:
    return eventually(
        f"the page shows {words}: {page.run(TEXT)}",
        lambda: all(word in page.run(TEXT) for word in words),
    )


def test_it_lists_what_is_stored(served: Store, tmp_path: Path) -> None:
    """It is the first page, finds all that it asks for, and its policy refuses nothing of it; an
    address inside of it opens it too."""
    with chromium(tmp_path / "profile") as page:
        page.open(f"http://127.0.0.1:{served.http_port}/")
        shows(page, "Meyer", "Schmidt", "Study of Anna")
        assert "/ui/app/" in page.run("location.href")
        assert page.run("document.documentElement.dataset.bsTheme") == "light"
        assert page.run(REFUSED) == []
        assert page.run(FAILED) == []
        page.run("void (new Image().src = 'http://elsewhere.test/picture.png')")
        assert page.run(REFUSED) == ["http://elsewhere.test/picture.png img-src"]

        inside = "/ui/app/filtered-studies?PatientName=Schmidt"
        page.open(f"http://127.0.0.1:{served.http_port}{inside}")
        shows(page, "Schmidt")
        eventually("the other is filtered out", lambda: "Meyer" not in page.run(TEXT))
        assert page.run(FAILED) == []
