# SPDX-License-Identifier: Apache-2.0
"""C-FIND to a modality (PS3.4 C.4.1, K.4.1): its answers go into the store's queries, page by page.

As they come: at most one page is in memory, and a peer that is faster than the bucket waits.
"""

import asyncio
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import suppress
from uuid import uuid4

import msgspec
import structlog
from pydicom.dataset import Dataset
from pydicom.uid import UID
from pynetdicom import build_context, evt
from pynetdicom.dimse_messages import C_FIND_RSP
from pynetdicom.status import QR_FIND_SERVICE_CLASS_STATUS

from pons.dicom.transfer_syntaxes import EXPLICIT_VR, IMPLICIT_VR
from pons.errors import InvalidInstance, Unavailable
from pons.header import TOP_SEPARATOR, read_identifier
from pons.header.json_elements import elements
from pons.jobs import StoreRequest
from pons.limits import MEGABYTE
from pons.lua.functions import OUTGOING_FIND
from pons.lua.queries import filtered_query
from pons.lua.scripts import Scripts
from pons.messages.egress import AnsweredQuery, FindModality, dimse_payload
from pons.remotes.live import LiveSettings
from pons.remotes.modalities import Modalities
from pons.remotes.queries import PAGE, Queries
from pons.settings import Settings
from pons_egress.peer import Peer, find_peer
from pons_egress.scu.association import Association, Offer
from pons_egress.scu.identifier import identifier
from pons_egress.scu.query import MODELS, WORKLIST, keys_of
from pons_egress.scu.threads import ScuThreads

log = structlog.get_logger()

SYNTAXES = [EXPLICIT_VR, IMPLICIT_VR]
PENDING = (0xFF00, 0xFF01)
MEDIUM = 0
"""The priority that is sent (PS3.7 table 9.1-2)."""
MESSAGE_ID = 1
RETRIEVE_AET = "00080054"


class Find:
    """Answers the command `FindModality`."""

    def __init__(
        self,
        threads: ScuThreads,
        queries: Queries,
        modalities: Modalities,
        live: LiveSettings,
        settings: Settings,
        scripts: Scripts | None = None,
    ) -> None:
        """`scripts` may change what modalities are asked, worklists aside."""
        self._scripts = scripts
        self._threads = threads
        self._queries = queries
        self._modalities = modalities
        self._live = live
        self._settings = settings

    async def __call__(self, command: FindModality) -> AnsweredQuery:
        """Raises `NotFound` for an unknown modality, `BadRequest` for what cannot be asked, and
        `RemoteFailure` when not all answers have come."""
        modality = await self._modalities.read(command.modality)
        asked = StoreRequest(
            command.modality, [], local_aet=command.local_aet, timeout=command.timeout or 0.0
        )
        peer = find_peer(asked, modality, self._settings)
        keys = keys_of(command.level, command.query, modality, normalize=command.normalize)
        if (
            self._scripts is not None
            and command.level != "Worklist"
            and self._scripts.defines(OUTGOING_FIND)
        ):
            told = msgspec.to_builtins(modality)
            keys = await filtered_query(self._scripts, OUTGOING_FIND, keys, told)
        codec = self._live.now.default_charset
        encoded = {
            implicit: identifier(keys, codec, implicit=implicit) for implicit in (False, True)
        }
        query = AnsweredQuery(
            id=str(uuid4()),
            modality=command.modality,
            level=command.level,
            query=command.query,
            local_aet=command.local_aet,
            timeout=command.timeout,
        )
        model = MODELS[command.level]
        finding = Finding(model, encoded, codec, self._settings.queries.answers_mb)
        offer = Offer(
            [build_context(model, SYNTAXES)], handlers=[(evt.EVT_DIMSE_RECV, finding.hear)]
        )
        pages = Pages(self._queries, query)
        try:
            await self._threads.run(
                peer,
                offer,
                lambda association: pages.fill(finding.answers(association)),
                within=self._settings.queries.timeout,
            )
            if command.keep:
                await self._queries.keep(pages.query)
        except BaseException:
            with suppress(Unavailable):  # then they go when they are old
                await self._queries.drop_pages(pages.query)
            raise
        log.info("modality answered", modality=command.modality, answers=pages.query.count)
        return pages.query


class Finding:
    """One C-FIND, and the answers that come."""

    def __init__(
        self, model: UID, identifiers: Mapping[bool, Dataset], codec: str, most_mb: int
    ) -> None:
        self._model = model
        self._identifiers = identifiers
        """By whether they are in implicit VR."""
        self._codec = codec
        self._most_mb = most_mb
        self._heard: deque[bytes] = deque()

    def hear(self, event: evt.Event) -> None:
        """Keep the bytes of an answer, which pynetdicom gives to nobody else. In its thread."""
        message = event.message
        if isinstance(message, C_FIND_RSP) and message.command_set.get("Status") in PENDING:
            self._heard.append(message.data_set.getvalue() if message.data_set else b"")

    def answers(self, association: Association) -> Iterator[bytes]:
        """Each answer as DICOM JSON, until all have come. Raises `RemoteFailure`."""
        requestor, peer, size, ending = association.requestor, association.peer, 0, False
        (context,) = requestor.accepted_contexts
        syntax = context.transfer_syntax[0]
        asked = self._identifiers[syntax.is_implicit_VR]
        for status, answer in requestor.send_c_find(asked, self._model, MESSAGE_ID, MEDIUM):
            if "Status" not in status:
                raise association.failure()
            if association.cancelled.is_set() and not ending:
                requestor.send_c_cancel(MESSAGE_ID, query_model=self._model)
                ending = True
            if status.Status not in PENDING:
                if ending:
                    raise association.failure()
                _judge(peer, status)
                return
            if answer is None:
                raise peer.failure("sends an answer that cannot be read")
            content = self._heard.popleft()
            size += len(content)
            if size > self._most_mb * MEGABYTE:
                what = f"answers with more than {self._most_mb} MB: ask it more precisely"
                raise peer.failure(f"{what} (setting queries.answers_mb)")
            if not ending:
                yield self._as_json(peer, content, syntax)

    def _as_json(self, peer: Peer, content: bytes, syntax: UID) -> bytes:
        """An answer, with the AE title to retrieve from where the peer does not tell it."""
        try:
            json = read_identifier(content, syntax, default_charset=self._codec).json
        except InvalidInstance as error:
            raise peer.failure("sends an answer that cannot be read", f": {error}") from None
        told = dict(elements(json))
        if self._model == WORKLIST or b'"Value"' in told.get(RETRIEVE_AET, b""):
            return json
        told[RETRIEVE_AET] = msgspec.json.encode({"vr": "AE", "Value": [peer.aet]})
        members = (b'"%b":%b' % (tag.encode(), one) for tag, one in sorted(told.items()))
        return b"{" + TOP_SEPARATOR.join(members) + b"}"


def _judge(peer: Peer, status: Dataset) -> None:
    """Raise for anything but success: then answers are missing."""
    if status.Status == 0:
        return
    category, words = QR_FIND_SERVICE_CLASS_STATUS.get(status.Status, ("", "unknown"))
    comment = f" ({status.ErrorComment})" if status.get("ErrorComment") else ""
    failure = peer.failure(
        f"ended C-FIND with status 0x{status.Status:04X}: {words or category}", comment
    )
    failure.told = dimse_payload(status.Status)
    raise failure


class Pages:
    """Keeps the answers to a query, from the thread in which they come."""

    def __init__(self, queries: Queries, query: AnsweredQuery) -> None:
        self._queries = queries
        self._loop = asyncio.get_running_loop()
        self.query = query
        """With the pages that there are."""

    def fill(self, answers: Iterator[bytes]) -> None:
        """Keep all of them; blocks."""
        page: list[bytes] = []
        size = 0
        for answer in answers:
            if page and size + len(answer) > PAGE:
                self._put(page)
                page, size = [], 0
            page.append(answer)
            size += len(answer)
        if page:
            self._put(page)

    def _put(self, page: list[bytes]) -> None:
        counts = self.query.counts
        putting = self._queries.put_page(self.query.id, len(counts), page)
        asyncio.run_coroutine_threadsafe(putting, self._loop).result()
        self.query = msgspec.structs.replace(self.query, counts=[*counts, len(page)])
