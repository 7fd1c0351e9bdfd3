# SPDX-License-Identifier: Apache-2.0
"""What the DICOM port answers, as a text for people."""

from collections.abc import Iterable

from pons.dicom.network.dimse import VERIFICATION
from pons.dicom.vocabulary import UIDS
from pons.remotes.live import Live


def conformance(sop_classes: Iterable[str], live: Live) -> str:
    """The statement, with every SOP class and transfer syntax that is accepted at this moment."""
    unknown = "accepted" if live.accept_unknown_sop_classes else "refused"
    parts = [
        _chapter("DICOM conformance of Pons", "The services of the DICOM port (SCP).", ()),
        _chapter("Verification", "C-ECHO is answered for this SOP class:", [VERIFICATION]),
        _chapter(
            "Storage",
            f"C-STORE is answered for these SOP classes; others are {unknown}:",
            sop_classes,
        ),
        _chapter(
            "Transfer syntaxes",
            "Instances are received, and kept as they come, in these transfer syntaxes:",
            live.accepted_transfer_syntaxes,
        ),
    ]
    return "\n".join(parts)


def _chapter(title: str, introduction: str, uids: Iterable[str]) -> str:
    names = {uid: UIDS[uid][0] if uid in UIDS else uid for uid in uids}
    width = max(map(len, names.values()), default=0)
    lines = [f"  {name:<{width}}  {uid}" for uid, name in sorted(names.items())]
    return "\n".join([title, "=" * len(title), "", introduction, "", *lines, ""])
