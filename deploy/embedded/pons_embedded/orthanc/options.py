# SPDX-License-Identifier: Apache-2.0
"""The three things that an option of Orthanc can be to Pons."""

from dataclasses import dataclass
from typing import Any

from pons_embedded.orthanc.kinds import Kind

UNSAID: Any = object()
"""The absence of a value, where None would be one."""


@dataclass(frozen=True)
class Same:
    """An option with a counterpart: one setting, rarely several, of the same meaning."""

    name: str
    settings: tuple[str, ...]
    """As `section.name`; `modalities` alone stands for the table of modalities."""
    kind: Kind
    default: Any = UNSAID
    """What a file that leaves it out means, where Pons would do something else."""
    note: str = ""


@dataclass(frozen=True)
class Joint:
    """An option that says something only together with others: `access` reads these."""

    name: str
    kind: Kind
    note: str


@dataclass(frozen=True)
class Without:
    """An option without a counterpart. Its sentence is a warning, unless its value asks for what
    Pons does anyway."""

    name: str
    why: str
    fits: tuple[Any, ...] = ()
    """Values that need no warning."""


Option = Same | Joint | Without


@dataclass(frozen=True)
class Chapter:
    """Options that belong together, as a table of the page."""

    title: str
    options: tuple[Option, ...]


def same(name: str, setting: str, kind: Kind, default: Any = UNSAID, note: str = "") -> Same:
    """An option whose counterpart is `setting`, or the settings that blanks separate there."""
    return Same(name, tuple(setting.split()), kind, default, note)
