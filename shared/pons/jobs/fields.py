# SPDX-License-Identifier: Apache-2.0
"""Fields of a request's JSON object, each checked; `BadRequest` names the field and its value."""

from collections.abc import Mapping
from typing import Any

from pons.errors import BadRequest

PRIORITIES = (-(2**31), 2**31 - 1)


def flag(value: Mapping[str, Any], key: str, default: bool = False) -> bool:
    """True or false."""
    found = value.get(key, default)
    if not isinstance(found, bool):
        raise BadRequest(f"{key}: expected true or false, got {found!r}")
    return found


def number(value: Mapping[str, Any], key: str, least: int, most: int) -> int | None:
    """A whole number within bounds; None when there is none."""
    found = value.get(key)
    if found is None:
        return None
    if isinstance(found, bool) or not isinstance(found, int) or not least <= found <= most:
        raise BadRequest(f"{key}: expected a number from {least} to {most}, got {found!r}")
    return found


def text(value: Mapping[str, Any], key: str) -> str:
    """Text, trimmed; empty when there is none."""
    found = value.get(key, "")
    if not isinstance(found, str):
        raise BadRequest(f"{key}: expected text, got {found!r}")
    return found.strip()


def priority(value: Mapping[str, Any]) -> int:
    """`Priority` of the job; 0 when there is none."""
    return number(value, "Priority", *PRIORITIES) or 0


def synchronous(value: Mapping[str, Any]) -> bool:
    """Whether the caller waits: `Synchronous`, or the opposite of `Asynchronous`."""
    return flag(value, "Synchronous", not flag(value, "Asynchronous"))


def identifiers(values: list[Any]) -> list[str]:
    """Orthanc identifiers, trimmed."""
    return [_identifier(value) for value in values]


def _identifier(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise BadRequest(f"Resources: expected Orthanc identifiers, got {value!r}")
    return value.strip()
