# SPDX-License-Identifier: Apache-2.0
"""Passwords of one data folder: made once, readable only for its owner."""

import contextlib
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
        kept: Secrets = json.loads(path.read_bytes())
        if kept["store"] != store:
            raise Refusal(
                f"{path.parent} belongs to store {kept['store']!r}, not {store!r}: "
                "choose another folder with --data"
            )
        return kept
    made = {"store": store} | {name: secrets.token_urlsafe(24) for name in names}
    write_private(path, json.dumps(made))
    return made


def keep_secrets(path: Path, known: Secrets) -> None:
    """Write `known` where the file has gone, with its folder, while a program uses them."""
    if not path.exists():
        write_private(path, json.dumps(known))


def write_private(path: Path, text: str) -> None:
    """Replace `path` in one step by a file that only its owner can read.

    Nothing is written where it says so already: that takes no room on a disk that is full.
    Raises `Refusal` when it cannot be written.
    """
    content = text.encode()
    with contextlib.suppress(OSError):
        if path.read_bytes() == content:
            return
    unfinished = path.with_name(path.name + ".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    except OSError as error:
        raise Refusal(f"{path} cannot be written ({error.strerror}): make room for it") from None
