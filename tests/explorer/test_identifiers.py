# SPDX-License-Identifier: Apache-2.0
"""Lists of identifiers from a table."""

from playwright.sync_api import expect

from browsing import Open, faults_of, rows

PASTE = """(field, text) => {
  const clipboardData = new DataTransfer();
  clipboardData.setData('text', text);
  const how = { clipboardData, bubbles: true, cancelable: true };
  field.dispatchEvent(new ClipboardEvent('paste', how));
}"""


def test_a_column_of_a_table_is_pasted(explorer: Open) -> None:
    """Its identifiers are one list, in the box and in a filter; a study is one of them. What is
    not there is named."""
    page = explorer()
    box = page.get_by_role("searchbox")
    box.evaluate(PASTE, "P0004\r\nP0005\r\nNOBODY1\r\nNOBODY2\r\n")
    expect(box).to_have_value("id:P0004,P0005,NOBODY1,NOBODY2")
    expect(page.get_by_role("button", name="Remove ID P0004, P0005 and 2 more")).to_be_visible()
    told = page.get_by_text("Patient ID: 2 of 4 are not in the store: NOBODY1, NOBODY2")
    expect(told).to_be_visible()
    expect(page.locator('[aria-rowindex="3"]')).to_contain_text("P000")
    found = rows(page)
    box.fill("")
    page.get_by_role("button", name="Filter", exact=True).click()
    field = page.get_by_label("Patient ID")
    field.evaluate(PASTE, "P0004\tP0005\tNOBODY")
    expect(field).to_have_value("P0004, P0005, NOBODY")
    field.press("Enter")
    expect(
        page.get_by_role("button", name="Remove Patient ID P0004, P0005, NOBODY")
    ).to_be_visible()
    expect(page.get_by_text("Patient ID: 1 of 3 is not in the store: NOBODY")).to_be_visible()
    expect(page.locator('[aria-rowindex="3"]')).to_contain_text("P000")
    assert rows(page) == found
    assert faults_of(page) == []
