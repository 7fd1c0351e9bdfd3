# SPDX-License-Identifier: Apache-2.0
"""What comes in by C-GET: each instance is kept as it arrives (PS3.4 C.4.3), in bounded memory.

pynetdicom has written the data set to a file; a small one is read into memory, a large one copied
into a spool file, behind the meta header that this store gives to what it receives. The peer hears
that an instance is stored once it is durable.
"""

import asyncio
from collections import deque
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Protocol, TypeVar

import structlog
from pynetdicom import evt

from pons import errors
from pons.dicom.part10 import file_start
from pons.errors import PonsError
from pons.header.meta import meta_end
from pons.ingest import StatusWanted, Stored, WrongDataset
from pons.messages.events import Origin
from pons.objects import PIECE, SPOOL_ABOVE, Body, Objects
from pons_egress.metrics import RECEIVED, RECEIVED_BYTES

T = TypeVar("T")
log = structlog.get_logger()

META = 8 * 1024
"""Bytes of a file that surely hold the meta header that pynetdicom writes."""
UNSEEN = 64
"""Instances that are durable, and that reads may not show yet; then the next one waits."""

STATUS: dict[type[PonsError], int] = {
    errors.InvalidInstance: 0xC000,  # cannot understand
    WrongDataset: 0xA900,  # data set does not match SOP class
    errors.BadRequest: 0xC000,
    errors.UnsupportedImage: 0xC000,
    errors.Forbidden: 0x0124,  # not authorised
    errors.ReadOnly: 0x0124,
    errors.OutOfResources: 0xA700,
    errors.Unavailable: 0xA700,
    errors.TooLarge: 0xA700,
    errors.NotFound: 0x0110,  # processing failure
    errors.Conflict: 0x0110,
    errors.DamagedObject: 0x0110,
    errors.RemoteFailure: 0x0110,
}
"""What a peer hears whose instance is not kept (PS3.4 B.2.3)."""
INTERNAL_ERROR = 0xC211
ENDS_ALL = (errors.OutOfResources, errors.Unavailable, errors.ReadOnly)
"""What would befall the instances that follow, too."""


class Kept(Protocol):
    """`pons.ingest.Kept`: an instance that is durable."""

    async def stored(self) -> Stored: ...


class KeepFile(Protocol):
    """`pons.ingest.Ingest.keep`."""

    async def __call__(
        self, body: Body, origin: Origin, *, awaited: bool, announced: tuple[str, str]
    ) -> Kept: ...


class Received:
    """The instances of one request after the other, on one association.

    `store` and `take` are called in the association's thread; what they wait for is done on the
    event loop that made this.
    """

    def __init__(
        self, keep_file: KeepFile, objects: Objects, modality: str, remote_aet: str, local_aet: str
    ) -> None:
        self._keep_file = keep_file
        self._objects = objects
        self._modality = modality
        self._titles = {"remote_aet": remote_aet, "called_aet": local_aet}
        self._loop = asyncio.get_running_loop()
        self._unseen: deque[tuple[str, Kept]] = deque()
        self._ids: list[str] = []
        self._uids: set[str] = set()
        self._earlier: set[str] = set()
        """SOP instances that earlier requests for the same resource have brought."""
        self._refused = 0
        self._why = ""
        self.busy = False
        """Whether the peer waits for us."""
        self.ended: PonsError | None = None
        """Why nothing more can be kept."""

    def begin(self) -> None:
        """What comes from now on is of another resource."""
        self._uids, self._earlier = set(), set()

    def take(self) -> tuple[list[str], int, str]:
        """What has come since this was asked last: identifiers of the instances that are kept, how
        many are not, and which one was the first of those, and why.

        Waits until reads show them, or the index was given its time.
        """
        while self._unseen:
            self._see()
        self._earlier |= self._uids
        taken = self._ids, self._refused, self._why
        self._ids, self._refused, self._why = [], 0, ""
        return taken

    def store(self, event: evt.Event) -> int:
        """Keep the instance of a C-STORE request; gives the status of the answer."""
        request: Any = event.request
        uid = str(request.AffectedSOPInstanceUID)
        self.busy = True
        try:
            size = self._store(event, str(request.AffectedSOPClassUID), uid)
        except PonsError as error:
            # Its traceback would keep the request, and so the file that pynetdicom has open.
            self._refuse(uid, error.with_traceback(None))
            if isinstance(error, StatusWanted):
                return error.status
            return errors.nearest(STATUS, error) or INTERNAL_ERROR
        except Exception:  # the edge: anything else is a bug, and the peer hears no more
            log.exception("instance not kept", sop_instance_uid=uid)
            self._refuse(uid, PonsError("Internal error", "see the log of egress"))
            return INTERNAL_ERROR
        finally:
            event.dataset_path.unlink(missing_ok=True)
            self.busy = False
        RECEIVED.labels(self._modality, "success").inc()
        RECEIVED_BYTES.labels(self._modality).inc(size)
        return 0x0000

    def _store(self, event: evt.Event, sop_class_uid: str, uid: str) -> int:
        if self.ended is not None:
            raise self.ended
        if uid in self._earlier:
            return 0  # as the peer could send it then, which is as it has it or without loss
        start = file_start(sop_class_uid, uid, str(event.context.transfer_syntax))
        body, size = self._body(event.dataset_path, start)
        remote = event.assoc.remote["address"] or ""
        origin = Origin("DicomProtocol", remote_ip=remote, **self._titles)
        kept = self._wait_for(
            self._keep_file(body, origin, awaited=False, announced=(sop_class_uid, uid))
        )
        self._uids.add(uid)
        self._unseen.append((uid, kept))
        if len(self._unseen) > UNSEEN:
            self._see()
        return size

    def _body(self, path: Path, start: bytes) -> tuple[Body, int]:
        """The file that the store keeps: `start`, and the data set behind pynetdicom's header."""
        with path.open("rb") as file:
            behind = meta_end(file.read(META))
            size = len(start) + path.stat().st_size - behind
            file.seek(behind)
            if size <= SPOOL_ABOVE:
                return start + file.read(), size
            spool = self._objects.spool()
            try:
                spool.write(start)
                while piece := file.read(PIECE):
                    spool.write(piece)
            except BaseException:
                spool.close()
                raise
        return spool, size

    def _see(self) -> None:
        uid, kept = self._unseen.popleft()
        try:
            stored = self._wait_for(kept.stored())
            if stored.status != "FilteredOut":
                self._ids.append(stored.ids.instance)
        except PonsError as error:
            self._refuse(uid, error)

    def _refuse(self, uid: str, error: PonsError) -> None:
        RECEIVED.labels(self._modality, "failure").inc()
        if isinstance(error, ENDS_ALL):
            self.ended = error
        self._refused += 1
        self._why = self._why or f"{uid}: {error}"

    def _wait_for(self, doing: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(doing, self._loop).result()
