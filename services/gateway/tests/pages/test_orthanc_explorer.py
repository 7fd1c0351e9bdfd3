# SPDX-License-Identifier: Apache-2.0
"""What Orthanc Explorer 2 finds where its files are served, and what it asks."""

from pathlib import Path

import pytest

from pons.settings import HttpSettings, Settings, StoreSettings

from ..conftest import Open

pytestmark = pytest.mark.anyio

LOOKED_UP = (
    *("StudyListColumns", "ViewersOrdering", "ViewersIcons", "ModalitiesFilter"),
    *("PatientMainTags", "StudyMainTags", "SeriesMainTags", "Modifications", "PageLoadSize"),
    *("DefaultOrdering", "CustomButtons", "WorklistsColumns", "NewWorklistDefaultTags"),
    *("UploadReportTags", "AddSeriesDefaultTags", "ShowSamePatientStudiesFilter"),
)
"""Options that the page indexes without looking whether they are there."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    built = tmp_path / "oe2"
    (built / "assets").mkdir(parents=True)
    (built / "index.html").write_text("<title>page</title>")
    (built / "inbox.html").write_text("<title>inbox</title>")
    (built / "assets" / "main-1.js").write_text("run()")
    (built / "favicon.ico").write_bytes(b"icon")
    (tmp_path / "secret.txt").write_text("not yours")
    return built


def served(folder: Path) -> Settings:
    return Settings(http=HttpSettings(ui_folder=str(folder), page="/ui/app/"))


async def test_its_files(open_client: Open, folder: Path) -> None:
    """The page has addresses of its own; what is missing among its files is not there."""
    async with open_client(served(folder)) as client:
        assert (await client.get("/")).headers["location"] == "ui/app/"
        assert (await client.get("/ui/app")).headers["location"] == "app/"
        for path in ("", "index.html", "filtered-studies?PatientName=a", "jobs", "settings/x.y"):
            answer = await client.get(f"/ui/app/{path}")
            assert (answer.status_code, answer.text) == (200, "<title>page</title>"), path
            assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert (await client.get("/ui/app/inbox.html")).text == "<title>inbox</title>"
        script = await client.get("/ui/app/assets/main-1.js")
        assert script.headers["content-type"] == "text/javascript; charset=utf-8"
        assert "script-src 'self' 'unsafe-inline'" in script.headers["content-security-policy"]
        icon = await client.get("/ui/app/favicon.ico")
        assert icon.headers["content-type"] == "image/x-icon"
        for path in ("assets/no.js", "assets/..%2f..%2fsecret.txt"):
            assert (await client.get(f"/ui/app/{path}")).status_code == 404, path
        for path in ("..%2fsecret.txt", "%2e%2e/secret.txt", "..%5csecret.txt"):
            assert "not yours" not in (await client.get(f"/ui/app/{path}")).text, path


async def test_its_style(open_client: Open, folder: Path) -> None:
    """It has the variable that the page waits for; a style of the folder comes last."""
    path = "/ui/app/customizable/custom.css"
    async with open_client() as client:
        answer = await client.get(path)
        assert answer.headers["content-type"] == "text/css; charset=utf-8"
        assert "--bootstrap-theme: light;" in answer.text
    (folder / "customizable").mkdir()
    own = ":root { --bootstrap-theme: dark; }"
    (folder / "customizable" / "custom.css").write_text(own)
    async with open_client(served(folder)) as client:
        assert (await client.get(path)).text == answer.text + own


async def test_a_folder_that_is_not_there(open_client: Open, tmp_path: Path) -> None:
    """The answer says which setting is wrong."""
    async with open_client(served(tmp_path / "no")) as client:
        answer = await client.get("/ui/app/")
    assert answer.status_code == 404
    assert "http.ui_folder" in answer.json()["Details"]


async def test_its_configuration(open_client: Open) -> None:
    """Complete, and what this store cannot do, or does not allow, is not offered."""
    async with open_client() as client:
        before = (await client.get("/ui/api/pre-login-configuration")).json()
        assert before == {"Keycloak": None, "TokensLandingOptions": None, "Inbox": None}
        told = (await client.get("/ui/api/configuration")).json()
    assert set(told) == {
        *("Plugins", "UiOptions", "Tokens", "AdvancedOptions", "Keycloak", "HasCustomLogo")
    }
    options = told["UiOptions"]
    assert all(options[name] for name in LOOKED_UP)
    assert set(options["Modifications"]) == {
        *("AllowedModes", "DefaultMode", "SeriesAllowedModes", "SeriesDefaultMode")
    }
    assert told["Plugins"]["orthanc-worklists"]["Enabled"] is True
    assert told["Tokens"]["RequiredForLinks"] is False
    offered = ("EnableUpload", "EnableDeleteResources", "EnableEditLabels")
    assert all(options[name] is True for name in offered)
    read_only = Settings(store=StoreSettings(read_only=True))
    async with open_client(read_only) as client:
        options = (await client.get("/ui/api/configuration")).json()["UiOptions"]
    assert all(options[name] is False for name in offered)
    assert options["EnableDownloadZip"] is True


async def test_without_pages(open_client: Open) -> None:
    async with open_client(Settings(http=HttpSettings(explorer=False))) as client:
        for path in ("/ui/app/", "/ui/api/configuration", "/ui/app/customizable/custom.css"):
            assert (await client.get(path)).status_code == 404
