# SPDX-License-Identifier: Apache-2.0
"""docs/conformance.md says what egress asks for; what differs is shown as it should be."""

from pydicom.uid import UID

from pons.dicom.network.dimse import VERIFICATION
from pons_egress.scu.commitment import PUSH_MODEL
from pons_egress.scu.query import MODELS
from pons_egress.scu.retrieve import PATIENT_ROOT, STUDY_ROOT
from pons_testing.documents import table, written


def test_what_is_asked_for() -> None:
    asked = {(VERIFICATION, "C-ECHO"), (PUSH_MODEL, "N-ACTION"), (PUSH_MODEL, "N-EVENT-REPORT")}
    asked |= {(str(model), "C-FIND") for model in MODELS.values()}
    asked |= {(uid, method) for root in (PATIENT_ROOT, STUDY_ROOT) for method, uid in root.items()}
    rows = [
        [UID(uid).name, f"`{uid}`", service]
        for uid, service in sorted(asked, key=lambda one: (one[1], one[0]))
    ]
    assert table("services asked for") == written(["SOP class", "UID", "DIMSE service"], rows)
