# SPDX-License-Identifier: Apache-2.0
"""The configurations of NATS, run by real servers."""

import contextlib
import json
import os
import socket
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import nats
import nats.errors
import nats.js.errors
import pytest

from pons_embedded.manifests import K8S
from pons_embedded.ports import free_port
from pons_embedded.programs import nats_server
from pons_testing.waiting import until

from .conftest import Render
from .pods import named

pytestmark = pytest.mark.anyio
PASSWORDS = {"NATS_PASSWORD": "p1", "ROUTE_PASSWORD": "p2"}


class Servers:
    """Servers of one overlay on this machine, on free ports and with folders of their own."""

    def __init__(self, overlay: str, folder: Path, names: list[str]) -> None:
        self._text = (K8S / "overlays" / overlay / "nats.conf").read_text()
        self._folder = folder
        self._names = names
        self.ports = {name: free_port() for name in names}
        self._routes = {name: free_port() for name in names}

    @property
    def urls(self) -> list[str]:
        return [f"nats://pons:p1@127.0.0.1:{port}" for port in self.ports.values()]

    @contextlib.contextmanager
    def running(self, routes: str = "") -> Iterator[None]:
        """`routes` as the container's argument, `$(ROUTE_PASSWORD)` replaced as Kubernetes does."""
        processes = []
        for name, port in self._routes.items():
            routes = routes.replace(f"{name}.nats:6222", f"127.0.0.1:{port}")
        routes = routes.replace("$(ROUTE_PASSWORD)", PASSWORDS["ROUTE_PASSWORD"])
        try:
            for name in self._names:
                config = self._folder / f"{name}.conf"
                config.write_text(self._placed(name))
                words = [nats_server(), "--config", config, "--addr", "127.0.0.1"]
                words += ["--routes", routes] if routes else []
                environment = os.environ | PASSWORDS | {"POD_NAME": name}
                with (self._folder / f"{name}.log").open("w") as log:
                    started = subprocess.Popen(words, env=environment, stdout=log, stderr=log)
                processes.append(started)
            yield
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                process.wait(30)

    def _placed(self, name: str) -> str:
        """The configuration with the one machine's ports and folders; the rest is as in a pod."""
        changes = {
            "port: 4222": f"port: {self.ports[name]}",
            "http_port: 8222": f'http: "127.0.0.1:{free_port()}"',
            "store_dir: /data": f'store_dir: "{self._folder / name}"',
        }
        if "cluster {" in self._text:
            changes["port: 6222"] = f"host: 127.0.0.1\n  port: {self._routes[name]}"
        text = self._text
        for before, after in changes.items():
            assert before in text
            text = text.replace(before, after)
        return text


async def connected(servers: Servers) -> Any:
    """A client, once all of them listen: one that fails to connect leaves sockets behind."""
    for port in servers.ports.values():
        await until(partial(listens, port))
    return await nats.connect(servers.urls, allow_reconnect=False)


def listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 2):
        return True
    return False


def answer_to(port: int, password: str) -> bytes:
    """What the server says to who shows a password, in NATS' own protocol."""
    shown = {"user": "pons", "pass": password, "verbose": False, "pedantic": False}
    with (
        socket.create_connection(("127.0.0.1", port), 10) as connection,
        connection.makefile("rwb") as lines,
    ):
        assert lines.readline().startswith(b"INFO ")
        lines.write(b"CONNECT " + json.dumps(shown).encode() + b"\r\nPING\r\n")
        lines.flush()
        return lines.readline()


async def test_one_server_keeps_streams_for_who_knows_the_password(tmp_path: Path) -> None:
    """Of the single-node overlay; another password is refused."""
    servers = Servers("single-node", tmp_path, ["nats"])
    with servers.running():
        client = await connected(servers)
        await client.jetstream().add_stream(name="a", subjects=["pons.a"])
        await client.close()
        assert answer_to(servers.ports["nats"], "p1") == b"PONG\r\n"
        assert b"Authorization Violation" in answer_to(servers.ports["nats"], "wrong")


async def test_three_servers_find_each_other_and_keep_streams_three_times(
    tmp_path: Path, overlay: Render
) -> None:
    """Of the production overlay, by the routes of its container's arguments."""
    [container] = named(overlay("production"), "StatefulSet", "nats")["spec"]["template"]["spec"][
        "containers"
    ]
    routes = container["args"][container["args"].index("--routes") + 1]
    servers = Servers("production", tmp_path, ["nats-0", "nats-1", "nats-2"])
    with servers.running(routes):
        client = await connected(servers)
        stream = client.jetstream(timeout=5)

        async def made() -> bool:
            try:
                await stream.add_stream(name="a", subjects=["pons.a"], num_replicas=3)
            except (nats.errors.Error, nats.js.errors.Error):
                return False  # they still choose who leads
            return True

        await until(made, 60)
        await stream.publish("pons.a", b"kept")
        config = (await stream.stream_info("a")).config
        assert config.num_replicas == 3
        await client.close()
