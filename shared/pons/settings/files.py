# SPDX-License-Identifier: Apache-2.0
"""Settings whose values are in files, as orchestrators hand over secrets.

`PONS_DATABASE_URL_FILE=/run/secrets/database_url` is `PONS_DATABASE_URL` with what the file holds.
"""

from collections.abc import Container, Mapping
from pathlib import Path

SUFFIX = "_FILE"


class UnreadableValue(Exception):
    """A variable names a file that gives no value; the message says which and why."""


def named_setting(name: str, known: Container[str]) -> str:
    """The setting's variable whose file `name` names; empty where it names none.

    `known` are the variables of all settings, of which some end like this themselves.
    """
    plain = name.removesuffix(SUFFIX)
    return plain if name != plain and name not in known and plain in known else ""


def with_files(environment: Mapping[str, str], known: Container[str]) -> dict[str, str]:
    """The environment with the values that are in files; line ends after them are no part of them.

    Raises `UnreadableValue`.
    """
    values = dict(environment)
    for name, path in environment.items():
        setting = named_setting(name, known)
        if not setting:
            continue
        if setting in environment:
            raise UnreadableValue(f"{setting} and {name} are both set: leave one of them out")
        try:
            values[setting] = Path(path).read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, ValueError) as error:  # ValueError: no text, or a NUL in the path
            reason = getattr(error, "strerror", None) or error
            raise UnreadableValue(
                f"{name} names the file {path!r}, which cannot be read: {reason}"
            ) from None
    return values
