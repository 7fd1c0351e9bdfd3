# SPDX-License-Identifier: Apache-2.0
"""What each kind of command and of job is noted as, and that none is passed by."""

from types import SimpleNamespace
from typing import Any
from uuid import UUID

import msgspec
import pytest

from pons.bus import Bus
from pons.messages import egress as egress_messages
from pons.messages.egress import (
    AskPeer,
    EchoModality,
    FindModality,
    RequestCommitment,
    RunScript,
    StoreStraight,
    UploadToPeer,
)
from pons_egress import calls
from pons_egress.contacts import DONE_BY_JOBS

from .contacted import calling

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(("kind", "did"), DONE_BY_JOBS.items())
async def test_every_kind_of_job(bus: Bus, store: Any, kind: str, did: str) -> None:
    """Each is noted as what it does at its destination."""

    async def call(_run: Any) -> None:
        calls.at("PEER@127.0.0.1:9")
        calls.reached()

    async with calling(bus, store, pacs=9) as egress:
        run: Any = SimpleNamespace(document=SimpleNamespace(destination="modality:pacs"))
        await egress.notes.jobs({kind: call})[kind](run)
        await egress.until("pacs", "well", did)


async def test_every_command(bus: Bus, store: Any) -> None:
    """Each is noted as what it asks; who adds a command has to say what that is."""
    asked: dict[type[msgspec.Struct], tuple[msgspec.Struct, tuple[str, str]]] = {
        EchoModality: (EchoModality("pacs"), ("modality:pacs", "C-ECHO")),
        FindModality: (FindModality("pacs", "Study", {}), ("modality:pacs", "C-FIND")),
        RequestCommitment: (RequestCommitment("pacs"), ("modality:pacs", "N-ACTION")),
        StoreStraight: (
            StoreStraight("pacs", UUID(int=1), 1, b"", "1", "2", "3"),
            ("modality:pacs", "C-STORE"),
        ),
        AskPeer: (AskPeer("branch", "system"), ("peer:branch", "GET /system")),
        UploadToPeer: (
            UploadToPeer("branch", UUID(int=1), 1),
            ("peer:branch", "POST /instances"),
        ),
        RunScript: (RunScript(b""), ("", "")),
    }
    assert set(asked) == commands_to_egress()
    asking: list[tuple[str, str]] = []

    async def answer(_command: msgspec.Struct) -> None:
        call = calls.CURRENT.get()
        asking.append((call.destination, call.did) if call else ("", ""))

    async with calling(bus, store, pacs=9) as egress:
        answers = egress.notes.commands(dict.fromkeys(asked, answer))
        for kind, (command, told) in asked.items():
            await answers[kind](command)
            assert asking.pop() == told
        post = AskPeer("branch", "transfers/pull", json=b"{}")
        await answers[AskPeer](post)
        assert asking == [("peer:branch", "POST /transfers/pull")]


def commands_to_egress() -> set[type[msgspec.Struct]]:
    """Those whose docstrings say so; the others are answers, and parts of them."""
    return {
        one
        for one in vars(egress_messages).values()
        if isinstance(one, type)
        and issubclass(one, msgspec.Struct)
        and (one.__doc__ or "").startswith("To egress: ")
    }


async def test_what_is_new_is_not_passed_by(bus: Bus, store: Any) -> None:
    """A command or a job of which nobody has said what it asks keeps egress from starting."""

    class New(msgspec.Struct):
        pass

    async def done(_about: Any) -> None:
        raise AssertionError("nobody asks it")

    async with calling(bus, store) as egress:
        with pytest.raises(KeyError, match="New"):
            egress.notes.commands({New: done})
        with pytest.raises(KeyError, match="NewJob"):
            egress.notes.jobs({"NewJob": done})
