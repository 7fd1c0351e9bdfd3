# SPDX-License-Identifier: Apache-2.0
"""The command `EchoModality`: whether a modality answers, and if not, why."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, evt

from pons.bus import Bus
from pons.bus.requests import answer_commands, ask
from pons.errors import NotFound, RemoteFailure
from pons.messages.egress import EchoModality
from pons.messages.modality import Modality
from pons.messages.services import Done
from pons.remotes.modalities import open_modalities
from pons.settings import EgressSettings, Settings
from pons_egress.echo import Echo
from pons_egress.scu.threads import open_threads
from pons_testing.scp import serving

pytestmark = pytest.mark.anyio

VERIFICATION = ("1.2.840.10008.1.1", ["1.2.840.10008.1.2"])
FIND = "1.2.840.10008.5.1.4.1.2.2.1"
CT = ("1.2.840.10008.5.1.4.1.1.2", ["1.2.840.10008.1.2"])


async def echo(
    bus: Bus,
    port: int,
    name: str = "pacs",
    timeout: float | None = None,  # noqa: ASYNC109 it is sent, not kept
    *,
    check_find: bool | None = None,
    configured: bool = False,
) -> Done:
    """As the gateway asks for it."""
    settings = Settings(
        modalities={"pacs": ["PEER", "127.0.0.1", port]},
        egress=EgressSettings(echo_checks_find=configured),
    )
    command = EchoModality(name, timeout, check_find=check_find)
    async with (
        open_modalities(bus, settings) as modalities,
        open_threads(settings.egress) as threads,
    ):
        await answer_commands(bus, "egress", {EchoModality: Echo(threads, modalities, settings)})
        return await ask(bus, "egress", command, Done)


def told(error: pytest.ExceptionInfo[ExceptionGroup]) -> str:
    """The message of the one error inside the groups."""
    inner: BaseException = error.value
    while isinstance(inner, BaseExceptionGroup):
        (inner,) = inner.exceptions
    assert isinstance(inner, RemoteFailure)
    return str(inner)


async def test_a_modality_that_answers(bus: Bus, listening: Any) -> None:
    """A modality that answers is reported, and its association released."""
    with listening(VERIFICATION) as peer:
        assert await echo(bus, peer.port) == Done()
    assert peer.associations == [("PONS", "PEER")]
    assert peer.ended == ["released"]


async def test_a_modality_that_is_not_configured(bus: Bus, listening: Any) -> None:
    """It is asked as it is described, whatever the store knows."""
    described = Modality(aet="OTHER", host="127.0.0.1", port=1)
    settings = Settings()
    async with (
        open_modalities(bus, settings) as modalities,
        open_threads(settings.egress) as threads,
    ):
        await answer_commands(bus, "egress", {EchoModality: Echo(threads, modalities, settings)})
        with listening(VERIFICATION) as peer:
            there = msgspec.structs.replace(described, port=peer.port)
            command = EchoModality("OTHER", described=there)
            assert await ask(bus, "egress", command, Done) == Done()
        assert peer.associations == [("PONS", "OTHER")]


async def test_a_modality_that_is_down(bus: Bus) -> None:
    """The address that refused is in the message."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with pytest.raises(ExceptionGroup) as error:
            await echo(bus, port)
    assert told(error) == (
        f"Modality 'pacs' (PEER at 127.0.0.1:{port}): connection refused by 127.0.0.1:{port}"
    )


async def test_a_modality_that_rejects(bus: Bus, listening: Any) -> None:
    """The reason of a rejection is in the message."""
    refused = pytest.raises(ExceptionGroup)
    with listening(VERIFICATION, called_aet="OTHER") as peer, refused as error:
        await echo(bus, peer.port)
    assert "association rejected: Called AE title not recognised" in told(error)


async def test_a_modality_without_verification(bus: Bus, listening: Any) -> None:
    """A peer that does not know C-ECHO is told as such."""
    with listening(CT) as peer, pytest.raises(ExceptionGroup) as error:
        await echo(bus, peer.port)
    assert "accepts no presentation context for Verification SOP Class" in told(error)


async def test_a_modality_that_says_nothing(bus: Bus) -> None:
    """The command's timeout counts."""
    with socket.create_server(("127.0.0.1", 0)) as mute, pytest.raises(ExceptionGroup) as error:
        await echo(bus, mute.getsockname()[1], timeout=0.3)
    assert "no answer within 0.3 s" in told(error)


async def test_a_modality_without_queries(bus: Bus, listening: Any) -> None:
    """With a check of C-FIND, one that knows C-ECHO alone is not well."""
    with listening(VERIFICATION) as peer, pytest.raises(ExceptionGroup) as error:
        await echo(bus, peer.port, check_find=True)
    assert "accepts no presentation context for Study Root" in told(error)


@contextmanager
def finding(*statuses: int) -> Iterator[int]:
    """The port of an SCP of C-ECHO and C-FIND, whose queries have these answers."""
    entity = AE("PEER")
    for uid in (VERIFICATION[0], FIND):
        entity.add_supported_context(uid)

    def answer(event: evt.Event) -> Iterator[tuple[int, Dataset | None]]:
        for status in statuses:
            yield status, event.identifier if status == 0xFF00 else None

    with serving(entity, (evt.EVT_C_FIND, answer)) as port:
        yield port


async def test_a_modality_that_answers_queries(bus: Bus) -> None:
    """It is well, whatever it finds."""
    with finding(0xFF00, 0) as port:
        assert await echo(bus, port, check_find=True) == Done()


async def test_a_modality_that_needs_no_queries(bus: Bus) -> None:
    """Who asks wins over the settings."""
    with finding(0xA700) as port:
        assert await echo(bus, port, check_find=False, configured=True) == Done()


async def test_a_modality_whose_queries_fail(bus: Bus) -> None:
    """The status of its answer is in the message."""
    with finding(0xA700) as port, pytest.raises(ExceptionGroup) as error:
        await echo(bus, port, configured=True)
    assert "answered C-FIND with status 0xA700" in told(error)


async def test_an_unknown_modality(bus: Bus) -> None:
    """An unknown name is NotFound."""
    with pytest.raises(ExceptionGroup) as error:
        await echo(bus, 1, name="nobody")
    assert error.group_contains(NotFound, match="'nobody'")
