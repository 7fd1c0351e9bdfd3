# SPDX-License-Identifier: Apache-2.0
"""The service as a process: it starts, answers, works, and ends in order."""

import asyncio
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from pons.bus import Bus
from pons.bus.requests import ask
from pons.errors import NotFound, Unavailable
from pons.jobs import Jobs, StoreRequest, submit_store
from pons.messages.egress import EchoModality
from pons.messages.modality import Modality
from pons.messages.services import Done
from pons.objects import FileObjects
from pons.ownership import Mark, mark_objects, mark_streams
from pons.remotes.modalities import open_modalities
from pons.settings import JobsSettings, Settings
from pons_testing.nats import NatsServer

pytestmark = pytest.mark.anyio


async def test_the_process(broker: NatsServer, bus: Bus, listening: Any, tmp_path: Path) -> None:
    """Without a database it echoes, keeps jobs waiting, is not ready, and ends on SIGTERM."""
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "PONS_STORE_NAME": bus.names.store,
        "PONS_NATS_URL": broker.embedded.url,
        "PONS_STORAGE_PATH": str(tmp_path),
        "PONS_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing",
    }
    mark = Mark(bus.names.store, UUID(int=1))
    await mark_objects(FileObjects(tmp_path, bus.names.store), mark)
    await mark_streams(bus, mark)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "pons_egress", env=environment
    )
    try:
        with listening(("1.2.840.10008.1.1", ["1.2.840.10008.1.2"])) as peer:
            modality = Modality("PEER", "127.0.0.1", peer.port)
            async with open_modalities(bus, Settings()) as modalities:
                await modalities.put("pacs", modality)
            assert await echo_when_started(bus, "pacs") == Done()
            assert peer.associations == [("PONS", "PEER")]
        with pytest.raises(NotFound):
            await ask(bus, "egress", EchoModality("nobody"), Done)
        jobs = Jobs(bus, JobsSettings())
        job_id = await submit_store(jobs, StoreRequest("pacs", ["x"]), modality, "PONS")
        deadline = time.monotonic() + 60
        while (await jobs.get(job_id)).document.state != "Retry":
            assert time.monotonic() < deadline
            await asyncio.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 60) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def echo_when_started(bus: Bus, name: str) -> Done:
    deadline = time.monotonic() + 180
    while True:
        try:
            return await ask(bus, "egress", EchoModality(name), Done)
        except Unavailable:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.1)
