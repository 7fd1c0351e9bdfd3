# SPDX-License-Identifier: Apache-2.0
"""The life of a service: settings, logs, health port, resources, and an orderly end on SIGTERM."""

import asyncio
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from functools import partial
from typing import Any

import structlog
from fastapi import FastAPI

from pons.errors import PonsError, log_text
from pons.health.readiness import Health
from pons.http.bounds import Bounds, raise_descriptors
from pons.http.health import health_app
from pons.http.serving import address, serving
from pons.objects.damage import found
from pons.runtime.logs import configure_logs
from pons.runtime.supervised import obey_supervisor
from pons.settings import Settings, SettingsError, ignored_variables, load_settings
from pons.traces.tracing import Destination, tracing

log = structlog.get_logger()
GRACE = 2
"""Seconds that a request to the health port may take when the service ends."""
AGAIN = 1.0
HEALTH_BOUNDS = Bounds(connections=128)
"""For the port of health and metrics, so that it leaves descriptors to what the service does."""
STOP_SIGNALS = [
    signal.Signals[name] for name in ("SIGTERM", "SIGINT", "SIGQUIT") if hasattr(signal, name)
]
OpenService = Callable[[Settings, Health], AbstractAsyncContextManager[None]]
CreateApp = Callable[[Health], FastAPI]


def run_service(name: str, open_service: OpenService, create_app: CreateApp = health_app) -> None:
    """Run until SIGTERM, SIGINT or SIGQUIT, and `health.leave_seconds` longer.

    Exit code 1 when the service cannot run, 2 for a wrong setting.

    `open_service` opens what the service owns, adds its checks to the `Health` that it is given,
    and works in the background until its block ends. `create_app` makes the application of its
    health port.
    """
    try:
        settings = load_settings()
    except SettingsError as error:
        print(f"{name}: {error}", file=sys.stderr)
        sys.exit(2)
    configure_logs(settings.log, name)
    raise_descriptors()
    if ignored := ignored_variables():
        log.warning("variables that are no settings are ignored", variables=", ".join(ignored))
    if settings.ingest.dictionary:
        from pons.dicom.dictionary import learn  # pydicom takes a while to import

        learn(settings.ingest.dictionary, settings.ingest.default_private_creator)
    health = Health(name)
    health.damaged = found
    try:
        with tracing(_destination(settings), name, settings.store.name):
            _run(_serve(settings, health, open_service, create_app(health)))
    except (Exception, BaseExceptionGroup) as error:
        causes = list(leaves(error))
        _tell(causes)
        sys.exit(2 if any(isinstance(cause, SettingsError) for cause in causes) else 1)
    if health.exit_code:
        sys.exit(health.exit_code)


def _destination(settings: Settings) -> Destination:
    traces = settings.traces
    return Destination(traces.endpoint, traces.sample, traces.headers, traces.tls_ca)


def leaves(error: BaseException) -> Iterator[BaseException]:
    """The errors themselves, out of the groups of every task group that they passed."""
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            yield from leaves(one)
    else:
        yield error


def _tell(causes: Sequence[BaseException]) -> None:
    """Say why the service ends: bugs with their traceback, and then every cause in one line.

    The supervisor shows the last line of the log.
    """
    words = []
    for cause in causes:
        if isinstance(cause, PonsError | SettingsError):
            words.append(log_text(cause))
        else:
            log.error("unexpected failure", exc_info=cause)
            words.append(f"unexpected {type(cause).__name__}: {cause}")
    log.error("service cannot run", error="; ".join(dict.fromkeys(words)))


async def _serve(
    settings: Settings, health: Health, open_service: OpenService, app: FastAPI
) -> None:
    stop, opened = health.stop, asyncio.Event()
    _on_signals(partial(health.leave, settings.health.leave_seconds))
    obey_supervisor(settings.health, health)

    async def work() -> None:
        async with open_service(settings, health):
            health.started = True
            opened.set()
            log.info("service started")
            await stop.wait()
            health.started = False
        log.info("service stopped")

    host, port = settings.health.host, settings.health.port
    async with serving(
        app, host, port, bounds=HEALTH_BOUNDS, timeout_graceful_shutdown=GRACE
    ) as server:
        log.debug("health port", address=address(server))
        async with asyncio.TaskGroup() as group:
            working = group.create_task(work())
            ending = group.create_task(stop.wait())
            await asyncio.wait((working, ending), return_when=asyncio.FIRST_COMPLETED)
            ending.cancel()
            # Asked to end while it still waits for a backing service. More than once, because a
            # cancellation can get lost in `asyncio.wait_for` before Python 3.12.
            while not (opened.is_set() or working.done()):
                working.cancel()
                await asyncio.wait((working,), timeout=AGAIN)


def _on_signals(leave: Callable[[], None]) -> None:
    loop = asyncio.get_running_loop()
    for number in STOP_SIGNALS:
        try:
            loop.add_signal_handler(number, leave)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(leave))


def _run(main: Coroutine[Any, Any, None]) -> None:
    loop_factory = None
    with suppress(ImportError):  # not built for Windows
        import uvloop

        loop_factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(main)
