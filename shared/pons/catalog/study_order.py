# SPDX-License-Identifier: Apache-2.0
"""The orders of lists of studies."""

from datetime import datetime

from pons.catalog.list_order import MOST_COUNTED, PLAIN, ListOrder, Sort, by_start, by_text
from pons.catalog.schema import STUDY_DATE, SUMS, WORDS, start_of

_DATE = f'({start_of(f"s.tags ->> {STUDY_DATE!r}")} COLLATE "C")'
_TIME = "(left(coalesce(s.tags ->> '00080030', ''), 16) COLLATE \"C\")"
_BIRTH = f'({start_of("s.patient_tags ->> " + repr("00100030"))} COLLATE "C")'
_DESCRIPTION = f'({start_of("upper(s.tags ->> " + repr("00081030") + ")")} COLLATE "C")'

SORTS: dict[str, Sort] = {
    "date": Sort(
        (_DATE, _TIME), None, PLAIN, f"({_DATE} IS NULL OR {_DATE} = '')", f"{_DATE} > ''"
    ),
    "name": by_text('(w.name COLLATE "C")', table=WORDS),
    "id": by_start("s.patient_tags ->> '00100020'"),
    "birthDate": by_text(_BIRTH),
    "accession": by_start("s.tags ->> '00080050'"),
    "description": by_text(_DESCRIPTION),
    "series": Sort(("u.series",), SUMS, kind=int, most=MOST_COUNTED),
    "instances": Sort(("u.instances",), SUMS, kind=int, most=MOST_COUNTED),
    "size": Sort(("u.size",), SUMS, kind=int),
    "lastUpdate": Sort(("u.last_update",), SUMS, kind=datetime),
    "arrival": Sort(()),
}
NEWEST = "-date"
"""The usual order."""


def study_order(text: str = NEWEST) -> ListOrder:
    """The order of this name. Raises `BadRequest` for one that there is not."""
    return ListOrder.parse(text, SORTS)
