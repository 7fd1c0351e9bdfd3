# SPDX-License-Identifier: Apache-2.0
"""Families of transfer syntaxes that Orthanc accepts or refuses at once."""

from collections.abc import Mapping
from typing import Any

from pons.dicom.transfer_syntaxes import matching

OPTION = "TransferSyntaxAccepted"
PREFIX = "1.2.840.10008.1.2"
FAMILIES: dict[str, tuple[str, ...]] = {
    f"{family}{OPTION}": tuple(f"{PREFIX}.{number}" for number in numbers.split())
    for family, numbers in {
        "Deflated": "1.99",
        "Jpeg": "4.5? 4.60 4.61 4.62 4.63 4.64 4.65 4.66 4.70",
        "Jpeg2000": "4.90 4.91 4.92 4.93",
        "JpegLossless": "4.80 4.81",
        "Jpip": "4.94 4.95",
        "Mpeg2": "4.100 4.101",
        "Rle": "5",
        "Mpeg4": "4.102 4.103 4.104 4.105 4.106",
        "H265": "4.107 4.108",
    }.items()
}
"""Option to the syntaxes that it is about; `JpegLossless` is JPEG-LS, as in Orthanc."""


def with_families(patterns: list[str], said: Mapping[str, Any]) -> list[str]:
    """The accepted syntaxes, after each family that `said` has was added or taken away."""
    given = {option: said[option] for option in FAMILIES if option in said}
    if not given:
        return patterns
    accepted = set(matching(patterns))
    for option, wanted in given.items():
        family = set(matching(FAMILIES[option]))
        accepted = accepted | family if wanted else accepted - family
    return sorted(accepted)
