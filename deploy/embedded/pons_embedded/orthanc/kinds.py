# SPDX-License-Identifier: Apache-2.0
"""What values Orthanc's options may have, each turned into that of a setting.

Every function raises `ValueError` with what was expected; the caller knows the option's name.
"""

import os
from collections.abc import Callable, Mapping
from typing import Any

from argon2 import PasswordHasher

from pons.dicom.encodings import CODECS
from pons.dicom.transfer_syntaxes import EXPLICIT_VR, IMPLICIT_VR
from pons.errors import BadRequest
from pons.remotes.modalities import parse_modality
from pons.remotes.peers import parse_peer
from pons.remotes.registry import check_name

Kind = Callable[[Any], Any]

A_DAY = 86400


def boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"expected true or false, got {value!r}")
    return value


def integer(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"expected a whole number, got {value!r}")
    return value


def text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"expected a text, got {value!r}")
    return value


def path(value: Any) -> str:
    """A file; a name without its folder is one beside the file of options, as in Orthanc."""
    return text(value)


def paths(value: Any) -> list[str]:
    """Files, each as of `path`."""
    return texts(value)


def tls_version(value: Any) -> str:
    """Orthanc's number of the oldest version of TLS."""
    if not 0 <= integer(value) <= 5:
        raise ValueError(f"expected a number from 0 to 5, got {value!r}")
    return "1.3" if value == 5 else "1.2"


def uncompressed_syntax(value: Any) -> str:
    """Implicit VR Little Endian where it is named; whatever else is, stands for explicit."""
    return IMPLICIT_VR if text(value) == IMPLICIT_VR else EXPLICIT_VR


def proxy(value: Any) -> str:
    """The address of a proxy, which Orthanc writes without `http://`."""
    address = text(value)
    return address if not address or "://" in address else f"http://{address}"


def texts(value: Any) -> list[str]:
    if not isinstance(value, list):
        raise ValueError(f"expected an array of texts, got {value!r}")
    return [text(one) for one in value]


def patterns(value: Any) -> list[str]:
    """Texts, of which none are one that fits everything."""
    return texts(value) or ["*"]


def table(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"expected an object, got {value!r}")
    return value


def choice(*names: str) -> Kind:
    """One of `names`, as it is."""

    def chosen(value: Any) -> str:
        if value not in names:
            raise ValueError(f"expected {' or '.join(names)}, got {value!r}")
        return str(value)

    return chosen


def seconds(when_zero: int) -> Kind:
    """Whole seconds; `when_zero` stands for Orthanc's 0, which no setting of Pons takes."""

    def converted(value: Any) -> int:
        if (number := integer(value)) < 0:
            raise ValueError(f"expected seconds, 0 or more, got {value!r}")
        return number or when_zero

    return converted


def concurrency(value: Any) -> int:
    """A number of things at once, where 0 is one for each core."""
    return integer(value) or os.cpu_count() or 1


def overwriting(value: Any) -> str:
    """`OverwriteInstances`, also in its older form."""
    if isinstance(value, bool):
        return "Always" if value else "Never"
    return str(choice("Never", "Always", "IfChanged")(value))


def encoding(value: Any) -> str:
    if not isinstance(value, str) or value not in CODECS:
        raise ValueError(f"expected one of {', '.join(CODECS)}, got {value!r}")
    return CODECS[value]


def peers(value: Any) -> dict[str, Any]:
    """Other stores as they are, once each is one that Pons can use."""
    try:
        for name, described in table(value).items():
            parse_peer(described, check_name(name))
    except BadRequest as error:
        raise ValueError(str(error)) from None
    return dict(value)


def modalities(value: Any) -> dict[str, Any]:
    """DICOM peers as they are, once each is one that Pons can use."""
    try:
        for name, described in table(value).items():
            parse_modality(described, check_name(name))
    except BadRequest as error:
        raise ValueError(str(error)) from None
    return dict(value)


def users(value: Any) -> dict[str, str]:
    """Hashes in place of passwords. No message repeats a password."""
    if not isinstance(value, Mapping):
        raise ValueError("expected an object of names and passwords")
    for name, password in value.items():
        if not name or ":" in name:
            raise ValueError(f"user name {name!r} is empty or contains ':'")
        if not isinstance(password, str):
            raise ValueError(f"the password of {name!r} is not a text")
    hasher = PasswordHasher()
    return {name: hasher.hash(password) for name, password in value.items()}
