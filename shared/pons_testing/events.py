# SPDX-License-Identifier: Apache-2.0
"""Announcements as ingest makes them, for tests that need no DICOM file behind them."""

import itertools
import time
from typing import Any

import msgspec
import xxhash
import zstandard

from pons.dicom.identity import ResourceIds, resource_ids
from pons.messages.events import InstanceReceived, Origin
from pons.objects import new_key

CT_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"

_tokens = itertools.count(1)
_compressor = zstandard.ZstdCompressor(level=1)


def header_json(
    patient_id: str, study_uid: str, series_uid: str, sop_instance_uid: str, **tags: Any
) -> bytes:
    """A header as DICOM JSON. `tags` are `t00100010=("PN", "Doe^Jane")` and override the rest."""
    values = {
        "t00080018": ("UI", sop_instance_uid),
        "t00100020": ("LO", patient_id),
        "t0020000D": ("UI", study_uid),
        "t0020000E": ("UI", series_uid),
    } | tags
    header: dict[str, Any] = {}
    for name, (vr, *value) in sorted(values.items()):
        if vr == "PN":
            value = [{"Alphabetic": name} for name in value]
        header[name[1:]] = {"vr": vr, "Value": value} if value else {"vr": vr}
    return msgspec.json.encode(header)


def received(
    sop_instance_uid: str,
    *,
    patient_id: str = "P1",
    study_uid: str = "1.2.3",
    series_uid: str = "1.2.3.4",
    content: bytes = b"",
    **tags: Any,
) -> InstanceReceived:
    """An event for an instance whose file is `content`."""
    content = content or sop_instance_uid.encode()
    header = header_json(patient_id, study_uid, series_uid, sop_instance_uid, **tags)
    return InstanceReceived(
        token=next(_tokens),
        object_key=new_key(),
        patient_id=patient_id,
        study_uid=study_uid,
        series_uid=series_uid,
        sop_instance_uid=sop_instance_uid,
        sop_class_uid=CT_IMAGE_STORAGE,
        transfer_syntax=EXPLICIT_LITTLE_ENDIAN,
        size=len(content),
        stored_size=len(content),
        compression="",
        checksum=xxhash.xxh3_128_digest(content),
        received_at=time.time(),
        origin=Origin("DicomProtocol", "127.0.0.1", "CT1", "PONS"),
        header=_compressor.compress(header),
        header_key=None,
        meta=b"{}",
        pixel_offset=None,
        pixel_length=None,
        pixel_vr="",
    )


def ids(event: InstanceReceived) -> ResourceIds:
    """The identifiers of an announced instance and of its ancestors."""
    return resource_ids(event.patient_id, event.study_uid, event.series_uid, event.sop_instance_uid)


def numbered(number: int, **tags: Any) -> InstanceReceived:
    """The announcement of instance `number` of a series."""
    return received(f"1.2.3.4.{number}", t00200013=("IS", str(number)), **tags)
