# SPDX-License-Identifier: Apache-2.0
"""The commands behind `./pons`."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from pons_embedded.errors import Refusal
from pons_embedded.password import print_password_line
from pons_embedded.services import STOP_STAGES, end_patience
from pons_embedded.status import show_status, stop_store
from pons_embedded.tools import NAMES, run_tool
from pons_embedded.up import Choices, run_store

CHOICES = {field.name for field in fields(Choices)}
PASSES_WORDS_ON = ("test", "bench", *NAMES)
DEVELOPMENT = ("test", "check", "bench")


def main(words: Sequence[str] | None = None) -> int:
    """Run one command; the exit code."""
    parser = _parser()
    given, rest = parser.parse_known_args(words)
    if rest and given.command not in PASSES_WORDS_ON:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    try:
        return _run(given, rest)
    except Refusal as refusal:
        print(f"pons: {refusal}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _run(given: argparse.Namespace, rest: list[str]) -> int:
    if given.command in DEVELOPMENT:
        from pons_embedded import development  # a store needs nothing of it

        return development.run(given.command, rest)
    if given.command == "password":
        return print_password_line()
    said = vars(given)
    choices = Choices(**{name: value for name, value in said.items() if name in CHOICES})
    if given.command in NAMES:
        settings = choices.settings()
        folder = choices.folder(settings)
        return run_tool(given.command, rest, settings, choices.config_file, folder)
    if given.command == "up":
        run_store(choices)
        return 0
    settings = choices.settings()
    if given.command == "certificate":
        from pons_embedded.certificate import make_certificate  # cryptography takes its time

        return make_certificate(
            choices.folder(settings), given.names, given.days, force=given.force
        )
    folder, store = choices.folder(settings), settings.store.name
    if given.command == "status":
        return show_status(folder, store)
    return stop_store(folder, store, len(set(STOP_STAGES.values())) * end_patience(settings))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="pons", description="A DICOM store on this machine.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, what in (
        ("up", "run a store until Ctrl-C"),
        ("status", "what runs, where, healthy or not, and what memory it takes"),
        ("down", "stop a running store"),
        ("fsck", "compare index and objects: what is missing, damaged, unknown (fsck --help)"),
        ("reindex", "make the index again from the objects alone"),
        ("certificate", "make a certificate that signs itself, to begin HTTPS with"),
    ):
        command = commands.add_parser(
            name, help=what, description=what, allow_abbrev=False, add_help=name not in NAMES
        )
        command.add_argument("--store", help="name of the store (default: main)")
        command.add_argument("--data", type=Path, help="its data folder (default: data/STORE)")
        command.add_argument("--config", type=Path, help="file of settings (default: pons.toml)")
        if name == "certificate":
            command.add_argument(
                "names", nargs="+", metavar="NAME", help="host name or address that clients ask"
            )
            command.add_argument(
                "--days", type=int, help="how long it is valid (default: 13 months)"
            )
            command.add_argument(
                "--force", action="store_true", help="replace the one that is there"
            )
        if name == "up":
            command.add_argument("--http-port", type=int, help="port of REST (default: 8042)")
            command.add_argument("--dicom-port", type=int, help="DICOM port (default: 4242)")
            command.add_argument(
                "--orthanc-config",
                type=Path,
                action="append",
                default=[],
                metavar="PATH",
                help="Orthanc's configuration file, or a folder of them; may be repeated",
            )
    commands.add_parser("password", help="make the line of pons.toml that lets a user in")
    for name, what in (
        ("test", "run every test; more words go to pytest"),
        ("bench", "measure: ./pons bench NAME, without NAME the list"),
    ):
        commands.add_parser(name, help=what, add_help=False, allow_abbrev=False)
    commands.add_parser("check", help="format, lint, types, and what the repository promises")
    return parser
