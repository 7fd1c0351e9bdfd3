# SPDX-License-Identifier: Apache-2.0
"""Passwords of one data folder: made once, readable only for its owner."""

import json
import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from pons_embedded.errors import Refusal

Secrets = dict[str, str]


def load_secrets(path: Path, store: str, names: Iterable[str]) -> Secrets:
    """The passwords in `path`, made on first use.

    Raises `Refusal` when they belong to another store than `store`.
    """
    if path.exists():
        kept: Secrets = json.loads(path.read_text())
        if kept["store"] != store:
            raise Refusal(
                f"{path.parent} belongs to store {kept['store']!r}, not {store!r}: "
                "choose another folder with --data"
            )
        return kept
    made = {"store": store} | {name: secrets.token_urlsafe(24) for name in names}
    write_private(path, json.dumps(made))
    return made


def write_private(path: Path, text: str) -> None:
    """Replace `path` in one step by a file that only its owner can read."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    unfinished = path.with_name(path.name + ".new")
    with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(unfinished, path)
