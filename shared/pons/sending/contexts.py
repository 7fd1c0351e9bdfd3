# SPDX-License-Identifier: Apache-2.0
"""Which presentation contexts a set of instances needs, and which of them each one then uses.

A context offers one transfer syntax, so that the peer cannot choose for us: an instance goes as it
is stored wherever that was accepted, and is re-encoded only where nothing else was.
"""

from collections.abc import Collection, Iterable, Iterator
from typing import Protocol, TypeVar

from pons.dicom.network.associate import MAX_CONTEXTS
from pons.dicom.transfer_syntaxes import (
    BIG_ENDIAN,
    DECODED,
    DEFLATED_VR,
    EXPLICIT_VR,
    IMPLICIT_VR,
)
from pons.dicom.vocabulary import uid_name

Way = tuple[str, str]
"""A SOP class and the one transfer syntax that a presentation context offers for it."""

UNCOMPRESSED = (EXPLICIT_VR, IMPLICIT_VR)
"""What an instance can be re-encoded into, best first."""

REWRITTEN = frozenset((IMPLICIT_VR, EXPLICIT_VR, BIG_ENDIAN, DEFLATED_VR))
"""The syntaxes out of which it can be without decoding a pixel; out of `DECODED`, with."""


class Encoded(Protocol):
    """What of an instance decides how it can be sent."""

    @property
    def sop_class_uid(self) -> str: ...
    @property
    def transfer_syntax(self) -> str: ...


T = TypeVar("T", bound=Encoded)


def proposals_for(instance: Encoded, into: Collection[str] = UNCOMPRESSED) -> list[Way]:
    """How the instance may be sent, best first: as it is stored, else re-encoded `into` these."""
    own = instance.transfer_syntax
    others = into if own in REWRITTEN or own in DECODED else ()
    syntaxes = dict.fromkeys((own, *others))
    return [(instance.sop_class_uid, syntax) for syntax in syntaxes]


def plan(
    instances: Iterable[T], into: Collection[str] = UNCOMPRESSED
) -> Iterator[tuple[list[Way], list[T]]]:
    """Runs of instances, each with what one association has to propose for it."""
    proposals: dict[Way, None] = {}
    run: list[T] = []
    for instance in instances:
        needed = dict.fromkeys(proposals_for(instance, into))
        if run and len(proposals | needed) > MAX_CONTEXTS:
            yield list(proposals), run
            proposals, run = {}, []
        proposals |= needed
        run.append(instance)
    if run:
        yield list(proposals), run


def choose(
    contexts: Collection[Way], instance: Encoded, into: Collection[str] = UNCOMPRESSED
) -> Way | None:
    """The best accepted way to send the instance; None when there is none."""
    return next((way for way in proposals_for(instance, into) if way in contexts), None)


def refusal(contexts: Collection[Way], instance: Encoded) -> str:
    """Why there is no way to send the instance, in words."""
    sop_class, syntax = uid_name(instance.sop_class_uid), uid_name(instance.transfer_syntax)
    others = [uid_name(s) for c, s in contexts if c == instance.sop_class_uid]
    if others:
        return f"accepts {sop_class} in {', '.join(others)}, but not in {syntax}"
    return f"does not accept {sop_class} in {syntax}"
