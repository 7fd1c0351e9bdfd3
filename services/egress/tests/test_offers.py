# SPDX-License-Identifier: Apache-2.0
"""What associations for C-GET propose."""

import pytest
from pynetdicom import AllStoragePresentationContexts

from pons.dicom.transfer_syntaxes import EXPLICIT_VR, IMPLICIT_VR, TRANSFER_SYNTAXES
from pons.errors import Forbidden
from pons_egress.scu.association import Offer
from pons_egress.scu.offers import get_offers
from pons_egress.scu.retrieve import Counts, Outcome

MODEL = "1.2.840.10008.5.1.4.1.2.2.3"
CLASSES = [str(context.abstract_syntax) for context in AllStoragePresentationContexts]


def proposed(offer: Offer) -> list[str]:
    return [str(context.abstract_syntax) for context in offer.contexts]


def failed(count: int, *uids: str) -> Outcome:
    return Outcome(0xB000, Counts(completed=3, failed=count), frozenset(uids))


def test_every_class_is_proposed_once() -> None:
    """128 contexts at most, each association with the model, and common classes first."""
    offers = list(get_offers([MODEL], CLASSES, TRANSFER_SYNTAXES, []))
    assert max(len(offer.contexts) for offer in offers) == 128
    assert {proposed(offer)[0] for offer in offers} == {MODEL}
    offers = offers[:2]
    classes = [uid for offer in offers for uid in proposed(offer)[1:]]
    assert sorted(classes) == sorted(CLASSES)
    assert "1.2.840.10008.5.1.4.1.1.2" in classes[:127]  # CT


@pytest.mark.parametrize(
    ("classes", "syntaxes", "setting"),
    [
        ([], TRANSFER_SYNTAXES, "dicom.accepted_sop_classes"),
        (CLASSES, [], "dicom.accepted_transfer_syntaxes"),
        (CLASSES, ["1.2.3"], "dicom.accepted_transfer_syntaxes"),
    ],
)
def test_nothing_to_propose(classes: list[str], syntaxes: list[str], setting: str) -> None:
    """A store that receives nothing is told which setting says so; no association is opened."""
    with pytest.raises(Forbidden, match=setting):
        list(get_offers([MODEL], classes, syntaxes, []))


def test_roles_and_encodings() -> None:
    """This store is the SCP of each class; DCMTK takes 50 syntaxes of a context at most."""
    offer, *_ = get_offers([MODEL], CLASSES[:3], TRANSFER_SYNTAXES, [])
    assert [(role.sop_class_uid, role.scp_role) for role in offer.negotiation] == [
        (uid, True) for uid in sorted(CLASSES[:3])
    ]
    syntaxes = [str(uid) for uid in offer.contexts[1].transfer_syntax or ()]
    assert syntaxes[:2] == [EXPLICIT_VR, IMPLICIT_VR]
    assert len(syntaxes) <= 50


def test_compressed_images() -> None:
    """The last associations offer one compressed syntax at a time, of those that are allowed."""
    jpeg, rle = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.5"
    _, offer = get_offers([MODEL], CLASSES[:3], [EXPLICIT_VR, jpeg, rle], [])
    cr, dx = "1.2.840.10008.5.1.4.1.1.1", "1.2.840.10008.5.1.4.1.1.1.1"
    assert [
        (str(context.abstract_syntax), [str(uid) for uid in context.transfer_syntax or ()])
        for context in offer.contexts[1:5]
    ] == [(cr, [jpeg]), (cr, [rle]), (dx, [jpeg]), (dx, [rle])]


@pytest.mark.parametrize(
    ("first", "rest", "fresh", "expected"),
    [
        (failed(2, "1", "2"), failed(8, "2", "3"), 1, (0xB000, 1)),
        (failed(2, "1", "2"), failed(8, "3", "4"), 2, (0, 0)),
        (failed(2), failed(8), 1, (0xB000, 1)),
        (failed(2), Outcome(0), 2, (0, 0)),
        (failed(0), Outcome(0), 5, (0xB000, 0)),
    ],
)
def test_two_associations(
    first: Outcome, rest: Outcome, fresh: int, expected: tuple[int, int]
) -> None:
    """What has failed in both is lost; who does not count or name what failed is not believed."""
    both = first.with_rest(rest, fresh)
    assert (both.status, both.counts.failed) == expected
    assert both.counts.completed == first.counts.completed + fresh
    assert both.whole == (expected == (0, 0))
