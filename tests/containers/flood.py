# SPDX-License-Identifier: Apache-2.0
"""Many small images as fast as a store takes them, over DICOM and REST at once.

All are the same but for their UIDs, which are put into the encoded message: a client that encodes
each of them would take more CPU time than the store. Whatever is not acknowledged in the end is a
failure.
"""

import http.client
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from io import BytesIO
from typing import TypeVar

import httpx
from pydicom import Dataset, dcmwrite
from pynetdicom import build_context
from pynetdicom.dimse_messages import C_STORE_RQ
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.dsutils import encode
from pynetdicom.pdu import A_ASSOCIATE_RQ, A_RELEASE_RQ, P_DATA_TF
from pynetdicom.pdu_primitives import (
    A_ASSOCIATE,
    ImplementationClassUIDNotification,
    MaximumLengthNotification,
)

from outside import TIMEOUT, Store, image

ROOT = "1.2.826.0.1.3680043.8.498"
IN_STUDY = 100
AT_ONCE = 4
"""Associations, and as many connections of REST."""
MAXIMUM_LENGTH = 16384
"""Of a PDU (PS3.8 D.1): more than a message has."""
CONTEXT = 1
ASSOCIATE_AC, P_DATA, RELEASE_RP = 2, 4, 6
"""Types of PDUs (PS3.8 9.3)."""
STATUS = b"\x00\x00\x00\x09\x02\x00\x00\x00"
"""What is before the status of a response: (0000,0900), two bytes long (PS3.7 E.1)."""


OUT_OF_RESOURCES, UNAVAILABLE = b"\x00\xa7", 503
"""Answers to who may ask again: A700H (PS3.4 B.2.3), and that of HTTP."""
ATTEMPTS, PAUSE = 20, 0.5
"""What is behind a store on two cores, while containers come and go, may be slow for seconds."""

Answer = TypeVar("Answer")


def once_more(ask: Callable[[], Answer], later: Answer) -> Answer:
    """The answer; what asks for patience is asked again some times."""
    for _ in range(ATTEMPTS):
        answer = ask()
        if answer != later:
            break
        time.sleep(PAUSE)
    return answer


def uid_of(kind: int, number: int, index: int) -> str:
    """UIDs of one length; `kind` tells a study from an instance, `number` one flood from others."""
    return f"{ROOT}.{kind}{number:03d}{index:08d}"


@dataclass
class Flood:
    """So many images for a store; those of another `number` are others."""

    store: Store
    number: int
    images: int
    sent: set[str] = field(default_factory=set)
    acknowledged: set[str] = field(default_factory=set)

    def run(self) -> None:
        """Return when all are acknowledged: every second one over DICOM, the others over REST."""
        doors = (self._over_dicom, self._over_rest)
        with ThreadPoolExecutor(len(doors) * AT_ONCE) as clients:
            working = [
                clients.submit(door, range(2 * client + place, self.images, 2 * AT_ONCE))
                for place, door in enumerate(doors)
                for client in range(AT_ONCE)
            ]
            for one in working:
                one.result()

    def _over_dicom(self, indices: range) -> None:
        pattern = store_request(self._pattern())
        with socket.create_connection(("127.0.0.1", self.store.dicom_port), TIMEOUT) as peer:
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            peer.sendall(association_request(self.store.aet))
            answered(peer, ASSOCIATE_AC)
            for index in indices:
                uid = self._begin(index)

                def ask(message: bytes = self._filled(pattern, index)) -> bytes:
                    peer.sendall(message)
                    return answered(peer, P_DATA).partition(STATUS)[2][:2]

                status = once_more(ask, OUT_OF_RESOURCES)
                assert status == b"\0\0", f"C-STORE was answered with status {status!r}"
                self.acknowledged.add(uid)
            peer.sendall(A_RELEASE_RQ().encode())
            answered(peer, RELEASE_RP)

    def _over_rest(self, indices: range) -> None:
        file = BytesIO()
        dcmwrite(file, self._pattern(), enforce_file_format=True)
        headers = dict(login(self.store))
        client = http.client.HTTPConnection("127.0.0.1", self.store.http_port, timeout=TIMEOUT)
        for index in indices:
            uid = self._begin(index)

            def ask(image: bytes = self._filled(file.getvalue(), index)) -> int:
                client.request("POST", "/instances", image, headers)
                answer = client.getresponse()
                answer.read()
                return answer.status

            status = once_more(ask, UNAVAILABLE)
            assert status == 200, f"REST answered {status}"
            self.acknowledged.add(uid)
        client.close()

    def _pattern(self) -> Dataset:
        """The first image, whose UIDs are replaced in the others."""
        ds = image(f"F{self.number}", study_uid=uid_of(1, self.number, 0))
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = uid_of(2, self.number, 0)
        return ds

    def _begin(self, index: int) -> str:
        uid = uid_of(2, self.number, index)
        self.sent.add(uid)
        return uid

    def _filled(self, pattern: bytes, index: int) -> bytes:
        for kind, place in ((1, index // IN_STUDY), (2, index)):
            first, own = (uid_of(kind, self.number, one).encode() for one in (0, place))
            pattern = pattern.replace(first, own)
        return pattern


def login(store: Store) -> Iterator[tuple[str, str]]:
    """The header with its user and password, if it has any."""
    request = httpx.Request("POST", store.http.base_url)
    if auth := store.http.auth:
        yield "Authorization", next(auth.auth_flow(request)).headers["Authorization"]


def association_request(called_aet: str) -> bytes:
    """A-ASSOCIATE-RQ for the storage of CTs in explicit VR little endian (PS3.8 9.3.2)."""
    ds = image()
    context = build_context(ds.SOPClassUID, ds.file_meta.TransferSyntaxUID)
    context.context_id = CONTEXT
    length, implementation = MaximumLengthNotification(), ImplementationClassUIDNotification()
    length.maximum_length_received = MAXIMUM_LENGTH
    implementation.implementation_class_uid = ROOT
    asked = A_ASSOCIATE()
    asked.application_context_name = "1.2.840.10008.3.1.1.1"
    asked.calling_ae_title, asked.called_ae_title = "FLOOD", called_aet
    asked.presentation_context_definition_list = [context]
    asked.user_information = [length, implementation]
    pdu = A_ASSOCIATE_RQ()
    pdu.from_primitive(asked)
    return pdu.encode()


def store_request(ds: Dataset) -> bytes:
    """The P-DATA-TF PDUs of a C-STORE of a data set (PS3.8 9.3.5)."""
    asked = C_STORE()
    asked.MessageID, asked.Priority = 1, 2
    asked.AffectedSOPClassUID, asked.AffectedSOPInstanceUID = ds.SOPClassUID, ds.SOPInstanceUID
    asked.DataSet = BytesIO(encode(ds, False, True) or b"")
    message = C_STORE_RQ()
    message.primitive_to_message(asked)
    pdus = []
    for piece in message.encode_msg(CONTEXT, MAXIMUM_LENGTH):
        pdu = P_DATA_TF()
        pdu.from_primitive(piece)
        pdus.append(pdu.encode())
    return b"".join(pdus)


def answered(peer: socket.socket, kind: int) -> bytes:
    """The content of the next PDU, which has to be of this type (PS3.8 9.3.1)."""
    head = exactly(peer, 6)
    content = exactly(peer, int.from_bytes(head[2:], "big"))
    assert head[0] == kind, f"a PDU of type {head[0]}, not {kind}: {content!r}"
    return content


def exactly(peer: socket.socket, length: int) -> bytes:
    content = b""
    while len(content) < length:
        piece = peer.recv(length - len(content))
        assert piece, "the store closed the connection"
        content += piece
    return content
