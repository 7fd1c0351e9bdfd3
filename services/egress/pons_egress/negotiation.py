# SPDX-License-Identifier: Apache-2.0
"""How an association begins: a connection, our proposal, the peer's answer (PS3.8 7.1).

Whatever goes wrong is a `RemoteFailure` that says which peer and what happened.
"""

import asyncio
import socket
from collections.abc import Sequence

from pydicom.uid import UID

from pons_egress import wire
from pons_egress.peer import Peer
from pons_egress.wire import Accepted, Malformed, Proposal

MAX_ANSWER = 1024 * 1024
"""Bytes of a PDU from the peer; those that answer us have some hundred."""


async def connect(peer: Peer) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A TCP connection; of several addresses of the host, the first that answers."""
    try:
        async with asyncio.timeout(peer.timeout):
            return await _connect_to_any(peer)
    except TimeoutError:
        raise peer.failure(f"no connection within {peer.timeout:g} s") from None
    except ConnectionRefusedError:
        raise peer.failure(f"connection refused by {peer.address}") from None
    except socket.gaierror as error:
        raise peer.failure(f"host {peer.host!r} is not known: {error.strerror}") from None
    except OSError as error:
        raise peer.failure(f"no connection: {error.strerror or error}") from None


async def read_pdu(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """The next PDU's type and its bytes. Raises `Malformed` for one that nobody would send us."""
    header = await reader.readexactly(wire.PDU_HEADER.size)
    kind, length = wire.PDU_HEADER.unpack(header)
    if length > MAX_ANSWER:
        raise Malformed(f"sent a PDU of type 0x{kind:02X} with {length} bytes")
    return kind, header + await reader.readexactly(length)


async def _connect_to_any(peer: Peer) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(peer.host, peer.port, type=socket.SOCK_STREAM)
    failure: OSError = socket.gaierror(socket.EAI_NONAME, "no address")
    for _family, _type, _protocol, _name, address in found:
        try:
            return await asyncio.open_connection(str(address[0]), peer.port)
        except OSError as error:
            failure = error
    raise failure


async def negotiate(
    peer: Peer,
    proposals: Sequence[Proposal],
    maximum_length: int,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> Accepted:
    """What the peer agrees to, one context at least."""
    writer.write(wire.encode_associate(peer.local_aet, peer.aet, proposals, maximum_length))
    try:
        async with asyncio.timeout(peer.timeout):
            kind, pdu = await read_pdu(reader)
    except TimeoutError:
        what = f"no answer to the association request within {peer.timeout:g} s"
        raise peer.failure(what) from None
    except (asyncio.IncompleteReadError, OSError):
        raise peer.failure("closed the connection instead of answering the request") from None
    except Malformed as error:
        raise peer.failure(f"{error}: it does not speak DICOM") from None
    if kind == wire.ASSOCIATE_RJ:
        raise peer.failure(f"association rejected: {wire.decode_reject(pdu)}")
    if kind == wire.ABORT:
        raise peer.failure(f"association aborted by {wire.decode_abort(pdu)}")
    if kind != wire.ASSOCIATE_AC:
        raise peer.failure(f"answered the association request with a PDU of type 0x{kind:02X}")
    accepted = _read_accept(peer, pdu, proposals)
    if not accepted.contexts:
        writer.write(wire.ABORT_REQUEST)
        names = sorted({UID(sop_class).name for sop_class, _ in proposals})
        raise peer.failure(f"accepts no presentation context for {', '.join(names)}")
    return accepted


def _read_accept(peer: Peer, pdu: bytes, proposals: Sequence[Proposal]) -> Accepted:
    try:
        accepted = wire.decode_accept(pdu, proposals)
    except Exception as error:  # whatever pynetdicom makes of bytes that are no A-ASSOCIATE-AC
        what = f"its answer to the association request cannot be read: {error!r}"
        raise peer.failure(what) from error
    if 0 < accepted.maximum_length <= wire.PDV_HEADER.size:
        raise peer.failure(f"takes PDUs of {accepted.maximum_length} bytes only")
    return accepted
