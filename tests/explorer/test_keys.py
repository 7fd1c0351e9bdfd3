# SPDX-License-Identifier: Apache-2.0
"""What single keys do beside the list: on from study to study, to a search, to another page."""

from playwright.sync_api import Page, expect

from browsing import Open, until
from outside import Store
from patients import STUDIES


def show(page: Page, store: Store, path: str) -> None:
    """Return once the study of a path is on the page, and takes keys."""
    told = store.get(path.removeprefix("/explorer"))
    patient_id = told["PatientMainDicomTags"]["PatientID"]
    expect(page.get_by_role("link", name=patient_id, exact=True)).to_be_visible()
    # Keys are taken from the refresh on that follows the drawing.
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")


def in_the_list_at(page: Page, index: int) -> None:
    """Return once the keyboard is in the list, at a row that is in sight."""
    grid = page.get_by_role("grid")
    expect(grid).to_be_focused()
    row = page.locator(f'[aria-rowindex="{index}"]')
    expect(row).to_be_in_viewport()
    expect(grid).to_have_attribute("aria-activedescendant", str(row.get_attribute("id")))


def test_from_study_to_study(explorer: Open, store: Store) -> None:
    """`n` and `b` go through the list that a study was opened from; where it ends, they say so. The
    way back leads to that list, with what was searched, and there to what was looked at."""
    page = explorer("?q=Dubois")
    first = page.locator('[aria-rowindex="2"] a')
    expect(first).to_be_visible()
    paths = page.get_by_role("grid").locator("a").evaluate_all("all => all.map(a => a.pathname)")
    first.click()
    show(page, store, paths[0])
    page.keyboard.press("b")
    expect(page.get_by_role("region", name="Notices")).to_contain_text("no further study")
    for path in (paths[1], paths[2]):
        page.keyboard.press("n")
        show(page, store, path)
    page.keyboard.press("b")
    show(page, store, paths[1])
    assert page.url.endswith(paths[1])
    page.go_back()
    searched = page.get_by_role("searchbox", name="Search studies")
    expect(searched).to_have_value("Dubois")
    in_the_list_at(page, 3)
    first.click()
    show(page, store, paths[0])
    page.get_by_role("link", name="Back to the list").press("Enter")
    expect(searched).to_have_value("Dubois")
    in_the_list_at(page, 2)
    assert page.url.endswith("/explorer/?q=Dubois")


def test_back_to_what_is_far_down(explorer: Open, store: Store) -> None:
    """The list is where it was left, however many rows had to be loaded by scrolling: also once
    nothing of it is kept any more, and after a study was gone through in between."""
    page = explorer("", clock=True)
    grid = page.get_by_role("grid")
    expect(page.locator('[aria-rowindex="2"] a')).to_be_visible()
    last = page.locator(f'[aria-rowindex="{STUDIES + 1}"] a')

    def at_the_end() -> bool:
        grid.press("End")  # of what is loaded
        return last.is_visible()

    until(page, at_the_end)
    one_above = page.locator(f'[aria-rowindex="{STUDIES}"] a')
    path, path_above = (str(one.evaluate("a => a.pathname")) for one in (last, one_above))
    last.click()
    show(page, store, path)
    page.keyboard.press("b")
    show(page, store, path_above)
    page.go_back()
    in_the_list_at(page, STUDIES)
    last.click()
    show(page, store, path)
    page.clock.run_for(2 * 60_000)
    page.go_back()
    in_the_list_at(page, STUDIES + 1)


def test_to_the_search_of_tags(explorer: Open, store: Store) -> None:
    """`t` is the way into the tags of a study."""
    [study] = store.http.post(
        "/tools/find", json={"Level": "Study", "Query": {"PatientID": "P0003"}}
    ).json()
    page = explorer(f"studies/{study}")
    show(page, store, f"/explorer/studies/{study}")
    search = page.get_by_role("searchbox", name="Search tags")
    expect(search).to_be_visible()
    show(page, store, f"/explorer/studies/{study}")
    page.keyboard.press("t")
    expect(search).to_be_focused()
    page.keyboard.type("PatientID")
    expect(page.get_by_role("table").get_by_text("P0003")).to_be_visible()


def test_a_link_to_the_list(explorer: Open) -> None:
    """`y` copies what shows somebody else the same studies."""
    page = explorer("?q=Dubois", alone=True)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    expect(page.locator('[aria-rowindex="2"] a')).to_be_visible()
    page.keyboard.press("y")
    notices = page.get_by_role("region", name="Notices")
    expect(notices).to_contain_text("A link to this list was copied")
    assert page.evaluate("navigator.clipboard.readText()") == page.url


def test_to_other_pages(explorer: Open) -> None:
    """Two letters lead to each page that administrators need."""
    page = explorer()
    expect(page.locator('[aria-rowindex="2"] a')).to_be_visible()
    for letters, heading in (("gn", "Modalities"), ("gt", "Routing"), ("gd", "Not delivered")):
        page.evaluate("() => new Promise(requestAnimationFrame)")
        page.keyboard.type(letters)  # in one call: the first one is forgotten soon
        expect(page.get_by_role("heading", name=heading, exact=True)).to_be_visible()
