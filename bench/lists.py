# SPDX-License-Identifier: Apache-2.0
"""Explorer's lists over an archive of generated rows: milliseconds of the server for a page.

./pons bench lists [--studies 1000000] [--repeat 9] [--data FOLDER]

The archive is that of `./pons bench find`, and may be the same folder. "db" is what the answer's
Server-Timing says of the database, of studies alone; "total" is the whole request, as the client
waits for it.
"""

import argparse
import asyncio
import json
import re
import statistics
import time
import urllib.request
from contextlib import nullcontext
from pathlib import Path

from find import fill
from stores import RunningStore, fresh_pons, work_folder

ASKED: tuple[tuple[str, str], ...] = (
    *(("", order) for order in ("-date", "date", "name", "-name", "id", "accession", "birthDate")),
    *(("", order) for order in ("-lastUpdate", "-arrival", "description", "-size", "-instances")),
    *(
        (text, "-date")
        for text in ("smi", "smith", "müller", "mueller anna", "garcía lópez", "xyzzy")
    ),
    *((text, "-date") for text in ("ID00000777", "acc:ACC0000777", "id:ID0000", "knee", "li")),
    *((text, "-date") for text in ("2023-12", "2023-12 mr", "2023 ct smith", "xa", "ct")),
    *(
        (text, "-date")
        for text in ("label:todo", "label:done", "origin:CT1", "origin:nobody", "is:stable")
    ),
    *((text, "-date") for text in ('series:"axial 1"', "series:cbct", "station:nobody")),
    ("smith", "name"),
    ("smith", "-size"),
)
OF_PATIENTS: tuple[tuple[str, str], ...] = (
    *(("", order) for order in ("name", "-name", "id", "birthDate", "-arrival")),
    *(
        (text, "name")
        for text in ("smith", "müller", "xyzzy", "2023-12 mr", "xa", "ct", "label:todo")
    ),
)


def post(store: RunningStore, path: str, body: object) -> tuple[dict[str, object], str, float]:
    """The answer, its Server-Timing, and the milliseconds until it was there."""
    address = f"http://127.0.0.1:{store.http_port}/explorer/api/{path}"
    request = urllib.request.Request(address, json.dumps(body).encode())
    began = time.perf_counter()
    with urllib.request.urlopen(request, timeout=120) as answer:
        told = json.load(answer)
        timing = answer.headers.get("server-timing", "")
    return told, timing, (time.perf_counter() - began) * 1000


def measure(store: RunningStore, what: str, text: str, order: str, repeat: int) -> None:
    """`what`: studies or patients."""
    body: dict[str, object] = {"text": text, "sort": order}
    database, total = [], []
    for _ in range(repeat):
        page, timing, took = post(store, what, body)
        found = re.search(r"db;dur=([\d.]+)", timing)
        database.append(float(found[1]) if found else float("nan"))
        total.append(took)
    after = page["next"]
    second = post(store, what, body | {"after": after})[2] if after else 0.0
    count, _, counting = post(store, f"{what}/count", {"text": text})
    of_studies = what == "studies"
    faceting = post(store, "studies/facets", {"text": text})[2] if of_studies else float("nan")
    about = "" if count["exact"] else "about "
    print(
        f"{text or '(all)':20}{order:14}{database[0]:10.1f}{statistics.median(database):10.1f}"
        f"{statistics.median(total):10.1f}{max(total):10.1f}{second:10.1f}{counting:10.1f}"
        f"{faceting:10.1f}  {about}{count['value']}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=9)
    parser.add_argument("--data", type=Path, help="keep the archive here, and measure it again")
    arguments = parser.parse_args()
    with nullcontext(arguments.data) if arguments.data else work_folder() as folder:
        if not (folder / "pons").exists():
            folder.mkdir(exist_ok=True)
            with fresh_pons(folder, {}):
                asyncio.run(fill(folder / "pons", arguments.studies))
        with fresh_pons(folder, {}) as store:
            print(
                f"{'ms':20}{'':14}{'db:first':>10}{'median':>10}{'total':>10}{'worst':>10}"
                f"{'2nd page':>10}{'count':>10}{'facets':>10}"
            )
            for what, asked in (("studies", ASKED), ("patients", OF_PATIENTS)):
                print(what)
                for text, order in asked:
                    measure(store, what, text, order, arguments.repeat)


if __name__ == "__main__":
    main()
