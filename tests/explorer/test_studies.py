# SPDX-License-Identifier: Apache-2.0
"""The list of studies in a browser: found, sorted, walked through by keyboard."""

import re

from playwright.sync_api import Locator, Page, Route, expect

from browsing import HAS_SHOWN, Open, faults_of, reload, rows, until
from outside import Store
from patients import STUDIES, scan, send
from pictures import picture, slope
from pictures import send as send_picture

HOSTILE = "<img src=x onerror=\"window.violations.push('ran')\">^\u202egnp.exe"


def test_first_page_and_all_the_others(explorer: Open) -> None:
    """The newest study is first, the count is true, and scrolling reaches the last of all."""
    page = explorer()
    expect(page.get_by_text(f"{STUDIES} studies").first).to_be_visible()
    expect(page.locator('[aria-rowindex="2"] a')).to_have_text("Okafor, Anna")
    grid = page.get_by_role("grid")
    expect(grid).to_have_attribute("aria-rowcount", str(STUDIES + 1))
    grid.focus()
    last = page.locator(f'[aria-rowindex="{STUDIES + 1}"] a')

    def reached() -> int:
        page.keyboard.press("End")  # to the last that is loaded, each time more
        page.wait_for_timeout(100)
        return last.count()

    until(page, reached)
    expect(last).to_be_visible()
    # Only rows in sight exist.
    assert page.get_by_role("row").count() < 80
    page.keyboard.press("Home")
    expect(page.locator('[aria-rowindex="2"] a')).to_have_text("Okafor, Anna")


def test_search_is_in_the_address(explorer: Open) -> None:
    """What is typed is understood by the store, shown as chips, and there again after a reload."""
    page = explorer()
    expect(page.locator('[aria-rowindex="2"]')).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.type("muller ct")
    expect(page.get_by_role("button", name="Remove modality CT")).to_be_visible()
    expect(page).to_have_url(re.compile(r"/explorer/\?q=muller"))
    expect(page.locator('[aria-rowindex="2"]')).to_contain_text("Müller")
    names = rows(page)
    assert {name.split(",")[0] for name in names} == {"Müller"}
    reload(page)
    expect(page.get_by_role("button", name="Remove modality CT")).to_be_visible()
    expect(page.get_by_role("searchbox")).to_have_value("muller ct")
    page.get_by_role("button", name="Remove modality CT").click()
    expect(page.get_by_role("searchbox")).to_have_value("muller")
    expect(page.get_by_text("40 studies").first).to_be_visible()
    page.go_back()
    expect(page.get_by_role("searchbox")).to_have_value("muller ct")


def test_nothing_matches(explorer: Open) -> None:
    """The page says which piece of the search is too much, and leads to whom else can be asked."""
    page = explorer("?q=Dubois%20nobodyhere")
    expect(page.get_by_role("heading", name="No study matches")).to_be_visible()
    page.get_by_role("link", name="Ask other archives").click()
    expect(page.get_by_role("textbox", name="Patient name")).to_have_value("Dubois nobodyhere")
    page.go_back()
    without = page.get_by_role("button", name="Without “nobodyhere”")
    # Alone, so that the marks stay around what is written from right to left.
    expect(without.locator("bdi")).to_have_text("nobodyhere")
    without.click()
    expect(page.get_by_text("40 studies").first).to_be_visible()
    page.get_by_role("searchbox").fill("nobodyhere nobodyhere")
    expect(page.get_by_role("heading", name="No study matches")).to_be_visible()
    expect(page.get_by_role("button", name="Look for “nobodyhere” in")).to_have_count(1)
    expect(page.get_by_role("button", name="Look for “nobodyhere” as")).to_have_count(1)


def test_a_word_of_series(explorer: Open, store: Store) -> None:
    """What nothing is called is looked for in the descriptions of series, by one press."""
    ds = scan(9102, "Cone^Beam", "CONE", "20260401")
    ds.SeriesDescription = "CBCT daily"
    send(store, ds)
    page = explorer("?q=cbct%202026-04")
    page.get_by_role("button", name="Look for “cbct” in descriptions of series").click()
    expect(page.get_by_role("button", name="Remove series cbct")).to_be_visible()
    expect(page.locator('[aria-rowindex="2"] a')).to_have_text("Cone, Beam")
    expect(page.get_by_role("searchbox")).to_have_value("series:cbct 2026-04")


def test_a_word_that_is_a_device(explorer: Open, store: Store) -> None:
    """What nothing is called is looked for as the device that made it, by one press."""
    ds = scan(9103, "Made^ByDevice", "DEVICE", "20260402")
    ds.StationName = "Edge7"
    send(store, ds)
    page = explorer("?q=edge7%202026-04")
    page.get_by_role("button", name="Look for “edge7” as the station").click()
    expect(page.get_by_role("button", name="Remove station edge7")).to_be_visible()
    expect(page.locator('[aria-rowindex="2"] a')).to_have_text("Made, ByDevice")
    expect(page.get_by_role("searchbox")).to_have_value("station:edge7 2026-04")


def test_filters_and_views(explorer: Open) -> None:
    """A filter of a column is a chip and in the address; a label is a view with its count."""
    page = explorer()
    page.get_by_role("button", name="Filter", exact=True).click()
    page.get_by_label("Patient ID").fill("P0007")
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_text("1 study", exact=True).first).to_be_visible()
    expect(page).to_have_url(re.compile("patientId=P0007"))
    page.get_by_role("button", name="Remove Patient ID P0007").click()
    expect(page.get_by_text(f"{STUDIES} studies").first).to_be_visible()


def test_a_station_is_searched(explorer: Open, store: Store) -> None:
    """By a word and by the filter: studies of the consoles whose name begins so, and no others."""
    for number, station in ((8101, "TrueBeam1"), (8102, "TrueBeam2"), (8103, "Halcyon3")):
        ds = scan(number, f"On^{station}", f"STATION{number}", "20260101")
        ds.StationName = station
        send(store, ds)
    page = explorer("?q=station:truebeam")
    expect(page.get_by_text("2 studies", exact=True).first).to_be_visible()
    expect(page.get_by_role("row").get_by_text("Halcyon3")).to_have_count(0)
    page.get_by_role("button", name="Remove station truebeam").click()
    page.get_by_role("button", name="Filter", exact=True).click()
    page.get_by_label("Station", exact=True).fill("TrueBeam2")
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_text("1 study", exact=True).first).to_be_visible()
    expect(page.get_by_role("row").get_by_text("On, TrueBeam2", exact=False)).to_be_visible()
    assert "station=TrueBeam2" in page.url


def test_sorting(explorer: Open) -> None:
    """A heading sorts, a second time the other way round; the order is in the address."""
    page = explorer()
    page.get_by_role("columnheader", name="ID").get_by_role("button").click()
    expect(page).to_have_url(re.compile(r"sort=id"))
    expect(page.locator('[aria-rowindex="2"]')).to_contain_text("P0000")
    page.get_by_role("columnheader", name="ID").get_by_role("button").click()
    expect(page.locator('[aria-rowindex="2"]')).to_contain_text(f"P{STUDIES - 1:04}")
    heading = page.get_by_role("columnheader", name="ID")
    expect(heading).to_have_attribute("aria-sort", "descending")


def test_columns(explorer: Open) -> None:
    """Columns are chosen and put in order by keyboard, and are so on the next day, too."""
    page = explorer()
    page.get_by_role("button", name="Columns").click()
    chooser = page.get_by_role("dialog", name="Columns")
    chooser.get_by_label("Study UID", exact=True).press("Space")
    chooser.get_by_label("Sex", exact=True).press("Space")
    for place in range(12, 0, -1):  # the focus goes with what is moved
        up = chooser.get_by_role("button", name="Move Sex to the left")
        if place == 12:
            up.focus()
        expect(up).to_be_focused()
        page.keyboard.press("Enter")
        expect(chooser.get_by_role("checkbox").nth(place)).to_have_accessible_name("Sex")
    page.keyboard.press("Enter")
    expect(chooser.get_by_role("checkbox").first).to_have_accessible_name("Sex")
    assert faults_of(page) == []
    page.keyboard.press("Escape")
    headings = page.get_by_role("columnheader").filter(has_text=re.compile("."))
    for _ in "now", "and after a reload":
        expect(headings.first).to_have_text("Sex")
        expect(headings.last).to_have_text("Study UID")
        expect(page.locator('[aria-rowindex="2"] a')).to_have_text("Okafor, Anna")
        reload(page)
    page.get_by_role("button", name="Columns").click()
    chooser.get_by_role("button", name="As at first").click()
    expect(headings.first).to_have_text("Patient")


def test_cards_on_a_phone(explorer: Open) -> None:
    """Each study is a card, read without scrolling sideways and opened by a touch."""
    page = explorer("?q=Dubois&sort=id", viewport={"width": 390, "height": 844}, has_touch=True)
    first, second = (page.locator(f'[aria-rowindex="{index}"]') for index in (2, 3))
    expect(first.locator("a")).to_have_text("Dubois, Claire")
    for text in ("P0002", "Thorax", "RTDOSE"):
        expect(first.get_by_text(text, exact=True)).to_be_in_viewport()
    expect(page.get_by_role("columnheader").filter(has_text=re.compile("."))).to_have_text(
        "Patient"
    )
    assert page.evaluate(
        """() => [document.documentElement, document.querySelector('[role=grid]')]
          .every((one) => one.scrollWidth <= one.clientWidth)"""
    )
    assert faults_of(page) == []
    sort_by = page.get_by_label("Sort by")
    sort_by.select_option("Accession")
    expect(sort_by).to_have_value("accession")  # as drawn, which is what its button turns round
    page.get_by_role("button", name="Descending").tap()
    expect(page).to_have_url(re.compile("sort=-accession"))
    expect(first).to_contain_text("A00236")
    sort_by.select_option("ID")
    expect(sort_by).to_have_value("id")
    page.get_by_role("button", name="Ascending").tap()
    expect(first).to_contain_text("P0002")
    second.get_by_role("checkbox").tap()
    expect(page.get_by_text("1 selected")).to_be_visible()
    # In a wide window the same rows are a table, and what is selected stays.
    page.set_viewport_size({"width": 1280, "height": 800})
    expect(page.get_by_role("columnheader", name="Accession")).to_be_visible()
    expect(second).to_have_attribute("aria-selected", "true")
    page.set_viewport_size({"width": 390, "height": 844})
    first.locator("a").tap()
    page.wait_for_url("**/explorer/studies/*")


def test_pictures(explorer: Open, store: Store) -> None:
    """Each study can be shown by its picture; a study that has none has nothing there."""
    seen = send_picture(store, picture(slope(), PatientID="PIXEL", PatientName="Pixel^Has"))
    bare = scan(9401, "Pixel^Lacks", "PIXEL2", "20260101")
    del bare.PixelData
    send(store, bare)
    page = explorer("?q=Pixel&sort=id", preferences={"columns": ["picture", "name"]})
    with_it, without = (page.locator(f'[aria-rowindex="{index}"]') for index in (2, 3))
    expect(with_it.locator("a")).to_have_text("Pixel, Has")
    expect(without.locator("a")).to_have_text("Pixel, Lacks")
    expect(without.locator("img")).to_have_count(0)
    page.wait_for_function(
        "() => document.querySelector('[aria-rowindex=\"2\"] img')?.naturalWidth > 0"
    )
    study = store.get(f"/series/{seen}")["ParentStudy"]
    expect(with_it.locator("img")).to_have_attribute("src", f"/studies/{study}/thumbnail?size=72")
    assert faults_of(page) == []


def test_by_keyboard_alone(explorer: Open) -> None:
    """From the address to a selection without a pointer; the grid names its active row."""
    page = explorer("?q=Dubois&sort=id")
    expect(page.locator('[aria-rowindex="2"]')).to_contain_text("P0002")
    page.keyboard.press("j")
    page.keyboard.press("j")
    grid = page.get_by_role("grid")
    active = grid.get_attribute("aria-activedescendant")
    expect(page.locator(f'[id="{active}"]')).to_contain_text("P0008")
    page.keyboard.press("x")
    page.keyboard.press("Shift+ArrowDown")
    expect(page.get_by_text("2 selected")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_text("2 selected")).to_have_count(0)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("Undo the last deletion")
    page.keyboard.press("Escape")
    page.keyboard.press("Control+k")
    expect(page.get_by_role("dialog").get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("upload")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/explorer/upload"))


def test_selection_of_all_that_match(explorer: Open) -> None:
    """More than what is loaded is chosen by a sentence of its own, and stays while scrolling."""
    page = explorer("?q=Thorax")
    page.locator('[aria-rowindex="3"] input').click()  # which leaves the keyboard to the list
    expect(page.get_by_text("1 selected")).to_be_visible()
    page.keyboard.press("Control+a")
    expect(page.get_by_text("100 selected")).to_be_visible()
    page.get_by_role("button", name="Select all 239 that match").click()
    expect(page.get_by_text("239 selected")).to_be_visible()
    page.keyboard.press("End")
    expect(page.get_by_text("239 selected")).to_be_visible()


def test_another_search_chooses_nothing(explorer: Open) -> None:
    """What is chosen is in sight or was: no action takes what an earlier search has found."""
    page = explorer("?q=Dubois")
    expect(page.locator('[aria-rowindex="2"]')).to_be_visible()
    page.locator('[aria-rowindex="2"] input').click()
    expect(page.get_by_text("1 selected")).to_be_visible()
    held = rows_held(page)
    page.get_by_role("searchbox").fill("muller")
    until(page, lambda: held)
    expect(page.get_by_role("grid")).to_have_attribute("aria-busy", "true")
    expect(page.get_by_text("1 selected")).to_have_count(0)
    # The rows of before are still there, and are chosen by nothing that chooses rows.
    page.get_by_role("grid").focus()
    for key in ("Space", "x", "Shift+ArrowDown", "Control+a"):
        page.keyboard.press(key)
        expect(page.locator('[role="row"][aria-selected="true"]')).to_have_count(0)
    page.locator('[aria-rowindex="4"] input').click()
    held[0].continue_()
    expect(page.locator('[aria-rowindex="2"]')).to_contain_text("Müller")
    expect(counted(page)).to_have_text("40 studies")
    expect(page.locator('[role="row"][aria-selected="true"]')).to_have_count(0)
    page.keyboard.press("Control+a")
    expect(page.get_by_text("40 selected")).to_be_visible()


def test_all_that_match_are_those_of_the_search(explorer: Open) -> None:
    """Their list that comes after one has looked for something else chooses nothing of it."""
    page = explorer("?q=Thorax")
    expect(page.locator('[aria-rowindex="2"]')).to_be_visible()
    page.get_by_role("grid").focus()
    page.keyboard.press("Control+a")
    held: list[Route] = []
    page.route("**/explorer/api/studies/identifiers", lambda route: held.append(route))
    page.get_by_role("button", name="Select all 239 that match").click()
    until(page, lambda: held)
    page.get_by_role("searchbox").fill("muller")
    expect(counted(page)).to_have_text("40 studies")
    with page.expect_response("**/explorer/api/studies/identifiers") as late:
        held[0].continue_()
    late.value.finished()
    page.evaluate(HAS_SHOWN)
    expect(counted(page)).to_have_text("40 studies")
    expect(page.locator('[role="row"][aria-selected="true"]')).to_have_count(0)


def counted(page: Page) -> Locator:
    """How many there are: in place of how many are chosen."""
    return page.get_by_label("Search and filter").locator("strong")


def rows_held(page: Page) -> list[Route]:
    """The requests for rows from now on, which get no answer by themselves."""
    held: list[Route] = []
    page.route("**/explorer/api/studies", lambda route: held.append(route))
    return held


def test_hostile_names_are_text(explorer: Open, store: Store) -> None:
    """What somebody has put into a data set is shown, and never run."""
    study = send(store, scan(9001, HOSTILE, "HOSTILE", "20260101", "<script>alert(1)</script>"))
    page = explorer("?q=HOSTILE")
    expect(page.locator('[aria-rowindex="2"]')).to_contain_text("<img src")
    expect(page.locator('[aria-rowindex="2"]')).to_contain_text("<script>alert(1)</script>")
    assert page.evaluate("window.violations") == []
    assert store.http.delete(f"/studies/{study}").status_code == 200


def test_arrivals_move_no_row(explorer: Open, store: Store) -> None:
    """A study that comes in, or that somebody deletes, is told above the list, and no row moves
    until that is wanted. What is gone is selected no more."""
    page = explorer()
    expect(page.locator('[aria-rowindex="2"]')).to_contain_text("Okafor, Anna")
    expect(page.locator('[data-live="open"]')).to_be_visible()
    study = send(store, scan(9002, "Arrival^New", "ARRIVAL", "20261201"))
    banner = page.get_by_role("button", name="1 new study has arrived: show")
    expect(banner).to_be_visible()
    expect(page.locator('[aria-rowindex="2"]')).to_contain_text("Okafor, Anna")
    banner.click()
    row = page.locator('[aria-rowindex="2"]')
    expect(row).to_contain_text("Arrival, New")
    row.get_by_role("checkbox").click()
    page.locator('[aria-rowindex="3"]').get_by_role("checkbox").click()
    expect(page.get_by_text("2 selected")).to_be_visible()
    assert store.http.delete(f"/studies/{study}").status_code == 200
    banner = page.get_by_role("button", name="1 of these studies has been deleted: show the others")
    expect(banner).to_be_visible()
    expect(page.get_by_text("1 selected")).to_be_visible()
    expect(row).to_contain_text("Arrival, New")
    expect(row.get_by_role("checkbox")).to_be_disabled()
    banner.click()
    expect(row).to_contain_text("Okafor, Anna")
    expect(banner).to_be_hidden()
    expect(page.get_by_text("1 selected")).to_be_visible()


def test_store_that_is_away_for_a_moment(explorer: Open) -> None:
    """The page asks again by itself, and goes on where it was."""
    page = explorer()
    expect(page.locator('[aria-rowindex="2"]')).to_be_visible()
    fail_once(page, "**/explorer/api/studies", times=2)
    page.get_by_role("searchbox").fill("Dubois")
    expect(page.get_by_text("40 studies").first).to_be_visible()


def fail_once(page: Page, address: str, times: int) -> None:
    """The next requests for an address find the store unavailable."""
    page.route(
        address,
        lambda route: route.fulfill(status=503, json={"HttpStatus": 503, "Message": "away"}),
        times=times,
    )
