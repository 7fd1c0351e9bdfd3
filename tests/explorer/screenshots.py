# SPDX-License-Identifier: Apache-2.0
"""Makes the pictures of docs/explorer.md anew: `.venv/bin/python tests/explorer/screenshots.py`.

It starts a store of its own, with made-up patients, phantoms and a made-up week, and takes it away.
"""

import asyncio
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import Page, expect, sync_playwright
from pydicom.uid import generate_uid

sys.path.insert(0, str(Path(__file__).parents[1] / "integration"))

from outside import ROOT, Store, eventually, running
from patients import encoded, fill
from pictures import picture

IMAGES = ROOT / "docs" / "images"
WIDTH, HEIGHT = 1280, 800
EDGE, SLICES = 256, 24
SCHEDULED = (
    ("Lindqvist^Maja", "Thorax, planning", "083000"),
    ("Okafor^Chidi", "Head", "091500"),
    ("Sorensen^Ida", "Pelvis, follow-up", "101500"),
)
"""Patient, procedure and time of the entries of the worklist."""
WEEK = """
INSERT INTO history
SELECT step, at, step, (busy * step * 14)::bigint, (busy * step * 7400000)::bigint, true,
    (8120 - age * 21)::bigint, (1204400 - age * 3900)::bigint,
    (631243400000 - age * 1900000000)::bigint, (402653184000 + age * 1900000000)::bigint,
    (busy * 40)::bigint, busy * 1.5, (busy * 3)::integer, 0
FROM (
    SELECT step, at, extract(epoch FROM now() - at) / 86400 AS age,
        (0.02 + greatest(0, sin(extract(epoch FROM at)::bigint % 86400 / 86400.0 * 6.2832 - 1.6)))
            * (0.6 + 0.4 * random()) AS busy
    FROM (
        SELECT 60 AS step, generate_series(date_trunc('minute', now()) - interval '23 hours',
            date_trunc('minute', now()) - interval '1 minute', '1 minute') AS at
        UNION ALL
        SELECT 600, generate_series(date_bin('10 minutes', now(), 'epoch') - interval '166 hours',
            date_bin('10 minutes', now(), 'epoch') - interval '1 day', '10 minutes')
    ) AS steps
) AS week
ON CONFLICT DO NOTHING
"""


def phantom(height: float) -> NDArray[Any]:
    """A slice through a body with two lungs and a spine, in Hounsfield units."""
    y, x = np.mgrid[-1 : 1 : EDGE * 1j, -1 : 1 : EDGE * 1j]
    body = (x / 0.85) ** 2 + (y / 0.6) ** 2 < 1
    pixels = np.where(body, 40.0, -1000.0)
    for side in (-0.4, 0.4):
        lung = ((x - side) / 0.3) ** 2 + ((y + 0.05) / (0.2 + 0.25 * height)) ** 2 < 1
        pixels[lung] = -800
    pixels[(x / 0.12) ** 2 + ((y - 0.4) / 0.12) ** 2 < 1] = 700
    pixels[((x - 0.1) / 0.18) ** 2 + ((y + 0.1) / 0.2) ** 2 < 1] = 60
    grain = np.random.default_rng(int(height * 1000)).normal(0, 15, pixels.shape)
    return (pixels + grain).astype("<i2")


def send_phantom(store: Store, date: str, description: str) -> tuple[str, str]:
    """A study of two series; its identifier, and that of the first series."""
    first = picture(phantom(0))
    about = {
        "SpecificCharacterSet": "ISO_IR 192",
        "StudyInstanceUID": first.StudyInstanceUID,
        "PatientName": "Lindqvist^Maja",
        "PatientID": "P2406",
        "PatientBirthDate": "19610412",
        "PatientSex": "F",
        "AccessionNumber": "A24060",
        "StudyDescription": description,
        "StudyDate": date,
        "StudyTime": "101500",
    }
    answer: dict[str, str] = {}
    for number, what in ((1, "Thorax 1.0"), (2, "Lung 1.0")):
        series = generate_uid()
        for place in range(SLICES):
            ds = picture(
                phantom(place / SLICES),
                **about,
                SeriesInstanceUID=series,
                SeriesNumber=number,
                SeriesDescription=what,
                InstanceNumber=place + 1,
                ImagePositionPatient=[-200, -200, 2.5 * place],
                ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
                PixelSpacing=[1.5, 1.5],
                RescaleSlope=1,
                RescaleIntercept=0,
                RescaleType="HU",
                WindowCenter=40,
                WindowWidth=400,
            )
            sent = store.http.post("/instances", content=encoded(ds)).raise_for_status().json()
            if number == 1:
                answer = sent
    return answer["ParentStudy"], answer["ParentSeries"]


async def remember(data: Path) -> None:
    """Give the store a week that it has not had."""
    folder = data / "postgres"
    said = (folder / "cluster" / "postmaster.pid").read_text().splitlines()
    secrets = json.loads((folder / "secrets.json").read_text())
    name = f"pons_{secrets['store']}"
    connection = await asyncpg.connect(
        host=said[4], port=int(said[3]), user=name, password=secrets["owner"], database=name
    )
    try:
        await connection.execute(WEEK)
    finally:
        await connection.close()


def shots(page: Page, study: str, series: str) -> Iterator[str]:
    """The name of each picture, while the page shows it."""
    page.goto("/explorer/")
    expect(page.locator('[aria-rowindex="6"] a')).to_be_visible()
    yield "list"
    page.goto(f"/explorer/studies/{study}")
    expect(page.get_by_role("tabpanel").locator("img")).to_have_count(2)
    for image in page.locator("img").all():
        expect(image).to_have_js_property("complete", True)
    yield "study"
    page.goto(f"/explorer/studies/{study}?tab=history")
    expect(page.get_by_role("tabpanel").get_by_role("row").nth(2)).to_be_visible()
    yield "history"
    page.goto(f"/explorer/studies/{study}")
    page.get_by_role("link", name="P2406", exact=True).click()
    page.wait_for_url("**/explorer/patients/*")
    expect(page.locator("img")).to_have_count(2)
    for image in page.locator("img").all():
        expect(image).to_have_js_property("complete", True)
    yield "patient"
    page.goto("/explorer/patients")
    expect(page.locator('[aria-rowindex="6"] a')).to_be_visible()
    yield "patients"
    page.goto(f"/explorer/view/{series}?slice=12")
    expect(page.locator("canvas").first).to_be_visible()
    page.wait_for_timeout(4000)  # until the slices around it are here, too
    yield "image"
    page.goto("/explorer/upload")
    expect(page.get_by_role("heading", name="Upload")).to_be_visible()
    yield "upload"
    page.goto("/explorer/operate?hours=168")
    expect(page.get_by_role("figure").locator("canvas")).to_have_count(6)
    attention = page.get_by_role("region", name="What needs attention")
    expect(attention.get_by_role("listitem").first).to_be_visible()
    yield "store"
    page.goto("/explorer/jobs")
    expect(page.locator('[aria-rowindex="2"]')).to_be_visible()
    yield "jobs"
    page.goto("/explorer/operate/modalities")
    expect(page.get_by_role("rowheader", name="planning")).to_be_visible()
    yield "network"
    page.goto("/explorer/operate/routing")
    expect(page.get_by_role("rowheader", name="ct-to-planning")).to_be_visible()
    yield "routing"
    page.goto("/explorer/worklist")
    expect(page.get_by_role("rowheader", name="Lindqvist, Maja")).to_be_visible()
    yield "worklist"
    page.goto("/explorer/operate/retention")
    expect(page.get_by_role("rowheader", name="nm")).to_be_visible()
    yield "retention"
    page.goto("/explorer/remote")
    expect(page.locator("form")).to_be_visible()
    yield "remote"


def main() -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        sys.exit("needs chromium (Debian and Ubuntu: apt install chromium)")
    IMAGES.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        running(Store("pictures", Path(folder) / "data", {"PONS_INDEX_STABLE_AGE": "1"})) as store,
    ):
        fill(store)
        send_phantom(store, "20260512", "Thorax, first")
        study, series = send_phantom(store, "20261129", "Thorax, planning")
        eventually("all is stable", lambda: store.get(f"/studies/{study}")["IsStable"])
        asyncio.run(remember(store.data))
        connect(store, study)
        take(store, chromium, study, series)


def connect(store: Store, study: str) -> None:
    """Systems that it sends to, of which none answers, and a rule."""
    for name, port in (("planning", 9), ("research", 10), ("workstation", 11)):
        described = {"AET": name.upper(), "Host": "127.0.0.1", "Port": port}
        store.http.put(f"/modalities/{name}", json=described).raise_for_status()
    when = [{"Tag": "Modality", "Is": ["CT"]}]
    rule = {"On": "StableStudy", "When": when, "To": ["modality:planning"], "Enabled": False}
    store.http.put("/routing/rules/ct-to-planning", json=rule).raise_for_status()
    for name in ("research", "workstation"):
        asked = {"Resources": [study], "Synchronous": False}
        store.http.post(f"/modalities/{name}/store", json=asked).raise_for_status()
    for place, (patient, procedure, time) in enumerate(SCHEDULED):
        step = {
            "Modality": "CT",
            "ScheduledStationAETitle": "CT1",
            "ScheduledProcedureStepStartDate": "20261130",
            "ScheduledProcedureStepStartTime": time,
        }
        tags = {
            "PatientName": patient,
            "PatientID": f"P24{place:02}",
            "AccessionNumber": f"A24{place:02}",
            "RequestedProcedureDescription": procedure,
            "ScheduledProcedureStepSequence": [step],
        }
        store.http.post("/worklists/create", json={"Tags": tags}).raise_for_status()
    kept = {"When": [{"Tag": "Modality", "Is": ["CT"]}], "KeepDays": 90, "Enabled": False}
    store.http.put("/retention/rules/ct", json=kept).raise_for_status()
    room = {"When": [{"Origin": ["NM*"]}], "KeepDays": 30, "Delete": "WhenRoomIsNeeded"}
    store.http.put("/retention/rules/nm", json=room).raise_for_status()
    media = {"Resources": [study], "Synchronous": False}
    store.http.post("/tools/create-media", json=media).raise_for_status()


def take(store: Store, chromium: str, study: str, series: str) -> None:
    """Write the pictures."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(
            base_url=str(store.http.base_url),
            viewport={"width": WIDTH, "height": HEIGHT},
            color_scheme="light",
            locale="en-GB",
        )
        page.set_default_timeout(120_000)
        expect.set_options(timeout=120_000)
        for name in shots(page, study, series):
            path = IMAGES / f"explorer-{name}.png"
            page.screenshot(path=path)
            print(path.relative_to(ROOT), flush=True)
        browser.close()


if __name__ == "__main__":
    main()
