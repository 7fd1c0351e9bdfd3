# SPDX-License-Identifier: Apache-2.0
"""What is proposed to a peer, without a peer."""

from dataclasses import dataclass

from pydicom.uid import (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
)

from pons.sending.contexts import choose, plan, proposals_for, refusal

EXPLICIT, IMPLICIT = str(ExplicitVRLittleEndian), str(ImplicitVRLittleEndian)
JPEG = str(JPEGBaseline8Bit)
MPEG = "1.2.840.10008.1.2.4.100"
CT = "1.2.840.10008.5.1.4.1.1.2"


@dataclass(frozen=True)
class Stored:
    sop_class_uid: str
    transfer_syntax: str


def test_an_uncompressed_instance_may_be_re_encoded() -> None:
    """Its own syntax is proposed first and used wherever it is accepted."""
    explicit, compressed = Stored(CT, EXPLICIT), Stored(CT, JPEG)
    assert proposals_for(explicit) == [(CT, EXPLICIT), (CT, IMPLICIT)]
    assert proposals_for(compressed) == [(CT, JPEG), (CT, EXPLICIT), (CT, IMPLICIT)]
    both = {(CT, IMPLICIT): 3, (CT, EXPLICIT): 1}
    assert choose(both, explicit) == (CT, EXPLICIT)
    assert choose({(CT, IMPLICIT): 3}, explicit) == (CT, IMPLICIT)
    assert choose(both, compressed) == (CT, EXPLICIT)
    assert choose(both, compressed, (IMPLICIT, EXPLICIT)) == (CT, IMPLICIT)
    assert choose(both, compressed, ()) is None
    assert choose({(CT, IMPLICIT): 3}, explicit, ()) is None
    assert choose(both, Stored(CT, MPEG)) is None
    assert refusal({}, compressed) == (
        "does not accept CT Image Storage in JPEG Baseline (Process 1)"
    )


def test_one_association_for_what_fits() -> None:
    """Equal instances share their contexts; the 65th pair of contexts begins an association."""
    same = [Stored(CT, EXPLICIT)] * 500 + [Stored(CT, IMPLICIT)] * 500
    ((proposals, run),) = plan(same)
    assert (proposals, len(run)) == ([(CT, EXPLICIT), (CT, IMPLICIT)], 1000)
    different = [Stored(f"1.2.{number}", EXPLICIT) for number in range(65)]
    assert [(len(p), len(run)) for p, run in plan(different)] == [(128, 64), (2, 1)]
    assert list(plan([])) == []
