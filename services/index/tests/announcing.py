# SPDX-License-Identifier: Apache-2.0
"""Many instances, and who announces them to a running index."""

from typing import Any

from pons.messages.events import InstanceReceived
from pons_testing.events import received


def many(patients: int, instances: int) -> list[InstanceReceived]:
    """`instances` of each of `patients`, in turn."""
    return [
        received(
            f"1.{patient}.1.{number}",
            patient_id=f"P{patient}",
            study_uid=f"1.{patient}",
            series_uid=f"1.{patient}.1",
            t00200013=("IS", str(number + 1)),
            t00181090=("IS", str(instances)),
        )
        for number in range(instances)
        for patient in range(patients)
    ]


async def announce_all(store: Any, events: list[InstanceReceived], size: int) -> None:
    for start in range(0, len(events), size):
        await store.announce(*events[start : start + size])
