# SPDX-License-Identifier: Apache-2.0
"""Other archives in a browser: asked at once, compared with what is here, fetched from."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from browsing import Open, faults_in_each_language, faults_of, reload, visit
from other_archives import PREFIX, Archive, known, study
from outside import Store, eventually
from patients import send

LUNG, HEAD, KNEE = (
    study(1, "Elsewhere^Lung", 2, 1),
    study(2, "Elsewhere^Head", 1),
    study(3, "Elsewhere^Knee", 1),
)


@pytest.fixture
def north(store: Store) -> Archive:
    return Archive(store, LUNG + HEAD)


@pytest.fixture
def south(store: Store) -> Archive:
    """Which has less of one study than the other archive, and more of another."""
    return Archive(store, LUNG[:2] + KNEE)


@pytest.fixture
def two(store: Store, north: Archive, south: Archive) -> Iterator[None]:
    with known(store, north=north, south=south):
        yield


def row(page: Page, name: str) -> Locator:
    return page.get_by_role("row").filter(has_text=name)


def status(page: Page, name: str) -> Locator:
    """What is said of an archive."""
    return (
        page.get_by_role("list", name="Answers of the archives")
        .get_by_role("listitem")
        .filter(has_text=name)
    )


@pytest.mark.usefixtures("two")
def test_several_archives_are_one_table(
    explorer: Open, store: Store, north: Archive, south: Archive
) -> None:
    """Each study is one row; one that is fetched by two clicks comes once, and is here then."""
    south.refuses = True
    page = explorer("remote")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("alert")).to_have_text("Choose at least one archive.")
    page.get_by_role("checkbox", name="All", exact=True).check()
    page.get_by_role("checkbox", name="fixed", exact=True).uncheck()
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("alert")).to_contain_text("Fill in at least one field")
    page.get_by_label("Patient name").fill("Elsewhere")
    page.keyboard.press("Enter")
    expect(status(page, "north")).to_contain_text("2 studies")
    expect(status(page, "south")).to_contain_text("0xA700")
    expect(page).to_have_url(re.compile(r"/explorer/remote/north,south\?name=Elsewhere$"))
    expect(row(page, "Elsewhere, Head")).to_contain_text("not here")
    south.refuses = False
    page.get_by_role("button", name="Ask south again").click()
    expect(status(page, "south")).to_contain_text("2 studies")
    expect(page.get_by_text("3 studies found").first).to_be_visible()
    expect(row(page, "Elsewhere, Lung")).to_contain_text("2 / 3")
    expect(row(page, "Elsewhere, Lung")).to_contain_text("north, south")
    expect(row(page, "Elsewhere, Knee")).to_contain_text("south")

    button = page.get_by_role("button", name="Retrieve Elsewhere, Lung")
    button.evaluate("one => { one.click(); one.click(); }")
    expect(row(page, "Elsewhere, Lung").get_by_text("here", exact=True)).to_be_visible()
    assert north.moved == [LUNG[0].StudyInstanceUID]
    assert south.moved == []
    found = store.http.post(
        "/tools/find", json={"Level": "Instance", "Query": {"PatientID": "R001"}}
    )
    assert len(found.json()) == 3

    reload(page)
    expect(page.get_by_text("3 studies found").first).to_be_visible()
    expect(page.get_by_label("Patient name")).to_have_value("Elsewhere")
    expect(row(page, "Elsewhere, Lung").get_by_text("here", exact=True)).to_be_visible()
    page.get_by_role("columnheader", name="Patient").get_by_role("button").click()
    expect(page).to_have_url(re.compile("sort=name"))
    expect(page.locator('[aria-rowindex="2"]')).to_contain_text("Elsewhere, Head")

    page.get_by_role("grid").focus()
    page.keyboard.press("Control+a")
    expect(page.get_by_text("3 selected")).to_be_visible()
    page.get_by_role("checkbox", name="south", exact=True).uncheck()
    page.get_by_role("button", name="Search").click()
    expect(page).to_have_url(re.compile(r"/explorer/remote/north\?"))
    results = page.get_by_role("region", name="Studies of other archives")
    expect(results).to_contain_text("2 studies found")


@pytest.mark.usefixtures("two")
def test_one_series(explorer: Open, store: Store, north: Archive) -> None:
    """What is here in part says so, and a series of a study comes alone."""
    send(store, LUNG[0])
    page = explorer("remote/north?name=lung")
    expect(row(page, "Elsewhere, Lung")).to_contain_text("1 of 3 here")
    row(page, "Elsewhere, Lung").get_by_role("link").click()
    details = page.get_by_role("complementary", name="Study")
    expect(page).to_have_url(re.compile(f"open={re.escape(PREFIX)}.1"))
    expect(details.get_by_text("Part 1").locator("..")).to_contain_text("1 of 2 here")
    expect(details.get_by_text("Part 2").locator("..")).to_contain_text("not here")
    assert faults_of(page) == []
    details.get_by_role("button", name="Retrieve Part 2").click()
    expect(
        details.get_by_text("Part 2").locator("..").get_by_text("here", exact=True)
    ).to_be_visible()
    expect(row(page, "Elsewhere, Lung")).to_contain_text("2 of 3 here")
    assert north.moved == [LUNG[2].SeriesInstanceUID]
    details.get_by_role("link", name="Open here").click()
    expect(page).to_have_url(re.compile("/explorer/studies/"))


@pytest.mark.usefixtures("two")
def test_beside_the_page_of_modalities(explorer: Open) -> None:
    """From one page to the other and back at once, each shows what it is for."""
    page = explorer("operate/modalities")
    expect(page.get_by_role("rowheader", name="north")).to_be_visible()
    page.get_by_role("link", name="Other archives").click()
    expect(page.get_by_role("checkbox", name="north", exact=True)).to_be_visible()
    page.get_by_role("link", name="Network").click()
    expect(page.get_by_role("rowheader", name="north")).to_be_visible()


def test_a_slow_archive_is_not_waited_for(explorer: Open, store: Store) -> None:
    """The answers of the others are there meanwhile; who does not want to wait says so."""
    quick, slow = Archive(store, HEAD, counts=False), Archive(store, KNEE)
    with known(store, quick=quick, slow=slow):
        slow.open.clear()
        page = explorer("remote/quick,slow?name=Elsewhere")
        expect(row(page, "Elsewhere, Head")).to_contain_text("not here")
        expect(status(page, "slow")).to_contain_text("asking")
        page.get_by_role("button", name="Stop waiting for slow").click()
        expect(status(page, "slow")).to_contain_text("not waited for")
        slow.open.set()
        page.get_by_role("button", name="Ask slow again").click()
        expect(row(page, "Elsewhere, Knee")).to_contain_text("not here")
        # Who does not count leaves open whether what came is all.
        page.get_by_role("button", name="Retrieve Elsewhere, Head").click()
        expect(row(page, "Elsewhere, Head")).to_contain_text("1 here")


def test_several_by_keyboard(explorer: Open, store: Store) -> None:
    """Chosen and fetched without a pointer, by C-GET where the archive wants that; why one fails
    is said, and it can be tried again."""
    lost, given = Archive(store, KNEE, knows_the_store=False), Archive(store, LUNG + HEAD)
    with known(store, lost=lost, given=given):
        described = store.get("/modalities/given/configuration") | {"RetrieveMethod": "C-GET"}
        assert store.http.put("/modalities/given", json=described).status_code == 200
        page = explorer()
        expect(page.locator('[aria-rowindex="2"]')).to_be_visible()
        page.keyboard.type("gr")
        expect(page).to_have_url(re.compile("/explorer/remote"))
        page.get_by_role("checkbox", name="All", exact=True).press("Space")
        page.get_by_label("Patient name").press_sequentially("Elsewhere")
        page.keyboard.press("Enter")
        expect(page.get_by_text("3 studies found").first).to_be_visible()
        page.get_by_role("grid").focus()
        page.keyboard.press("Control+a")
        expect(page.get_by_text("3 selected")).to_be_visible()
        page.keyboard.press("r")
        expect(row(page, "Elsewhere, Lung").get_by_text("here", exact=True)).to_be_visible()
        expect(row(page, "Elsewhere, Head").get_by_text("here", exact=True)).to_be_visible()
        expect(page.get_by_text("Elsewhere, Knee was not retrieved from lost").last).to_be_visible()
        expect(row(page, "Elsewhere, Knee")).to_contain_text("failed")
        assert len(given.moved) == 2
        lost.knows_the_store = True
        page.get_by_role("button", name="Retrieve Elsewhere, Knee").click()
        expect(row(page, "Elsewhere, Knee").get_by_text("here", exact=True)).to_be_visible()
        eventually("both were asked", lambda: len(lost.moved) == 2)


@pytest.mark.usefixtures("two")
def test_everybody_can_use_it(explorer: Open) -> None:
    """As axe sees it: the empty page, answers, a study with its series; also in a narrow window."""
    page = explorer("remote")
    expect(page.locator("form")).to_be_visible()
    assert faults_in_each_language(page) == []
    visit(page, f"/explorer/remote/north,south,nobody?name=Elsewhere&open={PREFIX}.1")
    expect(page.locator('[aria-rowindex="4"]')).to_be_visible()
    expect(page.get_by_text("Part 2")).to_be_visible()
    assert faults_in_each_language(page) == []
    page.set_viewport_size({"width": 768, "height": 1024})
    assert faults_in_each_language(page) == []


@pytest.mark.usefixtures("two")
def test_no_text_without_translation(explorer: Open) -> None:
    """In the language of tests every text of the page's own is foreign."""
    page = explorer("remote/north?name=lung", preferences={"language": "xx"})
    expect(page.locator('[aria-rowindex="2"] a')).to_be_visible()
    texts = page.evaluate(
        """() => [...document.querySelectorAll(
             'main label, main legend, main button, main [role=columnheader]')]
          .filter((one) => !one.querySelector('bdi')) // names of archives
          .map((one) => one.innerText.trim())
          .filter((text) => !/^\\[/.test(text) && /[a-z]{2}/i.test(text))"""
    )
    assert texts == []
