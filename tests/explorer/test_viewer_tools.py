# SPDX-License-Identifier: Apache-2.0
"""The tools above a picture: that they take no more room than one line."""

from playwright.sync_api import expect

from browsing import Open, faults_of, in_each_language
from outside import Store
from pictures import send, volume

MIDDLES = """bar => [...bar.children].map((one) => one.getBoundingClientRect())
  .map(({ top, bottom }) => (top + bottom) / 2)"""


def test_the_tools_are_in_one_line(explorer: Open, store: Store) -> None:
    """Beside the side bar of a laptop's window, in each language; what is short is the name."""
    slices = volume(12)
    for ds in slices:
        ds.SeriesDescription = "Sagittal T1 spin echo, after contrast, repeated"
    page = explorer(f"view/{send(store, *slices)}", viewport={"width": 1280, "height": 720})
    tools = page.get_by_role("toolbar")
    expect(tools.get_by_text("/ 12")).to_be_visible()
    name = tools.get_by_title(slices[0].SeriesDescription, exact=True)
    for language in in_each_language(page):
        middles = tools.evaluate(MIDDLES)
        assert max(middles) - min(middles) < 4, language
        assert name.evaluate("name => name.clientWidth") >= 56, language
    assert faults_of(page) == []
