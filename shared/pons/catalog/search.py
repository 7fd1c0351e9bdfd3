# SPDX-License-Identifier: Apache-2.0
"""What can be asked of resources: which ones, in which order, and what to show of each."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from pons.dicom.levels import Level


class Part(StrEnum):
    """A part of a resource's object; Orthanc's word for it where callers may choose."""

    MAIN_TAGS = "MainDicomTags"
    METADATA = "Metadata"
    STATUS = "Status"
    PARENT = "Parent"
    CHILDREN = "Children"
    LABELS = "Labels"
    ATTACHMENTS = "Attachments"
    STABLE = "IsStable"
    PROTECTED = "IsProtected"
    REQUESTED = "RequestedTags"
    DETAILS = ""
    """What has no word of its own: LastUpdate, ModifiedFrom, AnonymizedFrom, FileSize, ..."""


EXPANDED = frozenset(Part) - {Part.METADATA, Part.ATTACHMENTS}
"""What is shown unless a caller chooses."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to show of each resource."""

    parts: frozenset[Part] = EXPANDED
    tags: tuple[str, ...] = ()
    """Requested tags ("GGGGEEEE"): main tags of any level, computed ones, others of a header."""


LabelsConstraint = Literal["All", "Any", "None"]
OrderKind = Literal["text", "integer", "float"]


@dataclass(frozen=True, slots=True)
class Order:
    """One key to sort by; resources without it come last."""

    tag: str = ""
    """ "GGGGEEEE", or empty: the key is metadata."""
    metadata: int = 0
    kind: OrderKind = "text"
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Search:
    """Which resources of a level, with DICOM's matching (PS3.4 C.2.2.2) as Orthanc has it."""

    level: Level
    query: tuple[tuple[str, str], ...] = ()
    """Tag and what it must match: a value, `a\\b`, a range, wildcards. Empty matches anything."""
    metadata: tuple[tuple[int, str], ...] = ()
    """Number of a metadata and what it must match."""
    case_sensitive: bool = False
    labels: tuple[str, ...] = ()
    labels_constraint: LabelsConstraint = "All"
    parent: tuple[Level, str] | None = None
    """Only what is below this resource."""
    order: tuple[Order, ...] = ()
    """Order of arrival where these leave it open."""
    since: int = 0
    limit: int = 0
    """0: all."""
    candidates: int = 0
    """How many resources are looked at, at most, where headers decide; 0: all."""
