# SPDX-License-Identifier: Apache-2.0
from pynetdicom.status import GENERAL_STATUS, STORAGE_SERVICE_CLASS_STATUS, code_to_category

from pons.errors import FAMILY, InvalidInstance, OutOfResources, Unavailable
from pons.ingest import FilterFailed, WrongDataset
from pons_ingress.status import (
    ACTION_STATUS,
    INTERNAL_ERROR,
    REPORT_STATUS,
    STORE_STATUS,
    SopClassRefused,
    action_status,
    report_status,
    store_status,
)


def test_no_hole() -> None:
    """Every error of the family has a status of its own."""
    assert set(FAMILY.values()) <= set(STORE_STATUS)


def test_statuses_exist() -> None:
    """Every status is a failure that C-STORE knows (PS3.4 B.2.3, PS3.7 annex C)."""
    for status in (*STORE_STATUS.values(), INTERNAL_ERROR):
        assert status in STORAGE_SERVICE_CLASS_STATUS or status in (0xC211, 0x0110)
        assert code_to_category(status) == "Failure"


def test_commitment() -> None:
    """Every error is a failure that N-ACTION and N-EVENT-REPORT know (PS3.7 annex C)."""
    for status in (*ACTION_STATUS.values(), *REPORT_STATUS.values()):
        assert GENERAL_STATUS[status][0] == "Failure"
    for error in FAMILY.values():
        assert GENERAL_STATUS[action_status(error("no"))][0] == "Failure"
        assert GENERAL_STATUS[report_status(error("no"))][0] == "Failure"


def test_lookup() -> None:
    """An error has its own status, one outside the family has that of a bug."""
    assert store_status(InvalidInstance("no")) == 0xC000
    assert store_status(WrongDataset("no")) == 0xA900
    assert store_status(SopClassRefused("no")) == 0x0122
    assert store_status(OutOfResources("no")) == 0xA700
    assert store_status(Unavailable("no")) == 0xA700
    assert store_status(FilterFailed("no")) == 0xA700
    assert store_status(ZeroDivisionError()) == 0xC211
