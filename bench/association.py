# SPDX-License-Identifier: Apache-2.0
"""A lean requestor on a plain socket, so that the store is what is measured."""

import socket
import threading
import time
from collections.abc import Callable, Iterator

from pydicom import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from pons.dicom.network import dimse
from pons.dicom.network.associate import (
    Proposal,
    ProposedContext,
    decode_acceptance,
    encode_proposal,
)
from pons.dicom.network.messages import ResponseReader
from pons.dicom.network.pdu import (
    ASSOCIATE_AC,
    COMMAND,
    RELEASE_REQUEST,
    RELEASE_RP,
    Pdu,
    PduReader,
    Phase,
    encode_data,
)
from pons.dicom.network.user_information import our_information

CONTEXT_ID = 1
MAXIMUM_PDU_LENGTH = 128 * 1024
"""Of what a store may send."""
DEFAULT_PDU_LENGTH = 128 * 1024
"""What a store is sent that names no limit."""
STUDY_ROOT_FIND = "1.2.840.10008.5.1.4.1.2.2.1"


class Association:
    """One presentation context in explicit VR little endian; Nagle's algorithm off."""

    def __init__(
        self, host: str, port: int, called_aet: str, sop_class_uid: str = CTImageStorage
    ) -> None:
        self._socket = socket.create_connection((host, port), timeout=600)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._reader = PduReader(ResponseReader(), MAXIMUM_PDU_LENGTH, Phase.ANSWER)
        self._unread = bytearray()
        context = ProposedContext(CONTEXT_ID, sop_class_uid, (ExplicitVRLittleEndian,))
        user = our_information(MAXIMUM_PDU_LENGTH)
        self._socket.sendall(encode_proposal(Proposal(called_aet, "BENCH", (context,), user)))
        answer = self._next()
        if not isinstance(answer, Pdu) or answer.kind != ASSOCIATE_AC:
            raise SystemExit(f"{called_aet} at {host}:{port} refused the association")
        self._reader.expect(Phase.ESTABLISHED)
        accepted = decode_acceptance(answer.content)
        self.maximum_pdu_length = accepted.user.maximum_length or DEFAULT_PDU_LENGTH

    def ask(self, message: bytes) -> Iterator[dimse.Response]:
        """Send a request and give its responses as they come, the final one last."""
        self._socket.sendall(message)
        while True:
            response = self._next()
            if not isinstance(response, dimse.Response):
                raise SystemExit(f"the store answered a request with {response!r}")
            yield response
            if response.status not in dimse.PENDING:
                return

    def cancel(self) -> None:
        """Want no more responses to the request (PS3.7 9.3.2.3); those on their way still come."""
        command = dimse.encode_command(
            {
                dimse.COMMAND_FIELD: dimse.C_CANCEL_RQ,
                dimse.MESSAGE_ID_RESPONDED_TO: 1,
                dimse.COMMAND_DATASET_TYPE: dimse.NO_DATASET,
            }
        )
        pdus = encode_data(CONTEXT_ID, COMMAND, command, self.maximum_pdu_length)
        self._socket.sendall(b"".join(pdus))

    def store(self, message: bytes) -> int:
        """Send one C-STORE and return the status of its answer."""
        (response,) = self.ask(message)
        return response.status

    def release(self) -> None:
        self._reader.expect(Phase.RELEASING)
        self._socket.sendall(RELEASE_REQUEST)
        released = self._next()
        if not isinstance(released, Pdu) or released.kind != RELEASE_RP:
            raise SystemExit(f"the store answered a release with {released!r}")
        self._socket.close()

    def _next(self) -> object:
        while True:
            if self._unread:
                with memoryview(self._unread) as waiting:
                    used, event = self._reader.read(waiting)
                del self._unread[:used]
                if event is not None:
                    return event
            piece = self._socket.recv(MAXIMUM_PDU_LENGTH)
            if not piece:
                raise SystemExit("the store closed the connection")
            self._unread += piece


def encode_message(
    command_field: int, sop_class_uid: str, ds: Dataset, maximum: int, sop_instance_uid: str = ""
) -> bytes:
    """The P-DATA-TF PDUs of a request and its dataset (PS3.8 9.3.5)."""
    body = DicomBytesIO()
    body.is_little_endian, body.is_implicit_VR = True, False
    write_dataset(body, ds)
    command = dimse.encode_command(
        {
            dimse.AFFECTED_SOP_CLASS_UID: sop_class_uid,
            dimse.COMMAND_FIELD: command_field,
            dimse.MESSAGE_ID: 1,
            dimse.PRIORITY: 0,
            dimse.COMMAND_DATASET_TYPE: dimse.WITH_DATASET,
            dimse.AFFECTED_SOP_INSTANCE_UID: sop_instance_uid,
        }
    )
    message = [*encode_data(CONTEXT_ID, COMMAND, command, maximum)]
    message += encode_data(CONTEXT_ID, 0, body.getvalue(), maximum)
    return b"".join(message)


def find_message(level: str, keys: dict[str, str], maximum: int) -> bytes:
    """A C-FIND request; keys by their keyword, an empty value asks for the attribute."""
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.QueryRetrieveLevel = level
    for keyword, value in keys.items():
        setattr(ds, keyword, value)
    return encode_message(dimse.C_FIND_RQ, STUDY_ROOT_FIND, ds, maximum)


def in_parallel(count: int, work: Callable[[int], None]) -> float:
    """Seconds until `work` is done `count` times at once; raises what one of them raises."""
    failures: list[BaseException] = []

    def guarded(number: int) -> None:
        try:
            work(number)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(number,)) for number in range(count)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - started
    if failures:
        raise failures[0]
    return seconds
