# SPDX-License-Identifier: Apache-2.0
"""Parts of the page that do not come at once, on a network that is cut for a moment."""

from playwright.sync_api import Page, Route, expect

from browsing import Open

LATER = "fetch('/system').then((answer) => answer.text())"
"""Is done after whatever the page has asked for before."""
HAS_STYLE = """address => [...document.styleSheets].some((one) => {
  try {
    return one.href === address && one.cssRules.length > 0;
  } catch {
    return false; // one that failed is there, and cannot be read
  }
})"""

ROWS_FOLLOW = """() => {
  const at = (index) =>
    document.querySelector(`[aria-rowindex="${index}"]`)?.getBoundingClientRect();
  const [head, first, second] = [1, 2, 3].map(at);
  const near = (one, other) => Math.abs(one - other) < 1;
  const follows = second && near(second.top - first.top, first.height);
  return follows && near(head.height + 1, first.height);
}"""
"""Whether rows stand below each other, each as high as the headings with their line."""


def test_a_style_that_does_not_come_is_asked_for_again(explorer: Open) -> None:
    """The page that needs it is shown, and looks as it should once the style is there."""
    page = explorer("upload")
    expect(page.get_by_role("heading", name="Upload")).to_be_visible()
    failed: list[str] = []

    def fail_twice(route: Route) -> None:
        if len(failed) < 2 and failed[:1] in ([], [route.request.url]):
            failed.append(route.request.url)
            route.abort()
        else:
            route.continue_()

    page.route("**/assets/*.css", fail_twice)
    page.get_by_role("link", name="Network").click()
    expect(page.get_by_role("heading", name="Modalities")).to_be_visible()
    page.wait_for_function(HAS_STYLE, arg=failed[0])
    assert len(failed) == 2


def open_without_style(page: Page, path: str) -> str:
    """Open a page whose style does not come at once; the address of that."""
    failed: list[str] = []

    def fail_once(route: Route) -> None:
        if failed:
            route.continue_()
        else:
            failed.append(route.request.url)
            route.abort()

    page.route("**/assets/index-*.css", fail_once)
    page.goto(f"/explorer/{path}")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    return failed[0]


def test_the_style_of_every_page_is_asked_for_again(explorer: Open) -> None:
    """The one that the page itself names does not come: it has it later, without a reload."""
    page = explorer("upload")
    expect(page.get_by_role("heading", name="Upload")).to_be_visible()
    page.wait_for_function(HAS_STYLE, arg=open_without_style(page, "upload"))


def test_a_list_whose_style_comes_late(explorer: Open) -> None:
    """Its rows are as high as they should be from then on, one below the other."""
    page = explorer("upload")
    expect(page.get_by_role("heading", name="Upload")).to_be_visible()
    page.wait_for_function(HAS_STYLE, arg=open_without_style(page, ""))
    page.wait_for_function(ROWS_FOLLOW)
    expect(page.locator('[aria-rowindex="2"] a')).to_have_text("Okafor, Anna")


def test_a_style_that_is_gone_is_told(explorer: Open) -> None:
    """After an upgrade: the page says so, asks no more, and is whole once it is loaded anew."""
    page = explorer("upload", clock=True)
    expect(page.get_by_role("heading", name="Upload")).to_be_visible()
    asked: list[str] = []

    def miss(route: Route) -> None:
        asked.append(route.request.url)
        route.fulfill(status=404, body="")

    page.route("**/assets/*.css", miss)
    page.get_by_role("link", name="Network").click()
    notice = page.get_by_role("region", name="Notices")
    for _ in range(10):
        page.clock.run_for(10_000)
    expect(notice).to_contain_text("This page is of an earlier version of the store")
    page.evaluate(LATER)
    told = len(asked)
    page.clock.run_for(600_000)
    page.evaluate(LATER)
    assert len(asked) == told
    page.unroute("**/assets/*.css")
    notice.get_by_role("button", name="Load it anew").click()
    page.wait_for_function(HAS_STYLE, arg=asked[0])
    expect(page.get_by_role("heading", name="Modalities")).to_be_visible()
