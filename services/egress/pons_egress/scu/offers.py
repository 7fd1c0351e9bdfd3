# SPDX-License-Identifier: Apache-2.0
"""What associations for C-MOVE and C-GET propose (PS3.4 C.5)."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from pynetdicom import (
    ALL_TRANSFER_SYNTAXES,
    StoragePresentationContexts,
    build_context,
    build_role,
)

from pons.dicom.network.associate import MAX_CONTEXTS
from pons.dicom.transfer_syntaxes import BIG_ENDIAN, EXPLICIT_VR, IMPLICIT_VR
from pons.errors import Forbidden
from pons_egress.scu.association import Offer

PREFERRED = (EXPLICIT_VR, IMPLICIT_VR, BIG_ENDIAN)
"""Proposed first: whoever chooses one that not all of its instances have can re-encode to these."""
COMMON = frozenset(str(context.abstract_syntax) for context in StoragePresentationContexts)
"""Storage classes that pynetdicom proposes when nobody says which."""
IN_USE = frozenset(map(str, ALL_TRANSFER_SYNTAXES))
"""Transfer syntaxes that the standard has not retired: 45. DCMTK takes 50 of a context at most, and
else no association."""
COMPRESSED = (
    "1.2.840.10008.1.2.4.50",  # JPEG baseline
    "1.2.840.10008.1.2.4.51",  # JPEG extended
    "1.2.840.10008.1.2.4.57",  # JPEG lossless
    "1.2.840.10008.1.2.4.70",  # JPEG lossless, first order
    "1.2.840.10008.1.2.4.80",  # JPEG-LS lossless
    "1.2.840.10008.1.2.4.81",  # JPEG-LS
    "1.2.840.10008.1.2.4.90",  # JPEG 2000 lossless
    "1.2.840.10008.1.2.4.91",  # JPEG 2000
    "1.2.840.10008.1.2.5",  # RLE
)
OFTEN_COMPRESSED = (
    "1.2.840.10008.5.1.4.1.1.1",  # CR
    "1.2.840.10008.5.1.4.1.1.1.1",  # DX, for presentation
    "1.2.840.10008.5.1.4.1.1.1.1.1",  # DX, for processing
    "1.2.840.10008.5.1.4.1.1.1.2",  # MG, for presentation
    "1.2.840.10008.5.1.4.1.1.1.2.1",  # MG, for processing
    "1.2.840.10008.5.1.4.1.1.2",  # CT
    "1.2.840.10008.5.1.4.1.1.2.1",  # enhanced CT
    "1.2.840.10008.5.1.4.1.1.3",  # US multi-frame (retired)
    "1.2.840.10008.5.1.4.1.1.3.1",  # US multi-frame
    "1.2.840.10008.5.1.4.1.1.4",  # MR
    "1.2.840.10008.5.1.4.1.1.4.1",  # enhanced MR
    "1.2.840.10008.5.1.4.1.1.6",  # US (retired)
    "1.2.840.10008.5.1.4.1.1.6.1",  # US
    "1.2.840.10008.5.1.4.1.1.7",  # SC
    "1.2.840.10008.5.1.4.1.1.7.2",  # SC multi-frame, grey, 8 bits
    "1.2.840.10008.5.1.4.1.1.7.3",  # SC multi-frame, grey, 16 bits
    "1.2.840.10008.5.1.4.1.1.7.4",  # SC multi-frame, colour
    "1.2.840.10008.5.1.4.1.1.12.1",  # XA
    "1.2.840.10008.5.1.4.1.1.12.2",  # RF
    "1.2.840.10008.5.1.4.1.1.13.1.3",  # breast tomosynthesis
    "1.2.840.10008.5.1.4.1.1.20",  # NM
    "1.2.840.10008.5.1.4.1.1.77.1.1",  # VL endoscopic
    "1.2.840.10008.5.1.4.1.1.77.1.2",  # VL microscopic
    "1.2.840.10008.5.1.4.1.1.77.1.4",  # VL photographic
    "1.2.840.10008.5.1.4.1.1.77.1.5.1",  # ophthalmic photography, 8 bits
    "1.2.840.10008.5.1.4.1.1.77.1.5.4",  # ophthalmic tomography
    "1.2.840.10008.5.1.4.1.1.77.1.6",  # VL whole slide
    "1.2.840.10008.5.1.4.1.1.128",  # PET
)
"""Where a peer cannot re-encode an image, it needs a context with the one syntax that it has."""
ANY_SIZE = 1 << 62


def move_offer(models: Iterable[str]) -> Offer:
    """To ask for C-MOVE by these information models."""
    return Offer([build_context(model) for model in models])


def get_offers(
    models: Sequence[str],
    sop_classes: Iterable[str],
    transfer_syntaxes: Iterable[str],
    handlers: list[Any],
) -> Iterator[Offer]:
    """To ask for C-GET by these models, and to receive instances of these classes meanwhile.

    As many as it takes, since an association has 128 contexts at most; common classes come first,
    so that the first one will do for most. The last ones are for images that a peer has in one
    compressed syntax and could not send in the one that it chose before. In each we are the SCP of
    its classes (PS3.7 D.3.3.4). Raises `Forbidden` where the settings leave nothing to propose.
    """
    allowed, classes = IN_USE.intersection(transfer_syntaxes), set(sop_classes)
    for one, what, setting in (
        (classes, "SOP class", "dicom.accepted_sop_classes and dicom.rejected_sop_classes"),
        (allowed, "transfer syntax", "dicom.accepted_transfer_syntaxes"),
    ):
        if not one:
            raise Forbidden(
                f"Nothing can be retrieved by C-GET: this store receives no {what}",
                f"see {setting}, or retrieve by C-MOVE to another title",
            )
    syntaxes = sorted(allowed, key=lambda uid: (_rank(uid), uid))
    every = [(uid, syntaxes) for uid in sorted(classes, key=lambda uid: (uid not in COMMON, uid))]
    single = [
        (uid, [syntax])
        for uid in OFTEN_COMPRESSED
        for syntax in COMPRESSED
        if uid in classes and syntax in allowed
    ]
    room = MAX_CONTEXTS - len(models)
    for contexts in (every, single):
        for start in range(0, len(contexts), room):
            part = contexts[start : start + room]
            yield Offer(
                [build_context(model) for model in models]
                + [build_context(uid, offered) for uid, offered in part],
                [build_role(uid, scp_role=True) for uid in dict(part)],
                handlers,
                largest_message=ANY_SIZE,
            )


def _rank(transfer_syntax: str) -> int:
    return PREFERRED.index(transfer_syntax) if transfer_syntax in PREFERRED else len(PREFERRED)
