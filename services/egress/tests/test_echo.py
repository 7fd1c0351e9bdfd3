# SPDX-License-Identifier: Apache-2.0
"""The command `EchoModality`: whether a modality answers, and if not, why."""

import socket
from typing import Any

import msgspec
import pytest

from pons.bus import Bus
from pons.bus.requests import answer_commands, ask
from pons.errors import NotFound, RemoteFailure
from pons.messages.egress import EchoModality
from pons.messages.modality import Modality
from pons.messages.services import Done
from pons.remotes.modalities import open_modalities
from pons.settings import Settings
from pons_egress.echo import Echo

pytestmark = pytest.mark.anyio

VERIFICATION = ("1.2.840.10008.1.1", ["1.2.840.10008.1.2"])
CT = ("1.2.840.10008.5.1.4.1.1.2", ["1.2.840.10008.1.2"])


async def echo(bus: Bus, port: int, name: str = "pacs", timeout: float | None = None) -> Done:  # noqa: ASYNC109 it is sent, not kept
    """As the gateway asks for it."""
    settings = Settings(modalities={"pacs": ["PEER", "127.0.0.1", port]})
    async with open_modalities(bus, settings) as modalities:
        await answer_commands(bus, "egress", {EchoModality: Echo(modalities, settings)})
        return await ask(bus, "egress", EchoModality(name, timeout), Done)


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
    async with open_modalities(bus, Settings()) as modalities:
        await answer_commands(bus, "egress", {EchoModality: Echo(modalities, Settings())})
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
    assert "no answer to the association request within 0.3 s" in told(error)


async def test_an_unknown_modality(bus: Bus) -> None:
    """An unknown name is NotFound."""
    with pytest.raises(ExceptionGroup) as error:
        await echo(bus, 1, name="nobody")
    assert error.group_contains(NotFound, match="'nobody'")
