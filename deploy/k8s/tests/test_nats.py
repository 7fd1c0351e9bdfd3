# SPDX-License-Identifier: Apache-2.0
"""The configurations of NATS, run by real servers."""

import contextlib
import json
import os
import re
import socket
import subprocess
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import nats
import nats.errors
import nats.js.errors
import pytest

from pons_embedded.manifests import K8S, Manifest
from pons_embedded.ports import free_port
from pons_embedded.programs import nats_server
from pons_testing.waiting import until

from .conftest import Render
from .pods import named

pytestmark = pytest.mark.anyio
PASSWORDS = {"NATS_PASSWORD": "p1", "ROUTE_PASSWORD": "p2"}


class Servers:
    """Servers of one configuration on this machine, on free ports and with folders of their own."""

    def __init__(self, text: str, folder: Path, names: list[str]) -> None:
        self._text = text
        self._folder = folder
        self._names = names
        self.ports = {name: free_port() for name in names}
        self._routes = {name: free_port() for name in names}

    @property
    def urls(self) -> list[str]:
        return [f"nats://pons:p1@127.0.0.1:{port}" for port in self.ports.values()]

    @contextlib.contextmanager
    def running(self, variables: Mapping[str, str]) -> Iterator[None]:
        """With the variables of their container, in which routes name this machine's ports."""
        told = dict(variables)
        for name, port in self._routes.items():
            for key, value in told.items():
                told[key] = value.replace(f"{name}.nats-headless:6222", f"127.0.0.1:{port}")
        processes = []
        try:
            for name in self._names:
                config = self._folder / f"{name}.conf"
                config.write_text(self._placed(name))
                words = [str(nats_server()), "--config", str(config), "--addr", "127.0.0.1"]
                environment = os.environ | told | {"SERVER_NAME": name}
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
            r'"?http_port"?: 8222': f'http: "127.0.0.1:{free_port()}"',
            r'(?<!_)"?port"?: 4222': f"port: {self.ports[name]}",
            r'"?store_dir"?: "?/data"?': f'store_dir: "{self._folder / name}"',
        }
        if "cluster" in self._text:
            changes['"port": 6222'] = f'"host": "127.0.0.1", "port": {self._routes[name]}'
            changes["/var/run/nats/nats.pid"] = f"{self._folder / name}.pid"
        text = self._text
        for before, after in changes.items():
            text, found = re.subn(before, after, text)
            assert found == 1, before
        return text


def variables_of(container: Manifest, secret: Mapping[str, str]) -> dict[str, str]:
    """What Kubernetes gives it: Secrets' values, and $(NAME) replaced by what stands above."""
    found: dict[str, str] = {}
    for one in container["env"]:
        source = one.get("valueFrom", {})
        if "secretKeyRef" in source:
            found[one["name"]] = secret[source["secretKeyRef"]["key"]]
        elif "value" in one:
            text = one["value"]
            for name, value in found.items():
                text = text.replace(f"$({name})", value)
            found[one["name"]] = text
    return found


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
    text = (K8S / "overlays" / "single-node" / "nats.conf").read_text()
    servers = Servers(text, tmp_path, ["nats"])
    with servers.running(PASSWORDS):
        client = await connected(servers)
        await client.jetstream().add_stream(name="a", subjects=["pons.a"])
        await client.close()
        assert answer_to(servers.ports["nats"], "p1") == b"PONG\r\n"
        assert b"Authorization Violation" in answer_to(servers.ports["nats"], "wrong")


async def test_three_servers_find_each_other_and_keep_streams_three_times(
    tmp_path: Path, overlay: Render
) -> None:
    """Of the production overlay, with what the chart makes of its values."""
    manifests = overlay("production")
    [container] = named(manifests, "StatefulSet", "nats")["spec"]["template"]["spec"]["containers"]
    text = named(manifests, "ConfigMap", "nats-config")["data"]["nats.conf"]
    servers = Servers(text, tmp_path, ["nats-0", "nats-1", "nats-2"])
    with servers.running(variables_of(container, PASSWORDS)):
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
