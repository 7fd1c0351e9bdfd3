# SPDX-License-Identifier: Apache-2.0
"""What functions of scripts are told, in Orthanc's JSON."""

from typing import Any

from msgspec import json

from pons.dicom.orthanc_json import Style, format_elements
from pons.errors import TooLarge
from pons.header.json_elements import elements
from pons.limits import MEGABYTE
from pons.messages.events import Origin

REMOTE: dict[str, dict[str, str]] = {
    "DicomProtocol": {
        "RemoteIp": "remote_ip",
        "RemoteAet": "remote_aet",
        "CalledAet": "called_aet",
    },
    "RestApi": {"RemoteIp": "remote_ip", "Username": "username"},
    "WebDav": {"RemoteIp": "remote_ip", "Username": "username"},
}
"""What of an origin is told, by its kind."""


def told_origin(origin: Origin) -> dict[str, str]:
    """Where an instance comes from."""
    fields = REMOTE.get(origin.kind, {})
    return {
        "RequestOrigin": origin.kind,
        **{name: getattr(origin, field) for name, field in fields.items()},
    }


LONGEST = MEGABYTE
"""Bytes of DICOM JSON of one attribute; longer ones are left out, as long texts are."""
LARGEST = 8 * MEGABYTE


def told_tags(header: bytes) -> dict[str, Any]:
    """The tags of a header (DICOM JSON) by their names; values that are binary or long are nil.

    Raises `TooLarge` for more than a script can be told.
    """
    told = {tag: one for tag, one in elements(header) if len(one) <= LONGEST}
    if sum(map(len, told.values())) > LARGEST:
        raise TooLarge(
            f"The header has more than the {LARGEST >> 20} MiB that Lua scripts are told"
        )
    return format_elements({tag: json.decode(one) for tag, one in told.items()}, Style.SIMPLIFIED)
