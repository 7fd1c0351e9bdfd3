# SPDX-License-Identifier: Apache-2.0
from io import BytesIO
from types import ModuleType

import pytest
from pynetdicom.dimse_messages import C_ECHO_RQ, C_STORE_RQ
from pynetdicom.dimse_primitives import C_ECHO, C_STORE
from pynetdicom.dsutils import decode

from pons_ingress.dimse import Command, Response, decode_command, encode_response
from pons_ingress.pdu import ProtocolError


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


def test_malformed_command_sets(wire: ModuleType) -> None:
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
