# SPDX-License-Identifier: Apache-2.0
from io import BytesIO

import pytest
from pynetdicom.dimse_messages import C_ECHO_RQ, C_STORE_RQ
from pynetdicom.dimse_primitives import C_ECHO, C_STORE
from pynetdicom.dsutils import decode

from pons.dicom.network.dimse import (
    AFFECTED_SOP_INSTANCE_UID,
    COMMAND_FIELD,
    MESSAGE_ID_RESPONDED_TO,
    MOVE_ORIGINATOR_AET,
    STATUS,
    Command,
    Response,
    decode_command,
    decode_response,
    encode_command,
    encode_response,
)
from pons.dicom.network.pdu import ProtocolError
from pons_testing import wire


def test_c_store_request() -> None:
    """A request is read as pynetdicom writes it."""
    primitive = C_STORE()
    primitive.MessageID = 4711
    primitive.AffectedSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    primitive.AffectedSOPInstanceUID = "1.2.3"
    primitive.Priority = 2
    primitive.DataSet = BytesIO(b"x")
    primitive.MoveOriginatorApplicationEntityTitle = "MOVER"
    primitive.MoveOriginatorMessageID = 1
    message = C_STORE_RQ()
    message.primitive_to_message(primitive)
    fragments = list(message.encode_msg(1, 16384))
    command_set = fragments[0].presentation_data_value_list[0][1][1:]
    assert decode_command(command_set) == Command(
        1, 4711, True, "1.2.840.10008.5.1.4.1.1.2", "1.2.3"
    )


def test_c_echo_request() -> None:
    """A request without dataset and without instance."""
    primitive = C_ECHO()
    primitive.MessageID = 1
    primitive.AffectedSOPClassUID = "1.2.840.10008.1.1"
    message = C_ECHO_RQ()
    message.primitive_to_message(primitive)
    fragments = list(message.encode_msg(1, 16384))
    command_set = fragments[0].presentation_data_value_list[0][1][1:]
    assert decode_command(command_set) == Command(0x30, 1, False, "1.2.840.10008.1.1", "")


def test_response() -> None:
    """A response is read by pynetdicom as it was meant, its group length right."""
    request = Command(1, 4711, True, "1.2.840.10008.5.1.4.1.1.2", "1.2.3")
    encoded = encode_response(request, Response(0xA900, "Größe\\of µ is ż " + "x" * 70))
    ds = decode(BytesIO(encoded), True, True)
    assert ds.CommandGroupLength == len(encoded) - 12
    assert ds.CommandField == 0x8001
    assert ds.MessageIDBeingRespondedTo == 4711
    assert ds.CommandDataSetType == 0x0101
    assert ds.Status == 0xA900
    assert ds.AffectedSOPClassUID == "1.2.840.10008.5.1.4.1.1.2"
    assert ds.AffectedSOPInstanceUID == "1.2.3"
    assert ds.ErrorComment == "Gr??e?of ? is ? " + "x" * 45 + "..."
    assert len(ds.ErrorComment) == 64


def test_short_response() -> None:
    """What a request did not have is not in its response."""
    encoded = encode_response(Command(0x30, 1, False, "1.2.840.10008.1.1", ""), Response(0))
    ds = decode(BytesIO(encoded), True, True)
    assert [element.keyword for element in ds] == [
        "CommandGroupLength",
        "AffectedSOPClassUID",
        "CommandField",
        "MessageIDBeingRespondedTo",
        "CommandDataSetType",
        "Status",
    ]


def test_malformed_command_sets() -> None:
    """A command set that cannot be answered ends the association, by the user's abort."""
    whole = wire.command(1, instance="1.2.3")
    cases = {
        "empty": b"",
        "cut in a header": whole[:-9],
        "cut in a value": whole[:-1],
        "another group": whole + b"\x08\0\x16\0\0\0\0\0",
        "no command field": whole.replace(b"\0\0\0\1\2\0\0\0", b"\0\0\1\1\2\0\0\0"),
        "no message id": whole.replace(b"\0\0\x10\1\2\0\0\0", b"\0\0\x11\1\2\0\0\0"),
        "no dataset type": whole.replace(b"\0\0\0\x08\2\0\0\0", b"\0\0\1\x08\2\0\0\0"),
        "a field of four bytes": wire.element(0x0100, b"\1\0\0\0") + whole[26:],
    }
    for name, command_set in cases.items():
        with pytest.raises(ProtocolError) as raised:
            decode_command(command_set)
        assert (raised.value.source, raised.value.reason) == (0, 0), name


def test_a_command_set() -> None:
    """Elements ascend, text is padded to even length, and the group length counts what follows."""
    encoded = encode_command(
        {AFFECTED_SOP_INSTANCE_UID: "1.2", COMMAND_FIELD: 1, MOVE_ORIGINATOR_AET: "ABC"}
    )
    assert encoded == (
        b"\0\0\0\0\4\0\0\0\x22\0\0\0"
        b"\0\0\0\1\2\0\0\0\1\0"
        b"\0\0\0\x10\4\0\0\x001.2\0"
        b"\0\0\x30\x10\4\0\0\0ABC "
    )


def test_a_response_of_a_peer() -> None:
    """Status, comment and request of a response are read; one that is cut short is refused."""
    request = Command(1, 7, True, wire.CT, "1.2.3")
    encoded = encode_response(request, Response(0xA700, "no room"))
    assert decode_response(encoded) == Response(0xA700, "no room", answers=(1, 7))
    bare = encode_command({COMMAND_FIELD: 0x8001, MESSAGE_ID_RESPONDED_TO: 7, STATUS: 0})
    assert decode_response(bare) == Response(0, answers=(1, 7))
    for broken in (bare[:-3], b"", encode_command({COMMAND_FIELD: 0x8001, STATUS: 0})):
        with pytest.raises(ProtocolError):
            decode_response(broken)
    no_response = encode_command({COMMAND_FIELD: 1, MESSAGE_ID_RESPONDED_TO: 7, STATUS: 0})
    assert decode_response(no_response).answers == (0x8001, 7)
