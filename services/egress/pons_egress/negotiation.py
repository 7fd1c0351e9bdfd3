# SPDX-License-Identifier: Apache-2.0
"""How an association begins: a connection, our proposal, the peer's answer (PS3.8 7.1).

Whatever goes wrong is a `RemoteFailure` that says which peer and what happened.
"""

import asyncio
import socket
import ssl
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pydicom.uid import UID

from pons.dicom.network.acknowledgement import acknowledge_now
from pons.dicom.network.associate import (
    ACCEPTED,
    Proposal,
    ProposedContext,
    decode_acceptance,
    encode_proposal,
)
from pons.dicom.network.messages import ResponseReader
from pons.dicom.network.pdu import (
    ABORT,
    ASSOCIATE_RJ,
    SMALLEST_LENGTH,
    USER_ABORT,
    Pdu,
    PduReader,
    Phase,
    ProtocolError,
    SpeaksTls,
    decode_abort,
)
from pons.dicom.network.rejection import decode_rejection
from pons.dicom.network.user_information import our_information
from pons.remotes.dicom_tls import requestor_context, why_no_tls
from pons.sending.contexts import Way
from pons_egress.peer import Peer

AT_ONCE = 64 * 1024
"""Bytes taken from a connection at once."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """What a peer agreed to."""

    contexts: Mapping[Way, int]
    """Context identifiers of those that it accepted."""
    maximum_length: int
    """Largest P-DATA that it takes; 0 for any."""


class Incoming:
    """What a peer sends, one event after the other."""

    def __init__(
        self, stream: asyncio.StreamReader, transport: asyncio.BaseTransport, maximum_length: int
    ) -> None:
        self._stream = stream
        self._transport = transport
        self._reader = PduReader(ResponseReader(), maximum_length, Phase.ANSWER)
        self._unread = bytearray()
        self.expect = self._reader.expect

    async def next(self) -> object:
        """A `Pdu` or a `Response`. Raises `ProtocolError`, `OSError` when the connection ends."""
        while True:
            with memoryview(self._unread) as unread:
                used, event = self._reader.read(unread)
            del self._unread[:used]
            if event is not None:
                return event
            if self._reader.inside_pdu or self._unread:
                acknowledge_now(self._transport)
            piece = await self._stream.read(AT_ONCE)
            if not piece:
                raise ConnectionResetError
            self._unread += piece


async def connect(peer: Peer) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A TCP connection, with TLS if the peer wants that; of several addresses of the host, the
    first that answers within the timeout, which each of them has. Raises `Unavailable` when our
    certificates cannot be used.
    """
    context = await asyncio.to_thread(requestor_context, peer.tls) if peer.tls else None
    try:
        return await connect_to_any(peer, await _addresses(peer), context)
    except TimeoutError:
        raise peer.absence(f"no connection within {peer.timeout:g} s") from None
    except ConnectionRefusedError:
        raise peer.absence(f"connection refused by {peer.address}") from None
    except socket.gaierror as error:
        raise peer.absence(f"host {peer.host!r} is not known: {error.strerror}") from None
    except ssl.SSLError as error:
        raise peer.absence(f"no TLS: {why_no_tls(error)}") from None
    except ConnectionResetError as error:
        why = f"no TLS: {why_no_tls(error)}" if peer.tls else f"no connection: {error.strerror}"
        raise peer.absence(why) from None
    except OSError as error:
        raise peer.absence(f"no connection: {error.strerror or error}") from None


async def _addresses(peer: Peer) -> list[str]:
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(peer.timeout):
        found = await loop.getaddrinfo(peer.host, peer.port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


async def connect_to_any(
    peer: Peer, addresses: Iterable[str], context: ssl.SSLContext | None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """With the first address that answers; raises what went wrong with the last one."""
    failure: OSError = socket.gaierror(socket.EAI_NONAME, "no address")
    for address in addresses:
        try:
            async with asyncio.timeout(peer.timeout):
                return await asyncio.open_connection(
                    address,
                    peer.port,
                    ssl=context,
                    server_hostname=peer.host if context is not None else None,
                )
        except ssl.SSLError:
            raise  # somebody is there
        except OSError as error:
            failure = error
    raise failure


async def negotiate(
    peer: Peer,
    ways: Sequence[Way],
    maximum_length: int,
    incoming: Incoming,
    writer: asyncio.StreamWriter,
) -> Accepted:
    """What the peer agrees to, one context at least."""
    contexts = [
        ProposedContext(2 * number + 1, sop_class_uid, (transfer_syntax,))
        for number, (sop_class_uid, transfer_syntax) in enumerate(ways)
    ]
    us = our_information(maximum_length)
    writer.write(encode_proposal(Proposal(peer.aet, peer.local_aet, tuple(contexts), us)))
    pdu = await _answer(peer, incoming)
    if pdu.kind == ASSOCIATE_RJ:
        raise peer.failure(f"association rejected: {decode_rejection(pdu.content)}")
    if pdu.kind == ABORT:
        raise peer.failure(f"association aborted by {decode_abort(pdu.content)}")
    accepted = _read_acceptance(peer, pdu, ways)
    if not accepted.contexts:
        writer.write(USER_ABORT)
        names = sorted({UID(sop_class).name for sop_class, _ in ways})
        raise peer.failure(f"accepts no presentation context for {', '.join(names)}")
    incoming.expect(Phase.ESTABLISHED)
    return accepted


async def _answer(peer: Peer, incoming: Incoming) -> Pdu:
    try:
        async with asyncio.timeout(peer.timeout):
            event = await incoming.next()
    except TimeoutError:
        what = f"no answer to the association request within {peer.timeout:g} s"
        raise peer.failure(what) from None
    except ssl.SSLError as error:  # with TLS 1.3 it looks at our certificate only now
        raise peer.failure(f"no TLS: {why_no_tls(error)}") from None
    except OSError:
        what = "closed the connection instead of answering the request"
        maybe = ": it may not take our certificate" if peer.tls else ""
        raise peer.failure(what + maybe) from None
    except SpeaksTls:
        raise peer.failure("speaks TLS: set UseDicomTls") from None
    except ProtocolError as error:
        raise peer.failure(f"sent {error}: it does not speak DICOM") from None
    if not isinstance(event, Pdu):
        raise TypeError(f"Expected a PDU, got {event!r}")
    return event


def _read_acceptance(peer: Peer, pdu: Pdu, ways: Sequence[Way]) -> Accepted:
    try:
        acceptance = decode_acceptance(pdu.content)
    except ProtocolError as error:
        what = f"its answer to the association request cannot be read: {error}"
        raise peer.failure(what) from None
    maximum_length = acceptance.user.maximum_length or 0
    if 0 < maximum_length < SMALLEST_LENGTH:
        raise peer.failure(f"takes PDUs of {maximum_length} bytes only")
    proposed = {2 * number + 1: way for number, way in enumerate(ways)}
    contexts = {}
    for one in acceptance.results:
        way = proposed.get(one.context_id)
        # Who takes it for another encoding than it has would read other pixels.
        if one.result == ACCEPTED and way is not None and one.transfer_syntax == way[1]:
            contexts[way] = one.context_id
    return Accepted(contexts, maximum_length)
