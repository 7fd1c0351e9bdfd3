# SPDX-License-Identifier: Apache-2.0
"""Serving an ASGI application by uvicorn, as long as a block runs."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from typing import Any, cast

import uvicorn

from pons.errors import PonsError
from pons.http.bounds import DEFAULTS, Bounds
from pons.http.guard import Connection, Guard
from pons.http.tls_guest import TO_HTTP, admit
from pons.tls.certificates import Certificates
from pons.tls.port import TlsPort, listen

Asgi = Callable[[Any, Any, Any], Awaitable[None]]
BACKLOG = 2048
"""Connections that wait to be accepted, as uvicorn has it."""
TICK = 1.0
"""Seconds for which answers have the same date."""
TICKS = 10
"""What uvicorn counts in such a time."""


class Server(uvicorn.Server):
    """uvicorn that leaves signals to the service, which closes its resources in order.

    `open_tls` opens its port where that speaks TLS, and is given what makes a connection:
    certificates that change are beyond uvicorn.
    """

    open_tls: Callable[[Callable[[], Connection]], TlsPort] | None = None

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._to_end = asyncio.Event()

    def end(self) -> None:
        """Take no more connections; what is asked already is answered."""
        self.should_exit = True
        self._to_end.set()

    async def main_loop(self) -> None:
        """Wait for the end. uvicorn looks for it ten times a second, which a store at rest pays."""
        ticks = 0
        while not await self.on_tick(ticks):
            with suppress(TimeoutError):
                async with asyncio.timeout(TICK):
                    await self._to_end.wait()
            ticks += TICKS

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        if self.open_tls is None:
            await super().startup(sockets)
            return
        await super().startup([])
        try:
            port = self.open_tls(self._connect)
        except (OSError, ValueError) as error:  # ValueError: no SO_REUSEPORT on this system
            self.started = False
            await self.lifespan.shutdown()
            raise PonsError(
                f"Cannot listen on {self.config.host}:{self.config.port}", str(error)
            ) from error
        port.start()
        self.servers = [cast(Any, port)]  # which is closed as they are

    def _connect(self) -> Connection:
        return cast(
            Connection,
            self.config.http_protocol_class(
                config=self.config,  # type: ignore[call-arg] # as uvicorn calls it
                server_state=self.server_state,
                app_state=self.lifespan.state,
            ),
        )

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _Lifespan:
    """An application whose lifespan may fail: uvicorn only logs that, whoever serves must know.

    One that raises before it has said anything has no lifespan, as ASGI has it.
    """

    def __init__(self, app: Any) -> None:
        self.app = app
        self.failure: BaseException | None = None
        self.failed: Callable[[], None] = lambda: None

    def __call__(self, scope: Any, receive: Any, send: Any) -> Awaitable[None]:
        answer: Asgi = self._live if scope["type"] == "lifespan" else self.app
        return answer(scope, receive, send)

    async def _live(self, scope: Any, receive: Any, send: Any) -> None:
        has_one = False

        async def said(message: Any) -> None:
            nonlocal has_one
            has_one = has_one or message["type"].startswith("lifespan.")
            await send(message)

        try:
            await self.app(scope, receive, said)
        except BaseException as error:
            if has_one:
                self.failure = error
                self.failed()
            raise


@asynccontextmanager
async def serving(
    app: Any,
    host: str,
    port: int,
    *,
    share_port: bool = False,
    bounds: Bounds = DEFAULTS,
    trusted_proxies: Sequence[str] = (),
    timeout_keep_alive: float = 5,
    leaving: Callable[[], bool] = lambda: False,
    tls: Certificates | None = None,
    **options: Any,
) -> AsyncIterator[Server]:
    """Serve `app` as long as the block runs; requests under way get `options` grace to end.

    No client can go beyond `bounds`; one that asks nothing more is let go after
    `timeout_keep_alive` seconds. No WebSockets. What `X-Forwarded-For` says of a client's address
    holds where one of `trusted_proxies` says it: addresses and networks. Once the service is
    `leaving`, each answer asks its client to connect anew for what it wants next. With `tls` the
    port speaks HTTPS alone; connections that are open stay so when certificates change.

    The application's lifespan opens before anything listens, and closes last; what it raises, at
    any time, ends the block. With `share_port` other processes may listen there too: the system
    deals connections out. Raises `PonsError` when the address cannot be bound.
    """
    sockets = _shared(host, port) if share_port and tls is None else None
    lifespan = _Lifespan(app)
    guard = Guard(lifespan, bounds, timeout_keep_alive, leaving)
    server = Server(
        uvicorn.Config(
            guard,
            http=cast(type[asyncio.Protocol], guard.connect),  # all that uvicorn does is call it
            ws="none",
            host=host,
            port=port,
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=bool(trusted_proxies),
            forwarded_allow_ips=list(trusted_proxies),
            timeout_keep_alive=cast(int, timeout_keep_alive),  # for `call_later`
            **options,
        )
    )

    if tls is not None:
        server.open_tls = partial(_open_tls, guard, tls, host, port, share_port)

    lifespan.failed = server.end
    task = asyncio.create_task(_serve(server, lifespan, host, port, sockets))
    block = _Block(task)
    try:
        while not server.started and not task.done():  # noqa: ASYNC110 uvicorn has no event for it
            await asyncio.sleep(0.01)
        if task.done():
            await task
        with block:
            yield server
    finally:
        server.end()
        await asyncio.wait((task,))
    await task


def _open_tls(
    guard: Guard,
    tls: Certificates,
    host: str,
    port: int,
    share_port: bool,
    connect: Callable[[], Connection],
) -> TlsPort:
    """The port with TLS, which listens, and takes connections once it is started."""
    return TlsPort(
        listen(host, port, BACKLOG, share=share_port),
        tls.context,
        partial(admit, guard, tls.names, connect),
        patience=guard.bounds.first_byte,
        farewell=guard.bounds.answer,
        to_http=TO_HTTP,
    )


class _Block:
    """Ends the block when the server ends by itself; what ended it is raised afterwards."""

    def __init__(self, serving: asyncio.Task[None]) -> None:
        self._serving = serving
        self._mine: asyncio.Task[Any] | None = None
        self._broken = False

    def __enter__(self) -> None:
        self._mine = asyncio.current_task()
        self._serving.add_done_callback(self._break)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        self._serving.remove_done_callback(self._break)
        mine = self._mine
        if not self._broken or mine is None or kind is not asyncio.CancelledError:
            return False
        return mine.uncancel() == 0  # else somebody else wants it to end as well

    def _break(self, _serving: asyncio.Task[None]) -> None:
        self._broken = True
        if self._mine is not None:
            self._mine.cancel()


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


async def _serve(
    server: Server,
    lifespan: _Lifespan,
    host: str,
    port: int,
    sockets: list[socket.socket] | None,
) -> None:
    try:
        await server.serve(sockets)
    except SystemExit:  # uvicorn's way to say that it could not bind
        if lifespan.failure is None:
            raise PonsError(f"Cannot listen on {host}:{port}", "is the port in use?") from None
    if lifespan.failure is not None:
        raise lifespan.failure


def address(server: Server) -> tuple[str, int]:
    """Where `server` listens, for a port that the system chose."""
    host, port, *_ = server.servers[0].sockets[0].getsockname()
    return host, port
