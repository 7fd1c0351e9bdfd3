# SPDX-License-Identifier: Apache-2.0
"""A store that cannot be reached: the page says so, keeps what it has, and goes on by itself."""

from playwright.sync_api import Request, Route, expect

from browsing import Open, faults_of, in_each_language, until

BANNER = {
    "en": "The store does not answer.",
    "de": "Der Speicher antwortet nicht.",
    "fr": "L’archive ne répond pas.",
}

SEEN = """words => {
  window.seen = 0;
  new MutationObserver(() => {
    if (document.querySelector('header + *').textContent.includes(words)) window.seen += 1;
  }).observe(document.body, { childList: true, subtree: true });
}"""
"""Counts changes of the page while the banner was there."""
TRIES = 7
SECOND = 1_000


def test_away_and_back(explorer: Open) -> None:
    """What was there stays to be read; what was asked for meanwhile comes without a reload."""
    page = explorer("?q=Schneider")
    first = page.locator('[aria-rowindex="2"] a')
    expect(first).to_contain_text("Schneider")
    page.route("**/explorer/api/**", lambda route: route.abort())
    page.get_by_role("searchbox").fill("Dubois")
    said = page.get_by_role("banner").locator("+ *")
    expect(said.get_by_text(BANNER["en"])).to_be_visible()
    expect(first).to_contain_text("Schneider")
    page.locator('a[href="/explorer/upload"]').first.click()
    page.wait_for_url("**/explorer/upload")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    for language in in_each_language(page):
        expect(said.get_by_text(BANNER[language])).to_be_visible()
        assert faults_of(page) == [], language
    page.go_back()
    page.unroute("**/explorer/api/**")
    expect(first).to_contain_text("Dubois")
    expect(said.get_by_text(BANNER["en"])).to_have_count(0)


def test_one_path_that_gets_no_answer(explorer: Open) -> None:
    """It is no absence of the store: nothing is said of one, and nobody asks for ever."""
    page = explorer("?q=Schneider", clock=True)
    expect(page.locator('[aria-rowindex="2"] a')).to_contain_text("Schneider")
    page.evaluate(SEEN, BANNER["en"])
    tried: list[str] = []
    asked: list[str] = []

    def refuse(route: Route) -> None:
        tried.append(route.request.url)
        route.fulfill(status=504)

    def note(request: Request) -> None:
        if request.url.endswith("/explorer/api/session"):
            asked.append(request.url)

    page.route("**/explorer/api/studies", refuse)
    page.on("requestfinished", note)
    page.get_by_role("searchbox").fill("Dubois")

    def given_up() -> bool:
        page.clock.run_for(SECOND)
        return page.get_by_role("button", name="Try again").is_visible()

    until(page, given_up)
    until(page, lambda: asked)
    page.clock.run_for(60 * SECOND)
    assert len(tried) == TRIES
    assert len(asked) <= TRIES
    assert page.evaluate("window.seen") == 0
