# SPDX-License-Identifier: Apache-2.0
"""Every page and dialog as axe sees it, in every language and a narrow window."""

import pytest
from playwright.sync_api import expect

from browsing import Open, faults_of, in_each_language, visit
from tabs import WINDOW

MARKS = """() => {
  const row = document.querySelector('[aria-rowindex="2"]');
  const other = document.querySelector('[aria-rowindex="3"] input');
  const ground = (input) => getComputedStyle(input, '::after').backgroundColor;
  return {
    frame: getComputedStyle(row).outlineStyle,
    tick: ground(row.querySelector('input')),
    box: ground(other),
  };
}"""
"""How a list shows that its first row is chosen, and the second one is not."""

SIDEWAYS = "({ parentElement: box }) => box.scrollWidth - box.clientWidth"
"""How far what a dialog is in scrolls sideways."""


@pytest.mark.parametrize("language", ["en", "de", "fr"])
def test_list(explorer: Open, language: str) -> None:
    page = explorer("?q=Müller%20P000", preferences={"language": language})
    expect(page.locator('[aria-rowindex="2"] a')).to_be_visible()
    assert faults_of(page) == []
    assert page.evaluate("document.documentElement.lang") == language
    page.get_by_role("grid").focus()
    page.keyboard.press("Space")
    expect(page.locator('[aria-selected="true"]')).to_have_count(1)
    assert faults_of(page) == []


def test_everything_else(explorer: Open) -> None:
    page = explorer("?q=nobodyhere")
    expect(page.get_by_role("heading", name="No study matches")).to_be_visible()
    assert faults_of(page) == []
    page.get_by_role("button", name="Filter", exact=True).click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert faults_of(page) == []
    page.keyboard.press("Escape")
    visit(page, "/explorer/upload")
    expect(page.get_by_role("heading", name="Upload")).to_be_visible()
    assert faults_of(page) == []
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    assert faults_of(page) == []
    page.set_viewport_size({"width": 320, "height": 256})
    for language in in_each_language(page):
        assert page.get_by_role("dialog").evaluate(SIDEWAYS) == 0, language
    page.set_viewport_size(WINDOW)
    page.keyboard.press("Escape")
    visit(page, "/explorer/nowhere/at/all")
    expect(page.get_by_role("heading", name="No such page")).to_be_visible()
    assert faults_of(page) == []


def test_dialogs(explorer: Open) -> None:
    page = explorer("?q=Dubois%20P000")
    expect(page.locator('[aria-rowindex="2"] a')).to_be_visible()
    page.locator('[aria-rowindex="2"] input').click()
    page.emulate_media(forced_colors="active")
    marks = page.evaluate(MARKS)
    page.emulate_media(forced_colors="none")
    assert marks["frame"] == "solid"
    assert marks["tick"] != marks["box"]
    page.keyboard.press("l")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Label", exact=True)).to_be_visible()
    assert faults_of(page) == []
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    page.keyboard.press("e")
    expect(dialog.get_by_label("fixed")).to_be_visible()
    assert faults_of(page) == []


def test_narrow_window(explorer: Open) -> None:
    """The side bar is a drawer that keys open and close, and the page itself does not scroll
    sideways."""
    page = explorer(viewport={"width": 768, "height": 1024})
    expect(page.locator('[aria-rowindex="2"] a')).to_be_visible()
    expect(page.get_by_role("navigation")).to_have_count(0)
    bars = page.get_by_role("button", name="Show or hide the side bar")
    bars.press("Enter")
    expect(page.get_by_role("navigation", name="Pages")).to_be_visible()
    expect(page.get_by_role("link", name="Studies", exact=True)).to_be_focused()
    assert faults_of(page) == []
    page.keyboard.press("Escape")
    expect(page.get_by_role("navigation", name="Pages")).to_have_count(0)
    expect(bars).to_be_focused()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_no_text_without_translation(explorer: Open) -> None:
    """In the language of tests every text of the page is foreign, so none stands in the code."""
    page = explorer(preferences={"language": "xx"})
    expect(page.locator('[aria-rowindex="2"] a')).to_be_visible()
    texts = page.evaluate(
        """() => [...document.querySelectorAll('nav a, nav h2, button, [role=columnheader]')]
          .filter((one) => !one.querySelector('bdi + span')) // a label is what people wrote
          .map((one) => one.innerText.trim())
          .filter((text) => !/^\\[/.test(text) && /[a-z]{2}/i.test(text))"""
    )
    assert texts == []
