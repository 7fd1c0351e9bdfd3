# SPDX-License-Identifier: Apache-2.0
"""`./pons fsck`, `./pons reindex`: commands of the index, beside a running store or without."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from pons.settings import Settings
from pons_embedded import state
from pons_embedded.errors import Refusal
from pons_embedded.external import check_servers
from pons_embedded.folder import DataFolder
from pons_embedded.nats import EmbeddedNats
from pons_embedded.objects_lock import objects_locked
from pons_embedded.postgres import EmbeddedPostgres
from pons_embedded.processes import end_all
from pons_embedded.services import tool_environment, without_files_of_values
from pons_embedded.up import say

NAMES = ("fsck", "reindex")


def run_tool(
    name: str, words: Sequence[str], settings: Settings, config: Path | None, folder: DataFolder
) -> int:
    """The exit code of `python -m pons_index.<name>` with `words`, told where the store is.

    Raises `Refusal` when there is no store, or its servers cannot be started.
    """
    if not folder.path.is_dir():
        raise Refusal(f"there is no data folder {folder.path}: name it with --data or --store")
    known = state.read_state(folder.state)
    if known is not None and known.supervisor.process() is not None:
        try:
            told = json.loads(folder.tools.read_bytes())
        except (OSError, ValueError):
            raise Refusal("the store is just starting: try again in a moment") from None
        return _run(name, words, told)
    with (
        folder.locked(),
        objects_locked(settings, folder, say),
        _servers(settings, config, folder) as told,
    ):
        return _run(name, words, told)


def _run(name: str, words: Sequence[str], told: dict[str, str]) -> int:
    command = [sys.executable, "-P", "-m", f"pons_index.{name}", *words]
    environment = without_files_of_values({**os.environ, **told})
    return subprocess.run(command, env=environment, check=False).returncode  # noqa: S603 our own program


@contextlib.contextmanager
def _servers(
    settings: Settings, config: Path | None, folder: DataFolder
) -> Iterator[dict[str, str]]:
    """The servers of a store that does not run, as long as the block; what its index is told."""
    end_all(state.survivors(state.read_state(folder.state)))
    check_servers(settings)
    name, database, nats_url = settings.store.name, {}, ""
    with contextlib.ExitStack() as started:
        if not settings.nats.url:
            nats = EmbeddedNats(folder.nats, store=name, log=folder.log / "nats.log")
            nats_url = started.enter_context(nats).url
        if not settings.database.url:
            log = folder.log / "postgres.log"
            postgres = started.enter_context(EmbeddedPostgres(folder.postgres, store=name, log=log))
            started.callback(postgres.close)
            database = {"url": postgres.url, "reader_url": postgres.reader_url}
        yield tool_environment(settings, config, folder, database, nats_url)
