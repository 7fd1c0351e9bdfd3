# SPDX-License-Identifier: Apache-2.0
"""The log of what was sent, as people look for it."""

from datetime import timedelta

import pytest

from pons.dicom.identity import resource_ids, to_bytes

from .rows import MOMENT, Store

pytestmark = pytest.mark.anyio


async def log(store: Store, destination: str, patient: str, study: str, number: int) -> None:
    await store[1].connection.execute(
        "INSERT INTO exports (level, resource_id, remote_modality, patient_id, study_uid, "
        "series_uid, sop_instance_uid, job_id, date) VALUES (1, $1, $2, $3, $4, '', '', $5, $6)",
        to_bytes(resource_ids(patient, study, "", "").study),
        destination,
        patient,
        study,
        str(number),
        MOMENT + timedelta(seconds=number),
    )


@pytest.fixture
async def sent(store: Store) -> Store:
    """Five: two of patient P1, named Roe, one of whose studies is here; three of others."""
    _, rows = store
    ids = await rows.instance("P1", "1.2", "3", "4")
    await rows.connection.execute(
        "UPDATE patients SET tags = jsonb_set(tags, '{00100010}', '\"ROE^RICHARD\"')"
    )
    await rows.connection.execute(
        'UPDATE studies SET tags = tags || \'{"00081030": "Thorax"}\','
        ' patient_tags = patient_tags || \'{"00100010": "ROE^RICHARD", "00100020": "P1"}\''
    )
    assert ids.study
    for number, (destination, patient, study) in enumerate(
        (
            ("pacs", "P1", "1.2"),
            ("PACS2", "Q_7", "1.3"),
            ("peer", "P1", "1.9"),
            ("pacs", "Q%7", "1.4"),
            ("pacs", "Q17", "1.2"),
        )
    ):
        await log(store, destination, patient, study, number)
    return store


async def test_newest_first_page_by_page(sent: Store) -> None:
    """Each page goes on below the last number of the one before."""
    catalog, _ = sent
    first, more = await catalog.sent.page("", "", None, 3)
    assert ([one.seq for one in first], more) == ([5, 4, 3], True)
    rest, more = await catalog.sent.page("", "", first[-1].seq, 3)
    assert ([one.seq for one in rest], more) == ([2, 1], False)
    assert (await catalog.sent.page("", "", 1, 3)) == ([], False)


async def test_what_is_known_of_the_study(sent: Store) -> None:
    """Of one that is here its name and identifier; not that of another patient's with its UID."""
    catalog, _ = sent
    by_number = {one.seq: one for one in (await catalog.sent.page("", "", None, 10))[0]}
    here = by_number[1]
    assert (here.level, here.destination, here.date) == ("Study", "pacs", MOMENT)
    assert (here.patient_name, here.description) == ("ROE^RICHARD", "Thorax")
    assert here.study == here.resource_id == resource_ids("P1", "1.2", "", "").study
    for gone in (by_number[3], by_number[5]):
        assert (gone.study, gone.patient_name, gone.description) == (None, "", "")


@pytest.mark.parametrize(
    ("destination", "patient", "numbers"),
    [
        ("pacs", "", [5, 4, 2, 1]),
        ("2", "", [2]),
        ("%", "", []),
        ("", "p1", [3, 1]),
        ("", "richard ro", [3, 1]),
        ("", "roe nobody", []),
        ("", "q_7", [2]),
        ("", "q%7", [4]),
        ("peer", "p1", [3]),
        ("", "\\", []),
    ],
)
async def test_which(sent: Store, destination: str, patient: str, numbers: list[int]) -> None:
    """Pieces in any case; what a database takes for patterns is taken as it is."""
    catalog, _ = sent
    found, _ = await catalog.sent.page(destination, patient, None, 10)
    assert [one.seq for one in found] == numbers
