# SPDX-License-Identifier: Apache-2.0
"""The one way in: nothing else writes a DICOM object or announces an instance."""

from pons.ingest.examine import LARGE_HEADER, Recognised, WrongDataset
from pons.ingest.filter import FilterFailed, InstanceFilter, StatusWanted
from pons.ingest.ingest import FilteredOut, Ingest, Kept, Stored, open_ingest

__all__ = [
    "LARGE_HEADER",
    "FilterFailed",
    "FilteredOut",
    "Ingest",
    "InstanceFilter",
    "Kept",
    "Recognised",
    "StatusWanted",
    "Stored",
    "WrongDataset",
    "open_ingest",
]
