# SPDX-License-Identifier: Apache-2.0
"""Explorer in a real Chromium, over an archive of generated rows: each figure beside its target.

./pons bench explorer [--studies 100000] [--repeat 9] [--files 200] [--data FOLDER]

The archive is that of `./pons bench lists`, and may be the same folder; 200 slices of a CT are
sent to it. Browser and store share the machine. What yes and no say (axe, the policy, faults of the
network) is held by tests/explorer.
"""

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from shutil import which

from playwright.sync_api import Page, sync_playwright

from browser import Bench, heap, median, tell, until, until_told
from find import fill
from pons_embedded.explorer import BuildFailed, build
from slices import encoded, post, scan
from stores import fresh_pons, work_folder

SLICES, EDGE = 200, 512
ROOT_UID = "1.2.826.0.1.3680043.8.498.99"
WORDS = ("smith", "müller", "garcía", "id00000777", "2023-12", "xa")
IDLE_SECONDS = 20
PARTS = (*("lists", "filters", "scrolling", "pictures", "arrivals", "uploads", "memory", "idle"),)
TOLD = "document.querySelector('button > kbd')"
"""The line that tells what has arrived."""
ROW = '[aria-rowindex="2"] a'


def first_lists(bench: Bench) -> None:
    """Rows 1, 6, 13 and 16: opening the list."""
    paints: dict[str, list[float]] = {"cold": [], "warm": []}
    shown: dict[str, list[float]] = {"cold": [], "warm": []}
    shifts: list[float] = []
    for _ in range(bench.repeat):
        context = bench.context()
        page = context.new_page()
        for kind in ("cold", "warm"):
            page.goto(f"{bench.address}/explorer/")
            page.locator(ROW).wait_for()
            page.wait_for_timeout(500)
            told = page.evaluate("told")
            paints[kind].append(told["lcp"])
            shown[kind].append(told["rows"])
            shifts.append(told["shifts"])
            if kind == "cold":
                there = told["there"]
                sizes = page.evaluate(
                    "performance.getEntriesByType('resource').map((one) => "
                    "[one.name, one.encodedBodySize, one.startTime])"
                )
        context.close()
    for kind, target in (("cold", "≤ 1000"), ("warm", "≤ 500")):
        tell("1", f"first list painted, {kind}, ms", target, median(paints[kind]))
        tell("1", f"first row there, {kind}, ms", target, median(shown[kind]))
    for suffix, most in ((".js", 250), (".css", 25)):  # the build refuses more
        total = sum(size for name, size, _ in sizes if name.endswith(suffix)) / 1000
        tell("6", f"{suffix} as it is sent, kB", f"≤ {most} (gzip)", f"{total:.0f}")
    asked = [name for name, _, at in sizes if "/assets/" not in name and at <= there]
    tell("13", "layout shift, worst", "≤ 0.02", f"{max(shifts):.3f}")
    tell("16", "requests before the first row, files aside", "≤ 4", str(len(asked)))


FOUND = """() => {
  performance.clearResourceTimings();  // the browser keeps 250 of them
  window.found = new Promise((done, fail) => {
    setTimeout(() => fail(new Error('no rows within a minute')), 60000);
    let began = 0;
    addEventListener('input', () => { began = performance.now(); }, {once: true});
    const grid = () => document.querySelector('[role=grid]');
    const search = () => new URL(location).searchParams.get('q');
    const look = () => {
      const rows = performance.getEntriesByType('resource').filter(
        (one) => one.name.endsWith('/explorer/api/studies') && one.startTime > began);
      const last = rows.at(-1);
      if (began && search() && last && last.responseEnd
          && grid() && grid().getAttribute('aria-busy') !== 'true')
        requestAnimationFrame(() => done(performance.now() - began));
      else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  });
}"""
"""Promises milliseconds from the next input to its rows."""


def filters(bench: Bench) -> None:
    """Row 3: from the last key to the rows, of which the list of before is none."""
    took = []
    for _ in range(max(1, bench.repeat // 3)):
        with bench.page() as page:  # a new one: what was asked before need not be asked again
            page.locator(ROW).wait_for()
            took += [found_after(page, word) for word in WORDS]
            bench.note_inputs("typing", page)
    tell("3", "last key to rows, ms", "≤ 300 (500 of a million)", median(took))


def found_after(page: Page, word: str) -> float:
    """Milliseconds from the last key of a word to its rows."""
    box = page.get_by_role("searchbox")
    box.fill("")
    until(page, "!document.querySelector('[role=grid]')?.ariaBusy?.includes('t')")
    page.wait_for_timeout(600)
    box.press_sequentially(word[:-1], delay=30)
    page.evaluate(FOUND)
    page.wait_for_timeout(50)
    box.press_sequentially(word[-1])
    return float(page.evaluate("window.found"))


def scrolling(bench: Bench) -> None:
    """Row 5: 8,000 pixels a second over 2,000 rows."""
    with bench.page() as page:
        page.locator(ROW).wait_for()
        page.mouse.move(640, 500)
        page.evaluate(
            """() => { window.frames_ = []; window.blank = 0; let before = performance.now();
              let since = 0;
              const look = (now) => { frames_.push(now - before); before = now;
                const row = document.elementFromPoint(500, 500)?.closest('[role=row]');
                const blank = !row || !row.querySelector('a');
                since = blank ? since || now : 0;
                if (blank) blankest(now - since);
                requestAnimationFrame(look); };
              const blankest = (long) => { window.blank = Math.max(window.blank, long); };
              requestAnimationFrame(look); }"""
        )
        began = time.monotonic()
        sent = 0.0
        while (passed := time.monotonic() - began) < 8:
            page.mouse.wheel(0, 8000 * passed - sent)
            sent = 8000 * passed
            page.wait_for_timeout(16)
        frames = page.evaluate("frames_")
        blank = page.evaluate("window.blank")
    tell("5", "scrolling, longest frame, ms", "≤ 50", f"{max(frames):.0f}")
    tell(
        "5", "scrolling, frames above 50 ms", "0", f"{sum(f > 50 for f in frames)} of {len(frames)}"
    )
    tell("5", "scrolling, rows blank for, ms", "≤ 100", f"{blank:.0f}")


def pictures(bench: Bench, study: str) -> None:
    """Rows 7, 8 and 9: the pictures of a CT."""
    opened, fetched, draws, stepped = [], [], [], []
    script = 0.0
    moves = drawn = 0
    for _ in range(max(1, bench.repeat // 3)):
        with bench.page(f"studies/{study}") as page:
            link = page.get_by_role("toolbar").get_by_role("link").first
            link.wait_for()
            page.wait_for_timeout(1_000)
            page.evaluate(
                """() => { addEventListener('click', () => { window.clicked = performance.now(); },
                   {capture: true, once: true}); }"""
            )
            link.click()
            until(page, "performance.getEntriesByName('draw', 'measure').length > 0")
            opened.append(
                page.evaluate(
                    "performance.getEntriesByName('draw', 'measure')[0].startTime - window.clicked"
                )
            )
            script = page.evaluate(
                """performance.getEntriesByType('resource').filter((one) =>
                   one.name.endsWith('.js') && one.startTime > window.clicked)
                   .reduce((sum, one) => sum + one.encodedBodySize, 0)"""
            )
            until(
                page,
                f"document.body.innerText.includes('{SLICES} of {SLICES}') "
                f"|| document.querySelector('progress')?.value >= {SLICES}",
            )
            fetched.append(
                page.evaluate(
                    """(() => { const all = performance.getEntriesByType('resource').filter(
                       (one) => one.name.includes('/frames?'));
                       return Math.max(...all.map((one) => one.responseEnd))
                         - Math.min(...all.map((one) => one.startTime)); })()"""
                )
            )
            bench.note_inputs("opening pictures", page)
            stepped += steps_of(page)
            bench.note_inputs("scrolling pictures", page)
            page.evaluate("performance.clearMeasures('draw')")
            box = page.locator("canvas").bounding_box()
            assert box
            page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
            page.evaluate(
                """() => { window.moved = 0; let moves = 0;
                   addEventListener('pointermove', () => { moves += 1; }, {capture: true});
                   const look = () => { if (moves) window.moved += 1; moves = 0;
                     requestAnimationFrame(look); };
                   requestAnimationFrame(look); }"""
            )
            page.mouse.down()
            for step in range(60):
                page.mouse.move(
                    box["x"] + box["width"] / 2 + step, box["y"] + box["height"] / 2 + step / 2
                )
            page.mouse.up()
            bench.note_inputs("window drag", page)
            some = page.evaluate(
                "performance.getEntriesByName('draw', 'measure').map((one) => one.duration)"
            )
            draws += some
            drawn += len(some)
            moves += page.evaluate("window.moved")
    tell("7", "first picture after a click, ms", "≤ 500", median(opened))
    tell("7", "more JavaScript for it, kB", "≤ 60 (gzip)", f"{script / 1000:.0f}")
    tell("8", "draws, of frames in which the pointer moved", "each", f"{drawn} of {moves}")
    slowest = sorted(draws)[int(len(draws) * 0.95)]
    tell(
        "8", f"a draw of {EDGE}², ms", "≤ 4", f"{statistics.median(draws):.1f} (p95 {slowest:.1f})"
    )
    tell("9", f"{SLICES} slices of {EDGE}² fetched, ms", "≤ 3000", median(fetched))
    tell("9", "a key to the next slice, from memory, ms", "≤ 16", median(stepped))


def steps_of(page: Page) -> list[float]:
    """Milliseconds from a key to the drawing that it asks for (whoever looks sees it later)."""
    page.keyboard.press("Home")
    until(page, "document.querySelector('canvas')?.dataset.slice === '0'")
    page.evaluate(
        """() => { window.steps = [];
           addEventListener('keydown', () => { const began = performance.now();
             const before = Number(document.querySelector('canvas').dataset.slice);
             const look = () => {
               if (Number(document.querySelector('canvas')?.dataset.slice) === before + 1) {
                 const draw = performance.getEntriesByName('draw', 'measure').at(-1);
                 steps.push(draw.startTime + draw.duration - began);
               } else requestAnimationFrame(look); };
             requestAnimationFrame(look); }, {capture: true}); }"""
    )
    for number in range(60):
        page.keyboard.press("ArrowDown")
        until(page, f"steps.length === {number + 1}")
    found: list[float] = page.evaluate("steps")
    return found


def arrivals(bench: Bench) -> None:
    """Row 10: from the acknowledgement of an image to the line that tells of it."""
    took = []
    with bench.page() as page:
        page.locator(ROW).wait_for()
        page.wait_for_timeout(2_000)
        for _ in range(max(3, bench.repeat // 2)):
            post(bench.store, encoded(scan(f"{ROOT_UID}.3.{time.time_ns()}", 0, 16)))
            acknowledged = time.perf_counter()
            until(page, TOLD)
            took.append((time.perf_counter() - acknowledged) * 1000)
            page.keyboard.press(".")
            until(page, f"!{TOLD}")
            page.wait_for_timeout(500)
    tell("10", "acknowledged image to the line in the list, ms", "≤ 1000", median(took))


def uploads(bench: Bench, files: int) -> None:
    """Row 11: a folder through the page, and as many files by four connections of a script."""
    size = EDGE * EDGE * 2

    def fresh() -> list[bytes]:
        root = f"{ROOT_UID}.7.{time.time_ns()}"
        return [encoded(scan(root, n, EDGE)) for n in range(files)]

    with ThreadPoolExecutor(4) as pool:
        script = fresh()
        began = time.perf_counter()
        list(pool.map(lambda body: post(bench.store, body), script))
        by_script = time.perf_counter() - began
    with tempfile.TemporaryDirectory() as folder, bench.page("upload") as page:
        for number, body in enumerate(fresh()):
            (Path(folder) / f"{number}.dcm").write_bytes(body)
        os.sync()  # else the store's own files wait behind these
        session = page.context.new_cdp_session(page)
        session.send("Performance.enable")
        before = heap(session)
        picker = page.locator('input[type="file"][webkitdirectory]')
        picker.wait_for(state="attached")
        began = time.perf_counter()
        picker.set_input_files(folder)
        until_told(page, "progress + p", f"{files:,} of {files:,} files")
        by_page = time.perf_counter() - began
        page.wait_for_timeout(500)
        bench.note_inputs("upload", page)
        more = heap(session) - before
    rates = [files * size / 1e6 / seconds for seconds in (by_page, by_script)]
    tell(
        "11",
        f"upload of {files} files, MB/s (a script: {rates[1]:.0f})",
        "≥ 90 % of the script's",
        f"{rates[0]:.0f} ({100 * rates[0] / rates[1]:.0f} %)",
    )
    tell("11", "memory of scripts after it, MB more", "≤ 200", f"{more:.1f}")


def memory(bench: Bench, steps: int) -> None:
    """Row 12, in short: the list, a study, its pictures and back, again and again."""
    with bench.page() as page:
        session = page.context.new_cdp_session(page)
        session.send("Performance.enable")
        sizes = []
        for step in range(steps):
            page.locator(ROW).wait_for()
            page.locator(ROW).click()
            page.get_by_role("tree").wait_for()
            page.go_back()
            page.locator(ROW).wait_for()
            if step in (steps // 5, steps - 1):
                sizes.append(heap(session))
    tell(
        "12",
        f"memory of scripts, from step {steps // 5} to {steps} of list and study, MB more",
        "≤ 20 in an hour",
        f"{sizes[1] - sizes[0]:.1f}",
    )


def idle(bench: Bench) -> None:
    """Row 16: a list that nobody touches asks for nothing."""
    with bench.page() as page:
        page.locator(ROW).wait_for()
        page.wait_for_timeout(4_000)
        asked: list[str] = []
        page.on("request", lambda one: asked.append(one.url))
        page.wait_for_timeout(IDLE_SECONDS * 1000)
    tell("16", f"requests of an idle list in {IDLE_SECONDS} s", "0", str(len(asked)))


def interactions(bench: Bench) -> None:
    """Row 4: all inputs of all flows."""
    for flow, values in bench.inputs.items():
        found = sorted(values)
        p95 = found[min(len(found) - 1, int(len(found) * 0.95))]
        tell(
            "4", f"input to screen, {flow}, p95, ms", "≤ 100", f"{p95:.0f} (worst {found[-1]:.0f})"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=100_000)
    parser.add_argument("--repeat", type=int, default=9)
    parser.add_argument("--files", type=int, default=200, help="that are uploaded")
    parser.add_argument("--data", type=Path, help="keep the archive here, and measure it again")
    parser.add_argument("--only", nargs="*", choices=PARTS, help="these parts alone")
    arguments = parser.parse_args()
    chromium = which("chromium") or which("chromium-browser")
    if chromium is None:
        raise SystemExit("this needs chromium (Debian and Ubuntu: apt install chromium)")
    try:
        build(lambda line: print(line, file=sys.stderr))
    except BuildFailed as failure:
        raise SystemExit(f"Explorer cannot be built: {failure}") from None
    with nullcontext(arguments.data) if arguments.data else work_folder() as folder:
        if not (folder / "pons").exists():
            folder.mkdir(exist_ok=True)
            with fresh_pons(folder, {}):
                asyncio.run(fill(folder / "pons", arguments.studies))
        with fresh_pons(folder, {}) as store, sync_playwright() as playwright:
            for number in range(SLICES):
                study = post(store, encoded(scan(f"{ROOT_UID}.1", number, EDGE)))
            browser = playwright.chromium.launch(
                executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
            )
            bench = Bench(browser, store, arguments.repeat)
            load = os.getloadavg()[0]
            print(f"{os.cpu_count()} cores, load {load:.0f}, Chromium {browser.version}\n")
            print("| row | what | target | measured: median |\n|---|---|---|---|")
            parts: dict[str, Callable[[], None]] = {
                "lists": lambda: first_lists(bench),
                "filters": lambda: filters(bench),
                "scrolling": lambda: scrolling(bench),
                "pictures": lambda: pictures(bench, study),
                "arrivals": lambda: arrivals(bench),
                "uploads": lambda: uploads(bench, arguments.files),
                "memory": lambda: memory(bench, 50),
                "idle": lambda: idle(bench),
            }
            for name in arguments.only or parts:
                parts[name]()
            interactions(bench)
            browser.close()


if __name__ == "__main__":
    main()
