# SPDX-License-Identifier: Apache-2.0
"""Pictures in a browser: what is seen is what the file says, whatever is done with it."""

import re
import time
from collections.abc import Callable

import numpy as np
from playwright.sync_api import Page, Route, expect
from pydicom import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import JPEGBaseline8Bit, generate_uid

from browsing import FITS, Open, faults_in_each_language, faults_of, reload, until, visit
from outside import Store
from pictures import EDGE, picture, seen, send, slope, volume

PIXELS = """canvas => [...canvas.getContext('2d')
  .getImageData(0, 0, canvas.width, canvas.height).data]"""
GREY = slope("<u2", low=0, high=4095)
WAIT = 60_000
"""Milliseconds that a busy machine may take to send the first frame."""
TOO_SLOW = 250
"""Milliseconds of a draw that no machine needs for so few pixels."""


def lut(first: int, values: list[int], bits: int) -> Dataset:
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [len(values), first, bits])
    item.add_new("LUTData", "US", values)
    return item


def padded() -> Dataset:
    pixels = slope()
    pixels[:5] = -2000
    return picture(pixels, PixelPaddingValue=-2000, PhotometricInterpretation="MONOCHROME1")


KINDS: dict[str, Callable[[], Dataset]] = {
    "CT": lambda: picture(
        slope(), RescaleSlope=2, RescaleIntercept=-24, WindowCenter=40, WindowWidth=400
    ),
    "exact": lambda: picture(
        GREY, WindowCenter=2000, WindowWidth=900.5, VOILUTFunction="LINEAR_EXACT"
    ),
    "sigmoid": lambda: picture(
        GREY, WindowCenter=2000, WindowWidth=900, VOILUTFunction="SIGMOID"
    ),
    "no window": lambda: picture(slope(high=3000)),
    "inverted and padded": padded,
    "8 bits": lambda: picture(slope("u1", low=0, high=255), WindowCenter=100, WindowWidth=120),
    "32 bits, a dose": lambda: picture(
        slope("<u4", low=0, high=4e9), RescaleSlope=1.5e-8, RescaleIntercept=0, Modality="RTDOSE"
    ),
    "VOI LUT": lambda: picture(
        GREY, VOILUTSequence=Sequence([lut(1000, [(n * n) % 1024 for n in range(900)], 10)])
    ),
    "modality LUT": lambda: picture(
        GREY,
        ModalityLUTSequence=Sequence([lut(0, [n // 3 for n in range(4096)], 16)]),
        WindowCenter=700,
        WindowWidth=800,
    ),
    "colour": lambda: picture(
        np.random.default_rng(1).integers(0, 256, (EDGE, EDGE, 3), np.uint8)
    ),
}  # fmt: skip


def shown(page: Page, slice_: int = 0) -> list[list[int]]:
    """Red, green and blue of each pixel of the frame, once it is the one that is asked for."""
    canvas = page.locator(f'canvas[data-slice="{slice_}"]')
    expect(canvas).to_be_visible(timeout=WAIT)
    values = np.array(canvas.evaluate(PIXELS)).reshape(-1, 4)
    assert (values[:, 3] == 255).all()
    colours: list[list[int]] = values[:, :3].tolist()
    return colours


def assert_same(found: list[list[int]], expected: list[list[int]], what: str = "") -> None:
    """The same shades. Halves may fall to either side where the two divide in another order."""
    off = np.abs(np.array(found) - np.array(expected))
    amount = f"{(off > 1).mean():.1%} of the pixels are off, by up to {off.max()}"
    assert off.max() <= 1, f"{what} {amount}"
    assert (off > 0).mean() < 0.01, what


def assert_seen(page: Page, expected: list[list[int]], what: str = "") -> None:
    """The frame that is there gets these shades, as soon as the page has drawn it again."""
    deadline = time.monotonic() + 20
    while True:
        try:
            return assert_same(shown(page), expected, what)
        except AssertionError:
            if time.monotonic() > deadline:
                raise
        page.wait_for_timeout(50)


def test_what_is_seen_is_what_the_file_says(explorer: Open, store: Store) -> None:
    """Each pixel has the shade that another program computes of the same file, of every kind."""
    study, expected = generate_uid(), {}
    for number, (kind, make) in enumerate(KINDS.items(), 1):
        ds = make()
        ds.StudyInstanceUID, ds.SeriesNumber = study, number
        series = send(store, ds)
        expected[kind] = seen(ds)
    page = explorer(f"view/{series}")  # of the last one, which is in colour
    strip = page.get_by_role("navigation", name="Series of the study").get_by_role("link")
    expect(strip).to_have_count(len(KINDS))
    for number, (kind, pixels) in reversed(list(enumerate(expected.items()))):
        expect(strip.nth(number)).to_have_attribute("aria-current", "page")
        assert np.min(pixels) < 30, f"{kind}: the test would see nothing"
        assert np.max(pixels) > 200, kind
        assert_seen(page, pixels, kind)
        page.keyboard.press("[")


def test_slices_come_in_order(explorer: Open, store: Store) -> None:
    """Keys and wheel move through space, whatever the order of arrival, and nothing is skipped."""
    slices = volume(30)
    page = explorer(f"view/{send(store, *slices[::-1])}?slice=1")
    assert_same(shown(page, 0), seen(slices[0]))
    for number in range(1, 30):
        page.keyboard.press("ArrowDown")
        page.locator(f'canvas[data-slice="{number}"]').wait_for()
    assert_same(shown(page, 29), seen(slices[29]))
    page.keyboard.press("Home")
    page.keyboard.press("PageDown")
    assert_same(shown(page, 10), seen(slices[10]))
    page.locator("canvas").hover()
    page.mouse.wheel(0, 300)
    assert_same(shown(page, 13), seen(slices[13]))
    expect(page).to_have_url(re.compile("slice=14"))
    reload(page)
    assert_same(shown(page, 13), seen(slices[13]))


def test_window_by_drag_key_and_field(explorer: Open, store: Store) -> None:
    """Whatever way it is changed, the picture is that of the window that is written beside it."""
    (ds,) = volume(1)
    page = explorer(f"view/{send(store, ds)}")
    shown(page)
    box = page.locator("canvas").bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    for step in range(1, 61):
        page.mouse.move(x - step, y + step / 2)
    page.mouse.up()
    width = page.get_by_label("Width of the window")
    expect(width).not_to_have_value("2000")
    draws = page.evaluate("performance.getEntriesByName('draw').map(one => one.duration)")
    assert len(draws) > 5
    assert sorted(draws)[len(draws) // 2] < TOO_SLOW
    corner = page.locator("[data-at=bottom-right]")
    page.keyboard.press("2")  # the whole range, after the window of the file
    del ds.WindowCenter, ds.WindowWidth
    assert_seen(page, seen(ds))
    width.fill("100")
    page.get_by_label("Centre of the window").fill("300")
    ds.WindowCenter, ds.WindowWidth, ds.VOILUTFunction = 300, 100, "LINEAR_EXACT"
    expect(corner).to_contain_text("W 100 L 300")
    assert_seen(page, seen(ds))
    expect(page).to_have_url(re.compile("wc=300.*ww=100"))
    page.get_by_label("Centre of the window").blur()  # a field takes letters itself
    page.keyboard.press("r")
    ds.WindowCenter, ds.WindowWidth, ds.VOILUTFunction = 500, 2000, "LINEAR"
    expect(corner).to_contain_text("W 2000")
    assert_seen(page, seen(ds))
    page.keyboard.press("i")
    expect(corner).to_contain_text("inverted")
    assert_seen(page, [[255 - one for one in pixel] for pixel in seen(ds)])


def test_value_and_place_under_the_pointer(explorer: Open, store: Store) -> None:
    """Column and row, the value in its unit, the place in the patient, also when it is flipped."""
    (ds,) = volume(1)
    page = explorer(f"view/{send(store, ds)}")
    shown(page)
    value = page.locator("output")

    def at(column: int, row: int) -> None:
        box = page.locator("canvas").bounding_box()
        assert box
        x = box["x"] + (column + 0.5) * box["width"] / EDGE
        page.mouse.move(x, box["y"] + (row + 0.5) * box["height"] / EDGE)

    def told(column: int, row: int) -> str:
        place = f"({-10 + column / 2:.1f}, {-20 + row / 2:.1f}, 0.0 mm)"
        return f"{column}, {row} = {ds.pixel_array[row, column]} HU  {place}"

    at(7, 31)
    expect(value).to_have_text(told(7, 31))
    expect(page.locator("[data-at=left]")).to_have_text("R")
    page.keyboard.press("h")
    expect(page.locator("[data-at=left]")).to_have_text("L")
    at(7, 31)
    expect(value).to_have_text(told(EDGE - 1 - 7, 31))


def test_the_value_is_that_of_the_frame_that_is_seen(explorer: Open, store: Store) -> None:
    """Keys that move to another slice tell its value where the pointer rests."""
    slices = volume(3)
    page = explorer(f"view/{send(store, *slices)}?slice=1")
    shown(page, 0)
    box = page.locator("canvas").bounding_box()
    assert box
    page.mouse.move(box["x"] + 7.5 * box["width"] / EDGE, box["y"] + 31.5 * box["height"] / EDGE)
    value = page.locator("output")
    for number, ds in enumerate(slices):
        expect(page.locator(f'canvas[data-slice="{number}"]')).to_be_visible()
        expect(value).to_contain_text(f" = {ds.pixel_array[31, 7]} HU")
        page.keyboard.press("ArrowDown")


def test_lengths(explorer: Open, store: Store) -> None:
    """Two clicks measure in mm; without a spacing the unit is pixels."""
    (ds,) = volume(1)
    page = explorer(f"view/{send(store, ds)}")
    shown(page)
    page.keyboard.press("m")
    remove = page.get_by_role("button", name="Remove the lengths")
    expect(remove).to_be_disabled()
    box = page.locator("canvas").bounding_box()
    assert box
    y = box["y"] + box["height"] / 2
    page.mouse.click(box["x"] + box["width"] * 0.25, y)
    page.mouse.click(box["x"] + box["width"] * 0.75, y)
    expect(page.locator("svg text")).to_have_text(f"{EDGE / 2 * 0.5:g} mm")
    assert page.locator("canvas").bounding_box() == box  # the bar has not wrapped
    remove.click()
    expect(page.locator("svg text")).to_have_count(0)
    expect(remove).to_be_disabled()
    expect(remove).to_be_focused()


def test_what_cannot_be_shown_says_why(explorer: Open, store: Store) -> None:
    """A frame whose bytes are no JPEG says so; the slices around it are there."""
    slices = volume(3)
    broken = slices[1]
    broken.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    broken.PixelData = b"\xfe\xff\x00\xe0\0\0\0\0\xfe\xff\x00\xe0\x08\0\0\0no JPEG "
    broken["PixelData"].is_undefined_length = True
    page = explorer(f"view/{send(store, *slices)}?slice=1")
    shown(page)
    page.keyboard.press("ArrowDown")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("This cannot be shown as a picture")
    expect(page.locator("canvas")).to_be_hidden()
    assert faults_of(page) == []
    page.keyboard.press("ArrowDown")
    assert_same(shown(page, 2), seen(slices[2]))
    expect(alert).to_have_count(0)


def test_reports_are_read(explorer: Open, store: Store) -> None:
    """A structured report is text, whole, however long and whatever it looks like; tools that
    would do nothing to it are not offered."""
    text = "<script>alert(1)</script> " + "long " * 300 + "end of the report"
    title = Dataset()
    title.CodeValue, title.CodingSchemeDesignator, title.CodeMeaning = "1", "99T", "Finding"
    item = Dataset()
    item.ValueType, item.TextValue = "TEXT", text
    item.ConceptNameCodeSequence = Sequence([title])
    ds = picture(slope())
    del ds.PixelData, ds.Rows
    ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.88.11"
    ds.Modality, ds.ValueType = "SR", "CONTAINER"
    ds.ContentSequence = Sequence([item])
    page = explorer(f"view/{send(store, ds)}")
    report = page.get_by_role("article")
    expect(report).to_contain_text("end of the report")
    expect(report).to_contain_text("<script>alert(1)</script>")
    expect(report).to_contain_text("Finding")
    expect(page.get_by_role("slider", name="Number of the picture")).to_be_visible()
    for tool in ("Measure a length", "Invert"):
        expect(page.get_by_role("button", name=tool)).to_have_count(0)
    assert faults_of(page) == []


def test_frames_of_one_instance(explorer: Open, store: Store) -> None:
    """Frames are slices, play by themselves, and stop."""
    pixels = np.stack([slope() + 10 * number for number in range(8)])
    ds = picture(pixels, WindowCenter=500, WindowWidth=2000)
    page = explorer(f"view/{send(store, ds)}?slice=1")
    assert_same(shown(page, 0), seen(ds, 0))
    page.keyboard.press("End")
    assert_same(shown(page, 7), seen(ds, 7))
    page.keyboard.press("Space")
    for number in (0, 1, 2):
        page.locator(f'canvas[data-slice="{number}"]').wait_for()
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible()


def test_a_store_that_stumbles(explorer: Open, store: Store) -> None:
    """Streams that fail or break are asked for again, and the right pictures come."""
    slices = volume(12)
    series = send(store, *slices)
    page = explorer()
    failures = [0]

    def stumble(route: Route) -> None:
        failures[0] += 1
        if failures[0] == 1:
            route.abort()
        elif failures[0] == 2:
            route.fulfill(status=503, json={"Details": "busy"})
        elif failures[0] == 3:
            answer = route.fetch()
            route.fulfill(status=200, body=answer.body()[:-100])
        else:
            route.continue_()

    page.route("**/series/*/frames*", stumble)
    visit(page, f"/explorer/view/{series}?slice=1")
    assert_same(shown(page, 0), seen(slices[0]))
    page.keyboard.press("End")
    assert_same(shown(page, 11), seen(slices[11]))
    assert failures[0] > 3


def test_accessible(explorer: Open, store: Store) -> None:
    """The page, its list of windows, a narrow window, and one as small as zoom makes it: there the
    picture keeps a height in which it can be read, and can be scrolled to."""
    series = send(store, *volume(3, WindowCenterWidthExplanation="SOFT"))
    page = explorer(f"view/{series}")
    shown(page, 1)
    assert faults_in_each_language(page) == []
    page.set_viewport_size({"width": 768, "height": 1024})
    assert faults_in_each_language(page) == []
    page.get_by_role("button", name="Windows").click()
    expect(page.get_by_text("SOFT", exact=True)).to_be_visible()
    assert faults_of(page) == []
    page.keyboard.press("Escape")
    expect(page.get_by_text("SOFT", exact=True)).to_have_count(0)
    for width, height in ((640, 360), (320, 256)):
        page.set_viewport_size({"width": width, "height": height})
        stage = page.locator("canvas").locator("..")
        box = stage.bounding_box()
        assert box is not None
        assert box["height"] > 150
        series_strip = page.get_by_role("navigation", name="Series of the study")
        series_strip.get_by_role("link").first.scroll_into_view_if_needed()
        link = series_strip.get_by_role("link").first.bounding_box()
        strip = series_strip.bounding_box()
        assert link is not None
        assert strip is not None
        assert strip["height"] > link["height"] > 50
        assert page.evaluate(FITS)


def test_what_nobody_touches_is_not_drawn_again(explorer: Open, store: Store) -> None:
    """Once all is loaded the page is at rest; a key that changes something draws once or twice."""
    series = send(store, *volume(6))
    page = explorer(f"view/{series}?slice=1")
    shown(page)
    expect(page.locator('progress[value="6"]')).to_be_attached()
    count = "performance.getEntriesByName('draw', 'measure').length"

    def rests() -> bool:
        """Whether nothing is drawn within a second: the address is written, all is settled."""
        page.evaluate("performance.clearMeasures('draw')")
        page.wait_for_timeout(1_000)
        return bool(page.evaluate(count) == 0)

    until(page, rests)
    page.keyboard.press("i")
    until(page, lambda: page.evaluate(count))
    page.wait_for_timeout(1_000)
    assert page.evaluate(count) <= 3


def test_a_link_to_what_is_gone(explorer: Open, store: Store) -> None:
    """Another picture is shown, and it is said that it is another one; dark where it is empty."""
    series = send(store, picture(np.full((EDGE, EDGE), 7, np.int16)))
    nobody = "-".join(["00000000"] * 5)
    page = explorer(f"view/{series}?instance={nobody}")
    assert shown(page) == [[0, 0, 0]] * EDGE**2
    expect(page.get_by_text("not in the series, or not any more").last).to_be_visible()


def test_a_series_that_changes(explorer: Open, store: Store) -> None:
    """A slice that comes while one looks is there after a moment, in its place."""
    slices = volume(4)
    series = send(store, *slices[:2], slices[3])
    page = explorer(f"view/{series}?slice=1")
    shown(page, 0)
    assert send(store, slices[2]) == series
    reload(page)
    shown(page, 0)
    for _ in range(2):
        page.keyboard.press("ArrowDown")
    assert_same(shown(page, 2), seen(slices[2]))
