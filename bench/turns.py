# SPDX-License-Identifier: Apache-2.0
"""Whether an instance costs more with more replicas of egress: stores of each number take turns.

./pons bench turns [--rounds 12] [--jobs 40] [--replicas 1 4] [--at-once 8]

The stores run side by side, and each has as many jobs at once, spread over its replicas. In each
round every one sends the same instances once, in the other order than in the round before: so what
else the machine does is in all of them, and the ratio within a round tells more than what a round
costs. A store has its own luck with memory: start it again before you believe a few per cent.

Told are CPU milliseconds of an instance, without what waiting costs, of all replicas and of NATS;
how often processes of egress were woken for it (voluntary context switches, /proc); and how many
messages NATS sent them. Linux alone; dcmtk's storescp receives.
"""

import argparse
import json
import re
import statistics
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from replicas import Replica, replicas
from scaling import IN_JOB, STORED, asked, store_with_instances
from stores import RunningStore

LOOK_EVERY = 0.15
REST = 5.0
"""Seconds in which all stores only wait, before each round."""
WOKEN = re.compile(r"^voluntary_ctxt_switches:\s+(\d+)", re.MULTILINE)
KINDS = ("CPU ms", "NATS' CPU ms", "woken", "heard")

Counts = dict[str, float]


@dataclass(frozen=True)
class Turn:
    """A store with its replicas of egress."""

    number: int
    store: RunningStore
    instances: list[str]
    running: list[Replica]
    nats: psutil.Process
    monitor: str
    """Where nats-server tells of its connections."""

    def counted(self) -> Counts:
        ports = {c.laddr.port for one in self.running for c in one.process.net_connections("tcp")}
        with urllib.request.urlopen(f"http://{self.monitor}/connz", timeout=30) as answer:
            told = json.load(answer)["connections"]
        return {
            "CPU ms": 1000 * sum(one.cpu_seconds for one in self.running),
            "NATS' CPU ms": 1000 * sum(self.nats.cpu_times()[:2]),
            "woken": sum(_woken(one.process.pid) for one in self.running),
            "heard": sum(one["out_msgs"] for one in told if one["port"] in ports),
            "seconds": time.monotonic(),
        }

    def send(self, jobs: int) -> None:
        """So many jobs, all waiting at once. One after the other is asked whether it has ended:
        to list them all would have NATS tell all of them each time."""
        waiting = [self._post_job(number % (STORED - IN_JOB)) for number in range(jobs)]
        for one in waiting:
            while (state := self._state(one)) != "Success":
                if state not in ("Pending", "Running"):
                    raise SystemExit(f"job {one} is {state}")
                time.sleep(LOOK_EVERY)

    def _post_job(self, start: int) -> str:
        body = {"Resources": self.instances[start : start + IN_JOB], "Asynchronous": True}
        return str(asked(self.store, "POST", "/modalities/sink/store", body)["ID"])

    def _state(self, job: str) -> str:
        told: Any = self.store.get(f"/jobs/{job}")
        return str(told["State"])


def _woken(pid: int) -> int:
    told = [one.read_text() for one in Path(f"/proc/{pid}/task").glob("*/status")]
    return sum(int(found[1]) for status in told if (found := WOKEN.search(status)))


@contextmanager
def turn(number: int, at_once: int) -> Iterator[Turn]:
    variables = {"PONS_JOBS_HISTORY": "10000", "PONS_JOBS_CONCURRENT": str(at_once // number)}
    with (
        store_with_instances(variables) as (store, folder, instances),
        replicas(store, "egress", number, folder) as running,
    ):
        family = psutil.Process(store.pid).children(recursive=True)
        nats = next(one for one in family if one.name() == "nats-server")
        configuration = json.loads((folder / "pons" / "nats" / "nats.conf").read_text())
        yield Turn(number, store, instances, running, nats, configuration["http"])


def difference(before: Counts, after: Counts) -> Counts:
    return {kind: after[kind] - before[kind] for kind in before}


def play(turns: list[Turn], rounds: int, jobs: int) -> dict[int, list[Counts]]:
    """What an instance cost each number of replicas in each round."""
    told: dict[int, list[Counts]] = {one.number: [] for one in turns}
    for one in turns:
        one.send(jobs)  # code is imported, files are in memory
    for number in range(rounds):
        before = [one.counted() for one in turns]
        time.sleep(REST)
        rests = [difference(was, one.counted()) for was, one in zip(before, turns, strict=True)]
        order = list(zip(turns, rests, strict=True))
        for one, rest in order if number % 2 == 0 else reversed(order):
            was = one.counted()
            one.send(jobs)
            used = difference(was, one.counted())
            part = used["seconds"] / rest["seconds"]
            each = {kind: (used[kind] - part * rest[kind]) / (jobs * IN_JOB) for kind in KINDS}
            told[one.number].append(each)
            print(f"{one.number} replicas: {_shown(each)}", flush=True)
    return told


def _shown(each: Counts) -> str:
    return ", ".join(f"{kind} {count:.2f}" for kind, count in each.items())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--jobs", type=int, default=40)
    parser.add_argument("--replicas", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--at-once", type=int, default=8)
    options = parser.parse_args()
    for number in options.replicas:
        if options.at_once % number:
            raise SystemExit(f"{options.at_once} jobs cannot be spread over {number} replicas")
    with ExitStack() as opened:
        turns = [opened.enter_context(turn(n, options.at_once)) for n in options.replicas]
        told = play(turns, options.rounds, options.jobs)
    first = told[options.replicas[0]]
    for number, rounds in told.items():
        medians = {kind: statistics.median(one[kind] for one in rounds) for kind in KINDS}
        print(f"median of {number} replicas: {_shown(medians)}")
        if rounds is not first:
            for kind in KINDS:
                ratios = [one[kind] / was[kind] for one, was in zip(rounds, first, strict=True)]
                low, middle, high = statistics.quantiles(ratios, n=4)
                print(f"  {kind}: {middle:.2f} times the first ({low:.2f} to {high:.2f})")


if __name__ == "__main__":
    main()
