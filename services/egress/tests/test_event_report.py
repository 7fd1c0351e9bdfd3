# SPDX-License-Identifier: Apache-2.0
"""Who may be told of storage commitment on an association that we ask for (PS3.7 D.3.3.4)."""

from types import SimpleNamespace
from typing import Any

import pytest
from pydicom.uid import UID
from pynetdicom.pdu_primitives import SCP_SCU_RoleSelectionNegotiation

from pons.errors import RemoteFailure
from pons.remotes.commitments import Reported
from pons_egress.peer import Peer
from pons_egress.scu.commitment import PUSH_MODEL as PUSH
from pons_egress.scu.event_report import send_report


def test_a_role_that_is_refused() -> None:
    """A modality that takes the context and not our role in it is told nothing."""
    refused = SCP_SCU_RoleSelectionNegotiation()
    refused.sop_class_uid, refused.scu_role, refused.scp_role = UID(PUSH), False, False
    association: Any = SimpleNamespace(
        peer=Peer("ct", "STORE", "CT1", "127.0.0.1", 104, 10),
        requestor=SimpleNamespace(acceptor=SimpleNamespace(role_selection={UID(PUSH): refused})),
    )
    with pytest.raises(RemoteFailure, match="does not let this store report"):
        send_report(association, "1.2.3", Reported())
