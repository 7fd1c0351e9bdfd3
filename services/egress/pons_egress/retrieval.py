# SPDX-License-Identifier: Apache-2.0
"""The jobs `DicomMoveScu` and `DicomGetScu`: what a modality has comes here, or goes elsewhere."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass
from secrets import randbelow
from typing import Any, TypeVar

import msgspec
import structlog
from pynetdicom import evt

from pons.bus import Bus
from pons.errors import InvalidInstance, PonsError, ReadOnly, RemoteFailure, log_text
from pons.jobs import RetrieveRequest, Run, StoreRequest
from pons.objects import Objects
from pons.remotes.modalities import Modalities
from pons.settings import Settings
from pons_egress.calls import pass_over
from pons_egress.peer import Peer, find_peer
from pons_egress.scu.arrivals import Arrivals
from pons_egress.scu.association import Association, Offer
from pons_egress.scu.moved import Moved, hearing_of_moved
from pons_egress.scu.offers import get_offers, move_offer
from pons_egress.scu.received import KeepFile, Received
from pons_egress.scu.retrieval_progress import RetrievalProgress
from pons_egress.scu.retrieve import MAYBE_LATER, Outcome, model_of, retrieve
from pons_egress.scu.threads import ScuThreads

log = structlog.get_logger()

T = TypeVar("T")

TICK = 1.0
"""Seconds after which a job tells again how far it is, amid what it does."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one request has brought."""

    outcome: Outcome
    ids: list[str] | None
    """Instances that came in here; None where that is not known."""
    refused: int = 0
    """Instances that came, and were not kept."""
    why: str = ""
    """The first of them, and the reason."""

    @property
    def may_have_rest(self) -> bool:
        """Whether more came to nothing than what was refused here."""
        failed = self.outcome.counts.failed
        return self.outcome.may_have_rest and (failed > self.refused or not failed)

    def with_rest(self, rest: "Part") -> "Part":
        """This and what another association has brought."""
        ids = [*(self.ids or ()), *(rest.ids or ())]
        outcome = self.outcome.with_rest(rest.outcome, len(rest.ids or ()) + rest.refused)
        return Part(outcome, ids, self.refused + rest.refused, self.why or rest.why)


class Moving:
    """Handler of `DicomMoveScu`."""

    def __init__(
        self, bus: Bus, threads: ScuThreads, modalities: Modalities, settings: Settings
    ) -> None:
        self._bus = bus
        self._threads = threads
        self._modalities = modalities
        self._settings = settings

    async def __call__(self, run: Run) -> None:
        request = msgspec.convert(run.request.arguments, RetrieveRequest)
        peer = await _peer(request, self._modalities, self._settings)
        offers = [move_offer(_models(request))]
        here = request.target_aet in (self._settings.dicom.aet, peer.local_aet)
        async with hearing_of_moved(self._bus, peer.local_aet) as moved:
            retrieval = Retrieval(self._threads, run, request, peer, offers, None, moved, here=here)
            await retrieval.work()


class Getting:
    """Handler of `DicomGetScu`. What arrives is kept by `keep_file`."""

    def __init__(
        self,
        threads: ScuThreads,
        modalities: Modalities,
        settings: Settings,
        objects: Objects,
        keep_file: KeepFile,
        arrivals: Arrivals,
        sop_classes: Callable[[], Awaitable[Iterable[str]]],
        transfer_syntaxes: Callable[[], Iterable[str]],
    ) -> None:
        """`sop_classes` and `transfer_syntaxes` are those that this store takes."""
        self._threads = threads
        self._modalities = modalities
        self._settings = settings
        self._objects = objects
        self._keep_file = keep_file
        self._arrivals = arrivals
        self._sop_classes = sop_classes
        self._transfer_syntaxes = transfer_syntaxes

    async def __call__(self, run: Run) -> None:
        if self._settings.store.read_only:
            raise ReadOnly
        request = msgspec.convert(run.request.arguments, RetrieveRequest)
        peer = await _peer(request, self._modalities, self._settings)
        titles = peer.modality, peer.aet, peer.local_aet
        received = Received(self._keep_file, self._objects, *titles)
        proposed = get_offers(
            _models(request),
            await self._sop_classes(),
            self._transfer_syntaxes(),
            [(evt.EVT_C_STORE, received.store)],
        )
        # 170 classes in 45 transfer syntaxes each, which would hold others up.
        offers = await asyncio.to_thread(list, proposed)
        with self._arrivals.receiving():
            await Retrieval(self._threads, run, request, peer, offers, received).work()


class Retrieval:
    """One run of such a job."""

    def __init__(
        self,
        threads: ScuThreads,
        run: Run,
        request: RetrieveRequest,
        peer: Peer,
        offers: list[Offer],
        received: Received | None,
        moved: Moved | None = None,
        *,
        here: bool = False,
    ) -> None:
        """`received` is what comes in by C-GET, `moved` by C-MOVE, which goes elsewhere unless
        `here`."""
        self._threads = threads
        self._run = run
        self._request = request
        self._peer = peer
        self._offers = offers
        self._received = received
        self._progress = RetrievalProgress(run, request)
        self._loop = asyncio.get_running_loop()
        self._moved = moved
        self._here = here
        self._number = randbelow(0xFFFF)  # what comes by the C-MOVEs of other jobs has others
        self._ending = False
        """Whether the job is to end, or to rest, and not the association alone."""

    async def work(self) -> None:
        """Retrieve what is left, over as few associations as will do."""
        await self._progress.keep()
        while not self._progress.is_over:
            before = self._progress.done
            try:
                part = await self._associate(self._offers[0], self._retrieve_on)
                if part is not None:
                    await self._complete(part)
            except RemoteFailure as error:
                if self._ended_by is not None:  # many peers abort when an instance is not kept
                    raise self._ended_by from error
                if not self._request.permissive or self._progress.done == before:
                    raise
                pass_over(error)
                log.warning("association lost", job=self._run.id, error=log_text(error))
            if self._ended_by is not None:
                raise self._ended_by

    @property
    def _ended_by(self) -> PonsError | None:
        """Why nothing more can be kept here, if so."""
        return self._received.ended if self._received is not None else None

    async def _associate(
        self, offer: Offer, work: Callable[[Association], Part | None]
    ) -> Part | None:
        """What `work` gives, on an association; how far the peer is, is told meanwhile."""
        running = asyncio.ensure_future(self._threads.run(self._peer, offer, work))
        try:
            while not running.done():
                await asyncio.wait((running,), timeout=TICK)
                if not running.done():
                    await self._progress.tell()
        finally:
            self._ending = not running.done()
            running.cancel()
            await asyncio.wait((running,))
        return running.result()

    async def _complete(self, part: Part) -> None:
        """Ask for the same on associations with other contexts, until nothing lacks."""
        for offer in self._offers[1:]:
            more = await self._associate(offer, self._ask)
            part = part if more is None else part.with_rest(more)
            if not part.may_have_rest:
                break
        await self._finish(part)

    async def _finish(self, part: Part) -> None:
        """Note what became of the present resource; raises when the job ends with it."""
        if self._ended_by is not None:
            raise self._ended_by
        error = self._failure(part)
        if error is None or self._request.permissive:
            if error is not None:
                pass_over(error)
                log.warning("not retrieved whole", job=self._run.id, error=log_text(error))
            await self._progress.passed(part.outcome, part.ids, str(error or ""))
            return
        await self._progress.failed(part.outcome, part.ids, str(error))
        raise error

    def _failure(self, part: Part) -> PonsError | None:
        """What is wrong with what a request has brought, if anything."""
        if part.refused:
            words = f"{part.refused} instances that it sent were not kept, the first {part.why}"
            return InvalidInstance(self._peer.failure(words).message)
        if part.outcome.whole:
            return None
        failure = self._peer.failure(*part.outcome.told(self._request.method))
        failure.final = part.outcome.status not in MAYBE_LATER
        return failure

    # What follows happens in the association's thread.

    def _retrieve_on(self, association: Association) -> Part | None:
        """Retrieve what is left; gives what came of a resource of which more may come elsewhere."""
        while not self._progress.is_over:
            if self._received is not None:
                self._received.begin()
            part = self._ask(association)
            if part.may_have_rest and len(self._offers) > 1:
                return part
            self._wait_for(self._finish(part))
        return None

    def _ask(self, association: Association) -> Part:
        """What a request for the present resource brings.

        When the association ends meanwhile, a job that is permissive passes the resource over,
        unless it is we who could not keep what came.
        """
        self._number = self._number % 0xFFFF + 1
        received = self._received
        try:
            outcome = retrieve(
                association,
                self._request.method,
                self._request.identifiers[self._progress.done],
                self._progress.hear,
                number=self._number,
                target_aet=self._request.target_aet,
                busy=lambda: received is not None and received.busy,
            )
        except RemoteFailure as error:
            if self._request.permissive and not self._ending:
                ids = received.take()[0] if received else None
                if self._ended_by is None:
                    self._wait_for(self._progress.passed(Outcome(None), ids, str(error)))
            raise
        if association.cancelled.is_set():
            raise association.failure()
        if received is not None:
            return Part(outcome, *received.take())
        return Part(outcome, self._came_here(outcome))

    def _came_here(self, outcome: Outcome) -> list[str] | None:
        """Instances that a C-MOVE has brought here; None where nobody here tells of any."""
        if self._moved is None:
            return None
        counts = outcome.counts
        expected = counts.completed + counts.warning if self._here else 0
        return self._wait_for(self._moved.take(self._number, expected)) or None

    def _wait_for(self, doing: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(doing, self._loop).result()


async def _peer(request: RetrieveRequest, modalities: Modalities, settings: Settings) -> Peer:
    modality = await modalities.read(request.modality)
    asked = StoreRequest(request.modality, [], local_aet=request.local_aet, timeout=request.timeout)
    return find_peer(asked, modality, settings)


def _models(request: RetrieveRequest) -> list[str]:
    """The information models that the identifiers need."""
    needed = (model_of(request.method, identifier) for identifier in request.identifiers)
    return list(dict.fromkeys(needed))
