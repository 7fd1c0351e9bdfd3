# SPDX-License-Identifier: Apache-2.0
"""How contacts with other systems go: noted where they end, kept for everybody a little later.

Nothing that is sent or asked waits for it or fails by it. A change of how a remote is, is kept
within `SOONEST`; as long as it is as it was, once in `PAUSE`.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

import msgspec
import structlog

from pons.bus import Bus, check_cancelled
from pons.bus.bucket import Outdated
from pons.bus.requests import Handler as Answering
from pons.errors import RemoteFailure, Unavailable, log_text
from pons.jobs import Handler, Run
from pons.jobs.commitment import JOB_TYPE as COMMITMENT
from pons.jobs.peer_store import PEER_JOB_TYPE
from pons.jobs.retrieve import JOB_TYPES
from pons.jobs.store import JOB_TYPE as STORE
from pons.jobs.transfers import PULL, PUSH
from pons.messages.destinations import parts
from pons.messages.egress import (
    AskPeer,
    EchoModality,
    FindModality,
    RequestCommitment,
    RunScript,
    StoreStraight,
    UploadToPeer,
)
from pons.remotes.contacts import Contact, Contacts, Outcome, address_of, open_contacts
from pons.remotes.modalities import Modalities
from pons.remotes.peers import OtherStore
from pons.remotes.registry import Registry
from pons_egress.calls import Call, during
from pons_egress.progress import Incomplete

log = structlog.get_logger()

SOONEST, PAUSE = 1.0, 10.0
"""Seconds between two times that a contact with the same remote is kept, at least: where the
outcome is another one, and where it is the same."""
LONGEST = 300
"""Characters of a reason."""

UPLOAD = "POST /instances"
Asking = Callable[[Any], tuple[str, str]]
"""From a command to the destination of which it asks something, and what; "" for nobody."""


def _modality(did: str) -> Asking:
    return lambda command: (f"modality:{command.modality}", did)


ASKED: Mapping[type[msgspec.Struct], Asking] = {
    EchoModality: _modality("C-ECHO"),
    FindModality: _modality("C-FIND"),
    StoreStraight: _modality("C-STORE"),
    RequestCommitment: _modality("N-ACTION"),
    AskPeer: lambda command: (
        f"peer:{command.peer}",
        f"{'POST' if command.json else 'GET'} /{command.path}",
    ),
    UploadToPeer: lambda command: (f"peer:{command.peer}", UPLOAD),
    RunScript: lambda _: ("", ""),
}
"""What each command to egress asks, and of whom."""
DONE_BY_JOBS = {
    STORE: "C-STORE",
    **{job_type: method for method, job_type in JOB_TYPES.items()},
    COMMITMENT: "N-EVENT-REPORT",
    PEER_JOB_TYPE: UPLOAD,
    PUSH: "POST /transfers/push",
    PULL: "GET /transfers/chunks",
}
"""What each type of job does at its destination."""
UNSAID = "it failed, see the log of egress"
"""Where nobody said why."""


class ContactNotes:
    """What this process has noted, and has to keep yet. `run` keeps it."""

    def __init__(
        self, contacts: Contacts, modalities: Modalities, peers: Registry[OtherStore]
    ) -> None:
        self._contacts = contacts
        self._known: Mapping[str, Registry[Any]] = {"modality": modalities, "peer": peers}
        self._last: dict[str, Contact] = {}
        self._kept_at: dict[str, float] = {}
        self._due: dict[str, float] = {}
        """When the last contact with each destination is to be kept, of those that wait."""
        self._news = asyncio.Event()

    def commands(
        self, handlers: Mapping[type[msgspec.Struct], Answering]
    ) -> dict[type[msgspec.Struct], Answering]:
        """The same handlers, of kinds in `ASKED`; what those do that ask a remote is noted."""
        return {kind: self._command(ASKED[kind], handler) for kind, handler in handlers.items()}

    def jobs(self, handlers: Mapping[str, Handler]) -> dict[str, Handler]:
        """The same handlers, of kinds in `DONE_BY_JOBS`; what they do at their destination is
        noted."""
        return {kind: self._job(DONE_BY_JOBS[kind], handler) for kind, handler in handlers.items()}

    def _command(self, asking: Asking, handler: Answering) -> Answering:
        async def noted(command: msgspec.Struct) -> Any:
            destination, did = asking(command)
            with self.calling(destination, did):
                return await handler(command)

        return noted

    def _job(self, did: str, handler: Handler) -> Handler:
        async def noted(run: Run) -> None:
            with self.calling(run.document.destination, did):
                await handler(run)

        return noted

    @contextmanager
    def calling(self, destination: str, did: str) -> Iterator[None]:
        """Note how the block ends, which does something at a destination; nothing where that is "".

        What ends it for another reason than the remote says nothing of that, nor does what has
        asked it nothing, or has called another place than the one where the store knows it.
        """
        if not destination:
            yield
            return
        call = Call(destination, did, self._lift)
        try:
            with during(call):
                yield
        except Incomplete:
            self._judge(call)
            raise
        except RemoteFailure as error:
            self._note(call, "failed" if error.reached else "absent", error.why or UNSAID)
            raise
        self._judge(call)

    def _judge(self, call: Call) -> None:
        """Note something that is over, by what the remote did not take of it."""
        if call.passed_over is not None:
            self._note(call, "failed", call.passed_over.why or UNSAID)
        elif call.reached:
            self._note(call, "well")

    def _lift(self, call: Call) -> None:
        """A remote that was away is there: what is being done may still take hours."""
        before = self._before(call)
        if before is not None and before.outcome == "absent":
            self._note(call, "well", well=before.well)

    def _before(self, call: Call) -> Contact | None:
        """The last contact at this address, as this process noted it or another one."""
        known = self._contacts.get(call.destination, call.address)
        own = self._last.get(call.destination)
        if own is None or own.address != call.address:
            return known
        return own if known is None or own.at >= known.at else known

    def _note(self, call: Call, outcome: Outcome, why: str = "", well: float | None = None) -> None:
        """`well` is when it went well last, if not now or as before."""
        kind, name = parts(call.destination)
        remote = self._known[kind].list().get(name)
        if remote is None or address_of(remote) != call.address:
            return  # it is no more, somewhere else by now, or was called elsewhere
        before, now = self._before(call), time.time()
        if well is None:
            well = now if outcome == "well" else before.well if before is not None else 0.0
        contact = Contact(call.address, now, call.did, outcome, why[:LONGEST], well)
        self._last[call.destination] = contact
        same = before is not None and before.outcome == outcome
        since = self._kept_at.get(call.destination, float("-inf"))
        self._plan(call.destination, since + (PAUSE if same else SOONEST))

    def _plan(self, destination: str, due: float) -> None:
        self._due[destination] = min(due, self._due.get(destination, due))
        self._news.set()

    async def run(self) -> None:
        """Keep what was noted when it is due, until cancelled."""
        while True:
            check_cancelled()
            self._news.clear()
            now = time.monotonic()
            for destination in [one for one, due in self._due.items() if due <= now]:
                await self._keep(destination)
            soonest = min(self._due.values(), default=None)
            left = None if soonest is None else max(soonest - time.monotonic(), 0.0)
            with suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._news.wait()

    async def keep_all(self) -> None:
        """Keep what waits, once."""
        for destination in list(self._due):
            await self._keep(destination)

    async def _keep(self, destination: str) -> None:
        due = self._due.pop(destination)
        self._kept_at[destination] = time.monotonic()
        try:
            await self._contacts.keep(destination, self._last[destination])
        except asyncio.CancelledError:
            self._plan(destination, due)  # whether it was kept, nobody knows
            raise
        except Outdated:
            self._plan(destination, time.monotonic() + SOONEST)
        except Unavailable as error:
            log.warning("contact not kept", destination=destination, error=log_text(error))
            self._plan(destination, time.monotonic() + PAUSE)


@asynccontextmanager
async def open_notes(
    bus: Bus, modalities: Modalities, peers: Registry[OtherStore]
) -> AsyncIterator[ContactNotes]:
    """Notes that are kept as long as the block runs, and what waits then for a second more."""
    async with open_contacts(bus) as contacts, asyncio.TaskGroup() as group:
        notes = ContactNotes(contacts, modalities, peers)
        keeping = group.create_task(notes.run())
        yield notes
        keeping.cancel()
        with suppress(TimeoutError):
            async with asyncio.timeout(SOONEST):
                await asyncio.wait((keeping,))  # what it is cut off at waits again
                await notes.keep_all()
