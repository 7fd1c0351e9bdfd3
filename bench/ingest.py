# SPDX-License-Identifier: Apache-2.0
"""Receiving: instances per second, CPU and memory, over DICOM and HTTP, beside Orthanc.

./pons bench ingest [--instances 800] [--repeat 1] [--no-orthanc]
"""

import argparse
import statistics
from dataclasses import dataclass

from load import (
    Figures,
    c_store_message,
    ct_instance,
    maximum_pdu_length,
    part10,
    send_dicom,
    send_http,
)
from stores import (
    RunningStore,
    Usage,
    fresh_stores,
    measured_usage,
    work_folder,
)

ROUNDS = (("C-STORE", 1), ("C-STORE", 4), ("C-STORE", 16), ("HTTP", 1), ("HTTP", 4))
WARM_UP = 20


@dataclass(frozen=True)
class Row:
    figures: Figures
    usage: Usage

    def cpu_ms(self, kind: str = "") -> float:
        """CPU milliseconds an instance, of one kind of process or of all."""
        seconds = self.usage.cpu_seconds
        chosen = seconds.get(kind, 0.0) if kind else sum(seconds.values())
        return 1000 * chosen / self.figures.instances


def measure(store: RunningStore, instances: int) -> dict[tuple[str, int], Row]:
    """Every round on one store, each with instances of its own."""
    room = maximum_pdu_length("127.0.0.1", store.dicom_port, store.aet)
    warm = [c_store_message(ct_instance(999, n), room) for n in range(WARM_UP)]
    send_dicom("127.0.0.1", store.dicom_port, store.aet, warm, 2)
    indexed = WARM_UP
    rows = {}
    for batch, (protocol, clients) in enumerate(ROUNDS, 1):
        datasets = (ct_instance(batch, number) for number in range(instances))
        if protocol == "C-STORE":
            load = [c_store_message(ds, room) for ds in datasets]
        else:
            load = [part10(ds) for ds in datasets]
        with measured_usage(store) as usage:
            if protocol == "C-STORE":
                figures = send_dicom("127.0.0.1", store.dicom_port, store.aet, load, clients)
            else:
                figures = send_http("127.0.0.1", store.http_port, load, clients)
            indexed += instances
            store.wait_for_instances(indexed)
        rows[protocol, clients] = Row(figures, usage)
    return rows


def median_of(rows: list[Row]) -> Row:
    """The row with the median rate."""
    return sorted(rows, key=lambda row: row.figures.per_second)[len(rows) // 2]


def print_store(name: str, rows: dict[tuple[str, int], Row]) -> None:
    kinds = sorted({kind for row in rows.values() for kind in row.usage.cpu_seconds})
    print(f"\n{name}: CPU milliseconds an instance, by process")
    print(
        f"{'':12}{'inst/s':>9}{'all':>8}" + "".join(f"{kind:>13}" for kind in kinds) + "  peak MB"
    )
    for (protocol, clients), row in rows.items():
        cells = "".join(f"{row.cpu_ms(kind):13.2f}" for kind in kinds)
        print(
            f"{protocol:>8} ×{clients:<2}{row.figures.per_second:9.1f}{row.cpu_ms():8.2f}{cells}"
            f"{row.usage.peak_mb:9.0f}"
        )


def print_ratio(
    pons: dict[tuple[str, int], list[Row]], orthanc: dict[tuple[str, int], list[Row]]
) -> None:
    print("\ninstances per second, median")
    print(f"{'':12}{'Pons':>9}{'Orthanc':>9}{'ratio':>8}")
    for key in pons:
        ours = statistics.median(row.figures.per_second for row in pons[key])
        theirs = statistics.median(row.figures.per_second for row in orthanc[key])
        print(f"{key[0]:>8} ×{key[1]:<2}{ours:9.1f}{theirs:9.1f}{ours / theirs:8.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--instances", type=int, default=800)
    parser.add_argument("--repeat", type=int, default=1, help="alternate the stores this often")
    parser.add_argument("--no-orthanc", action="store_true")
    arguments = parser.parse_args()
    found: dict[str, dict[tuple[str, int], list[Row]]] = {}
    # One folder to the end: ext4 makes files slowly for minutes after many were removed.
    with work_folder() as folder:
        for turn in range(arguments.repeat):
            for fresh in fresh_stores(folder / str(turn), orthanc=not arguments.no_orthanc):
                with fresh as store:
                    rows = found.setdefault(store.name, {})
                    for key, row in measure(store, arguments.instances).items():
                        rows.setdefault(key, []).append(row)
    for name, rows in found.items():
        print_store(name, {key: median_of(several) for key, several in rows.items()})
    if "Orthanc" in found:
        print_ratio(found["Pons"], found["Orthanc"])
    elif not arguments.no_orthanc:
        print("\nOrthanc is not on the PATH (Debian: apt-get install orthanc): no comparison")


if __name__ == "__main__":
    main()
