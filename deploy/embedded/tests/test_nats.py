# SPDX-License-Identifier: Apache-2.0
"""nats-server from the wheel: its door, its memory, its port."""

import os
import signal
import socket
from pathlib import Path

import nats
import pytest

from pons_embedded.errors import Refusal
from pons_embedded.nats import EmbeddedNats
from pons_embedded.ports import http_status
from pons_testing.folders import take_away


@pytest.mark.anyio
async def test_acknowledged_event_survives_kill(tmp_path: Path) -> None:
    """An event acknowledged before kill -9 is there after the next start, on the same port."""
    server = EmbeddedNats(tmp_path, sync_always=True)
    server.start()
    port = server.port
    client = await nats.connect(server.url)
    stream = client.jetstream()
    await stream.add_stream(name="kept", subjects=["kept.>"])
    await stream.publish("kept.one", b"1")
    await client.close()
    os.kill(server.pid, signal.SIGKILL)
    server.stop()
    async with server:
        client = await nats.connect(server.url)
        message = await client.jetstream().get_msg("kept", seq=1)
        await client.close()
    assert message.data == b"1"
    assert server.port == port


def test_a_folder_may_have_any_name(tmp_path: Path) -> None:
    """Letters beyond ASCII, spaces and quotes in the path reach nats-server as they are."""
    with EmbeddedNats(tmp_path / 'Ärzte "ünï" 画像') as server:
        assert server.ready(server.pid)
    assert (server.folder / "jetstream").is_dir()


def test_stranger_is_refused(tmp_path: Path) -> None:
    """Another account of the machine does not get in without the password."""
    with (
        EmbeddedNats(tmp_path) as server,
        socket.create_connection(("127.0.0.1", server.port)) as stranger,
        stranger.makefile("rb") as answers,
    ):
        assert answers.readline().startswith(b"INFO ")
        stranger.sendall(b"CONNECT {}\r\nPING\r\n")
        assert answers.readline() == b"-ERR 'Authorization Violation'\r\n"


def test_answers_health_until_stopped(tmp_path: Path) -> None:
    """Its health port answers as long as it runs."""
    with EmbeddedNats(tmp_path) as server:
        assert server.ready(server.pid)
        port = server.monitor_port
    assert http_status("127.0.0.1", port, "/healthz") == 0


def test_password_is_private(tmp_path: Path) -> None:
    """Nobody else on the machine can read the password."""
    with EmbeddedNats(tmp_path):
        for name in ("nats.conf", "secrets.json"):
            assert (tmp_path / name).stat().st_mode & 0o777 == 0o600


def test_missing_program_is_named(tmp_path: Path) -> None:
    """Without nats-server one sentence says so."""
    with pytest.raises(Refusal, match=r"nats-server cannot be started"):
        EmbeddedNats(tmp_path, program=tmp_path / "nowhere").start()


def test_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    """nats-server's own last words are in the refusal."""
    (tmp_path / "jetstream").write_text("in the way")
    with pytest.raises(Refusal, match=r"nats-server did not start: .*Can't start JetStream"):
        EmbeddedNats(tmp_path).start()


@pytest.mark.anyio
async def test_a_server_whose_files_are_removed_is_found_out(tmp_path: Path) -> None:
    """It says itself that it is well; a stream that was deleted in order is not missed."""
    async with EmbeddedNats(tmp_path) as server:
        client = await nats.connect(server.url)
        stream = client.jetstream()
        for name in ("kept", "lost"):
            await stream.add_stream(name=name, subjects=[f"{name}.>"])
        assert server.trouble() == ""
        [folder] = (tmp_path / "jetstream").rglob("lost")
        take_away(folder)
        assert server.ready(server.pid)
        assert server.trouble() == (
            f"nats-server has lost its files of lost, which were in {folder.parent}"
        )
        await stream.delete_stream("lost")
        assert server.trouble() == ""
        take_away(tmp_path / "jetstream")
        assert "its files of kept" in server.trouble()
        await client.close()
    assert server.trouble() == ""
