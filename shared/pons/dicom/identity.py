# SPDX-License-Identifier: Apache-2.0
"""Orthanc's resource identifiers: SHA-1 of the DICOM identifiers, five groups of eight digits."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha1

IDENTIFIER = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{8}){4}")


@dataclass(frozen=True, slots=True)
class ResourceIds:
    """The identifiers of an instance and of its ancestors, as text."""

    patient: str
    study: str
    series: str
    instance: str


def resource_ids(
    patient_id: str, study_uid: str, series_uid: str, sop_instance_uid: str
) -> ResourceIds:
    """Identifiers of the four levels. A missing PatientID counts as an empty one."""
    patient = patient_id.strip()
    study = f"{patient}|{study_uid.strip()}"
    series = f"{study}|{series_uid.strip()}"
    instance = f"{series}|{sop_instance_uid.strip()}"
    return ResourceIds(_hashed(patient), _hashed(study), _hashed(series), _hashed(instance))


def to_bytes(identifier: str) -> bytes | None:
    """The 20 bytes that PostgreSQL keeps, or None for a text that is no identifier."""
    if IDENTIFIER.fullmatch(identifier) is None:
        return None
    return bytes.fromhex(identifier.replace("-", ""))


def digests(identifiers: Iterable[str]) -> list[bytes]:
    """The bytes of those of these texts that are identifiers."""
    return [digest for digest in map(to_bytes, identifiers) if digest is not None]


def to_text(digest: bytes) -> str:
    """The text of 20 bytes from PostgreSQL."""
    digits = digest.hex()
    return f"{digits[:8]}-{digits[8:16]}-{digits[16:24]}-{digits[24:32]}-{digits[32:]}"


def _hashed(text: str) -> str:
    return to_text(sha1(text.encode("utf-8", "replace"), usedforsecurity=False).digest())
