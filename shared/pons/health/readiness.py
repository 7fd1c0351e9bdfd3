# SPDX-License-Identifier: Apache-2.0
"""Whether a service works, as `pons.http.health` tells whoever asks."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from prometheus_client import Gauge

from pons.errors import OutOfResources, PonsError
from pons.health.pulse import Pulses

Check = Callable[[], Awaitable[None]]
Measure = Callable[[], Awaitable[None]]
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
        self.leaving = False
        """Whether the service is about to end: requests that can go elsewhere should."""
        self.may_open = asyncio.Event()
        """Set when the service may take requests: at once, unless a supervisor has a say in it."""
        self.may_open.set()
        self.exit_code = 0
        self.checks: dict[str, Check] = {}
        """Name of what the service needs to a call that raises while it is not there."""
        self.measures: list[Measure] = []
        """Calls that tell the metrics what is only looked up when somebody asks for them."""
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
        self.leave()

    def leave(self, seconds: float = 0) -> None:
        """Ask the service to end in order `seconds` from now; asked again, at once.

        Until then it works as before and says that it is not ready, so that whoever deals out
        requests stops giving it any. A service that has not started was given none.
        """
        again, self.leaving = self.leaving, True
        if again or not seconds or not self.started:
            self.stop.set()
        else:
            asyncio.get_running_loop().call_later(seconds, self.stop.set)

    async def failures(self) -> dict[str, str]:
        """What is missing, by name; empty when ready."""
        if not self.started:
            return {"start": "still starting"} | self.pulses.troubles()
        checks = dict(self.checks)  # more may come while these are waited for
        results = await asyncio.gather(*(self._failure(check) for check in checks.values()))
        missing = {name: why for name, why in zip(checks, results, strict=True) if why}
        return self.pulses.troubles() | missing

    def _farewell(self) -> dict[str, str]:
        """Why no requests should come any more; to those who ask by a queue it works as before."""
        return {"stop": "the service is about to end"} if self.leaving else {}

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

    def liveness(self) -> dict[str, Any]:
        """What a process that runs says."""
        return {"service": self.service}

    async def readiness(self) -> dict[str, Any]:
        """Whether it is `ready`, why not, and what else is to be told of it."""
        failures = self._farewell() | await self.failures()
        report: dict[str, Any] = self.liveness() | {"ready": not failures, "failures": failures}
        if short := self.shortages():
            report["shortages"] = short
        if warnings := self.told():
            report["warnings"] = warnings
        if tasks := {pulse.name: pulse.as_json() for pulse in self.pulses}:
            report["tasks"] = tasks
        return report

    async def measure(self) -> None:
        """Tell the metrics."""
        failures = self._farewell() | await self.failures()
        READY.set(not failures)
        for name in self.checks:
            CHECK_FAILING.labels(name).set(name in failures)
        for pulse in self.pulses:
            pulse.measure()
        await asyncio.gather(*(measure() for measure in self.measures))
