# SPDX-License-Identifier: Apache-2.0
"""What keeps a store from starting is said in one sentence; what does not, does not."""

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from pons.settings import Settings, load_settings
from pons_embedded.errors import Refusal
from pons_embedded.external import check_servers
from pons_embedded.password import print_password_line
from pons_embedded.ports import free_port
from pons_embedded.secrets import write_private
from pons_embedded.supervisor import Wishes, stop_on_signals
from pons_embedded.up import check_ports, say, tell


def settings(**sections: dict[str, Any]) -> Settings:
    return load_settings({}, **sections)


@pytest.mark.parametrize("host", ["nosuchhost.invalid", "192.0.2.1"])
def test_a_host_that_is_not_here(host: str) -> None:
    """An address that this machine does not have is not called a busy port."""
    with pytest.raises(Refusal, match=r"change the setting dicom\.host or dicom\.port") as refused:
        check_ports(settings(http={"port": free_port()}, dicom={"host": host}))
    assert "another program" not in str(refused.value)


@pytest.mark.parametrize(
    ("section", "values"),
    [
        ("nats.url", {"nats": {"url": "nats://u:hidden@127.0.0.1:{port}"}}),
        (
            "nats.url",
            {"nats": {"url": "nats://u:hidden@127.0.0.1:{port},nats://u:hidden@127.0.0.1:{port}"}},
        ),
        ("database.url", {"database": {"url": "postgresql://u:hidden@127.0.0.1:{port}/db"}}),
        (
            "storage.s3_endpoint",
            {
                "storage": {
                    "kind": "s3",
                    "s3_endpoint": "127.0.0.1:{port}",
                    "s3_bucket": "images",
                }
            },
        ),
    ],
)
def test_an_external_server_that_is_not_there(
    section: str, values: dict[str, dict[str, str]]
) -> None:
    """The setting and the address are named, the password is not; a server that is there passes."""
    port = free_port()
    filled = {
        name: {key: value.format(port=port) for key, value in section_values.items()}
        for name, section_values in values.items()
    }
    with pytest.raises(Refusal, match=rf"127\.0\.0\.1:{port}.*\(setting {section}\)") as refused:
        check_servers(settings(**filled))
    assert "hidden" not in str(refused.value)
    with socket.create_server(("127.0.0.1", port)):
        check_servers(settings(**filled))


def test_a_database_behind_a_socket_is_left_to_itself() -> None:
    """An address without a host is a unix socket, which only PostgreSQL's own client finds."""
    check_servers(settings(database={"url": "postgresql://u@/db?host=/run/postgresql"}))


def test_a_private_file_that_cannot_be_written(tmp_path: Path) -> None:
    """It is refused in a sentence; what is there already needs no room and is left alone."""
    path = tmp_path / "private"
    write_private(path, "ö")
    made = path.stat()
    write_private(path, "ö")
    assert path.stat().st_ino == made.st_ino
    assert made.st_mode & 0o777 == 0o600
    with pytest.raises(Refusal, match=r"below cannot be written \(.*\): make room"):
        write_private(path / "below", "x")


def test_nobody_listens_any_more() -> None:
    """A closed terminal or pipe loses lines, and does not end a store."""
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w") as stream:
        tell("one", stream)
        tell("two", stream)


@pytest.mark.skipif(os.name != "posix", reason="no SIGHUP")
@pytest.mark.parametrize("ignored", [True, False])
def test_a_store_under_nohup_outlives_its_terminal(ignored: bool) -> None:
    """SIGHUP asks to stop, unless whoever started the store had it ignored."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN if ignored else signal.SIG_DFL)

    async def hung_up() -> bool:
        wishes = Wishes()
        stop_on_signals(wishes, say)
        os.kill(os.getpid(), signal.SIGHUP)
        await asyncio.sleep(0.05)
        return wishes.stop.is_set()

    try:
        assert asyncio.run(hung_up()) is not ignored
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("error", [EOFError(), KeyboardInterrupt()])
def test_a_password_that_nobody_types(
    monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    """Ctrl-D and Ctrl-C at the prompt are no traceback."""

    def asked(_prompt: str) -> str:
        raise error

    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", asked)
    with pytest.raises(Refusal, match="nothing was made"):
        print_password_line()


def test_a_password_in_another_encoding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes that are not UTF-8 are refused in a sentence."""
    lines = iter(["anna\n", "p\udcfc\n"])
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    monkeypatch.setattr(sys.stdin, "readline", lambda: next(lines), raising=False)
    with pytest.raises(Refusal, match="UTF-8"):
        print_password_line()
