# SPDX-License-Identifier: Apache-2.0
"""A DICOM peer as the configuration keeps it, and as commands describe one."""

from typing import Literal

import msgspec
from msgspec import field

Manufacturer = Literal[
    "Generic",
    "GenericNoWildcardInDates",
    "GenericNoUniversalWildcard",
    "Vitrea",
    "GE",
    "SiemensSyngoCT",
]
RetrieveMethod = Literal["SystemDefault", "C-MOVE", "C-GET"]


class Modality(msgspec.Struct, frozen=True, rename="pascal"):
    """A DICOM peer, with Orthanc's names on the wire; the `allow_*` say what it may ask of us."""

    aet: str = field(name="AET")
    host: str
    port: int
    manufacturer: Manufacturer = "Generic"
    allow_echo: bool = True
    allow_store: bool = True
    allow_find: bool = True
    allow_find_worklist: bool = True
    allow_get: bool = True
    allow_move: bool = True
    allow_n_action: bool = True
    allow_event_report: bool = True
    allow_transcoding: bool = True
    use_dicom_tls: bool = False
    local_aet: str = ""
    timeout: int = 0
    """Seconds; 0 means the store's own setting."""
    retrieve_method: RetrieveMethod = "SystemDefault"
