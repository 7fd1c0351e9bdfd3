# SPDX-License-Identifier: Apache-2.0
"""`/health/live`, `/health/ready` and `/metrics` of a service, on a port of their own."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, Gauge, generate_latest

from pons.errors import OutOfResources, PonsError
from pons.http_protocol import Connection
from pons.pulse import Pulses

Check = Callable[[], Awaitable[None]]
CHECK_TIMEOUT = 3.0

READY = Gauge("pons_ready", "Whether the service is ready, as /health/ready says.")
CHECK_FAILING = Gauge(
    "pons_check_failing", "1 while something that the service needs is missing.", ["check"]
)


class Health:
    """Whether a service is ready: once `started`, every check passes and every task gets on."""

    def __init__(self, service: str) -> None:
        self.service = service
        self.started = False
        self.stop = asyncio.Event()
        """Set when the service is to end."""
        self.may_open = asyncio.Event()
        """Set when the service may take requests: at once, unless a supervisor has a say in it."""
        self.may_open.set()
        self.exit_code = 0
        self.checks: dict[str, Check] = {}
        """Name of what the service needs to a call that raises while it is not there."""
        self.pulses = Pulses()
        """What the service's background tasks say of themselves."""
        self.warnings: dict[str, str] = {}
        """What the service itself has to tell of this kind; `told` gives all of it."""
        self.damaged: Callable[[], int] = lambda: 0
        """How many readings of this process have found an object missing or damaged."""
        self.room: Callable[[], object] | None = None
        """Gives what room there is too little of, or None."""

    def end(self, exit_code: int) -> None:
        """Ask the service to end in order, with an exit code that its supervisor reads."""
        self.exit_code = exit_code
        self.stop.set()

    async def failures(self) -> dict[str, str]:
        """What is missing, by name; empty when ready."""
        if not self.started:
            return {"start": "still starting"} | self.pulses.troubles()
        checks = dict(self.checks)  # more may come while these are waited for
        results = await asyncio.gather(*(self._failure(check) for check in checks.values()))
        missing = {name: why for name, why in zip(checks, results, strict=True) if why}
        return self.pulses.troubles() | missing

    def shortages(self) -> dict[str, str]:
        """Where there is no room: what would fill it is refused, all else is answered."""
        short = self.room() if self.room else None
        return {} if short is None else {"room": f"takes no instance: {short}"}

    def told(self) -> dict[str, str]:
        """What somebody should look at although the service is ready, by name."""
        if not (damaged := self.damaged()):
            return self.warnings
        words = (
            f"{damaged} readings since the start found an object missing or damaged: the log names "
            "it, ./pons fsck lists all"
        )
        return self.warnings | {"damaged files": words}

    async def _failure(self, check: Check) -> str:
        try:
            async with asyncio.timeout(CHECK_TIMEOUT):
                await check()
        except TimeoutError:
            return f"no answer within {CHECK_TIMEOUT:g} s"
        except (PonsError, OSError) as error:
            if isinstance(error.__cause__, OutOfResources):
                return ""  # see `shortages`
            return str(error)
        return ""

    async def respond(self, path: str) -> tuple[int, str, bytes] | None:
        """Status, content type and body for one of the three paths; None for any other."""
        if path == "/health/live":
            return 200, "application/json", json.dumps({"service": self.service}).encode()
        if path == "/health/ready":
            failures = await self.failures()
            body: dict[str, Any] = {
                "service": self.service,
                "ready": not failures,
                "failures": failures,
            }
            if short := self.shortages():
                body["shortages"] = short
            if warnings := self.told():
                body["warnings"] = warnings
            if tasks := {pulse.name: pulse.as_json() for pulse in self.pulses}:
                body["tasks"] = tasks
            return (503 if failures else 200), "application/json", json.dumps(body).encode()
        if path == "/metrics":
            await self._measure()
            return 200, CONTENT_TYPE_LATEST, generate_latest()
        return None

    async def _measure(self) -> None:
        failures = await self.failures()
        READY.set(not failures)
        for name in self.checks:
            CHECK_FAILING.labels(name).set(name in failures)
        for pulse in self.pulses:
            pulse.measure()

    async def __call__(self, scope: Any, _receive: Any, send: Any) -> None:
        """The ASGI application of the health port."""
        status, content_type, body = await self.respond(scope["path"]) or (404, "text/plain", b"")
        headers = [(b"content-type", content_type.encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


class Server(uvicorn.Server):
    """uvicorn that leaves signals to the service, which closes its resources in order."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def serving(
    app: Any, host: str, port: int, *, share_port: bool = False, **options: Any
) -> AsyncIterator[Server]:
    """Serve `app` as long as the block runs; requests under way get `options` grace to end.

    With `share_port` other processes may listen there too: the system deals connections out.
    Raises `PonsError` when the address cannot be bound.
    """
    sockets = _shared(host, port) if share_port else None
    server = Server(
        uvicorn.Config(
            app,
            http=Connection,
            host=host,
            port=port,
            lifespan="off",
            access_log=False,
            log_config=None,
            server_header=False,
            **options,
        )
    )
    task = asyncio.create_task(_serve(server, host, port, sockets))
    try:
        while not server.started and not task.done():  # noqa: ASYNC110 uvicorn has no event for it
            await asyncio.sleep(0.01)
        if task.done():
            await task
        yield server
    finally:
        server.should_exit = True
        await task


def _shared(host: str, port: int) -> list[socket.socket]:
    """Sockets that share each address of `host`; uvicorn closes them."""
    sockets: list[socket.socket] = []
    try:
        for family, *_, place in socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        ):
            sockets.append(
                socket.create_server(
                    (str(place[0]), port), family=socket.AddressFamily(family), reuse_port=True
                )
            )
    except (OSError, ValueError) as error:  # ValueError: no SO_REUSEPORT on this system
        for opened in sockets:
            opened.close()
        raise PonsError(f"Cannot listen on {host}:{port}", str(error)) from error
    return sockets


async def _serve(server: Server, host: str, port: int, sockets: list[socket.socket] | None) -> None:
    try:
        await server.serve(sockets)
    except SystemExit:  # uvicorn's way to say that it could not bind
        raise PonsError(f"Cannot listen on {host}:{port}", "is the port in use?") from None


def address(server: Server) -> tuple[str, int]:
    """Where `server` listens, for a port that the system chose."""
    host, port, *_ = server.servers[0].sockets[0].getsockname()
    return host, port
