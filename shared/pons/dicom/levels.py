# SPDX-License-Identifier: Apache-2.0
"""The four levels of DICOM's hierarchy, by the names that Orthanc's interface gives them."""

from typing import Literal

Level = Literal["Patient", "Study", "Series", "Instance"]

LEVELS: tuple[Level, ...] = ("Patient", "Study", "Series", "Instance")
"""In the order of their numbers in the database, from the top."""

PLURAL: dict[Level, str] = {
    "Patient": "patients",
    "Study": "studies",
    "Series": "series",
    "Instance": "instances",
}
"""What tables are called, and the first segments of paths."""
