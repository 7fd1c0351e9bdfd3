# SPDX-License-Identifier: Apache-2.0
"""The section of Orthanc's file about worklists, option by option."""

from collections.abc import Iterator, Mapping

from pons_embedded.errors import Refusal
from pons_embedded.orthanc.kinds import boolean, integer, path, seconds
from pons_embedded.orthanc.options import Option, Without, same
from pons_embedded.orthanc.reader import Given

SECTION = "Worklists"
ENABLE = f"{SECTION}.Enable"

WORKLISTS: tuple[Option, ...] = (
    Without(ENABLE, "worklists are always served; false leaves the folder out", (True,)),
    same(f"{SECTION}.Directory", "worklists.folder", path, note="Only where `Enable` is true."),
    same(f"{SECTION}.Database", "worklists.folder", path, note="The older name of `Directory`."),
    Without(
        f"{SECTION}.SaveInOrthancDatabase", "entries made over REST are in the database", (True,)
    ),
    same(f"{SECTION}.FilterIssuerAet", "worklists.filter_station", boolean),
    same(f"{SECTION}.LimitAnswers", "worklists.limit_answers", integer),
    same(f"{SECTION}.SetStudyInstanceUidIfMissing", "worklists.set_study_uid", boolean),
    same(f"{SECTION}.DeleteWorklistsOnStableStudy", "worklists.end_with_study", boolean),
    same(f"{SECTION}.HousekeepingInterval", "worklists.interval", seconds(60)),
    same(f"{SECTION}.DeleteWorklistsDelay", "worklists.keep_hours", integer),
)


def opened(given: Mapping[str, Given]) -> Iterator[tuple[str, Given]]:
    """What a file says, with the members of that section as options of their own.

    One that is not turned on says nothing else. Raises `Refusal` when it is no object.
    """
    for name, one in given.items():
        if name != SECTION:
            yield name, one
            continue
        if not isinstance(one.value, dict):
            raise Refusal(f"{one.file}: {name}: expected an object, got {one.value!r}")
        enabled = one.value.get("Enable", False)
        yield ENABLE, Given(enabled, one.file)
        for member, value in one.value.items():
            if enabled is True and member != "Enable":
                yield f"{SECTION}.{member}", Given(value, one.file)
