# SPDX-License-Identifier: Apache-2.0
"""What a request to send to a modality may look like."""

import pytest

from pons.errors import BadRequest
from pons.jobs import StoreRequest, parse_store_request
from pons.messages.modality import Modality

ID = "66c8e41e-ac3a9029-0b85e42a-8195ee0a-92c2e62e"
OTHER = "12345678-12345678-12345678-12345678-12345678"


@pytest.mark.parametrize(
    "body", [ID, f" {ID}\n", f'"{ID}"', f'["{ID}"]', f'{{"Resources":"{ID}"}}']
)
def test_one_resource(body: str) -> None:
    """A bare identifier, as text or JSON, is sent synchronously with the modality's own values."""
    assert parse_store_request("pacs", body.encode()) == StoreRequest("pacs", [ID])


def test_identifiers_that_begin_with_digits_are_no_numbers() -> None:
    """A bare identifier of digits only is not taken for JSON."""
    assert parse_store_request("pacs", OTHER.encode()).resources == [OTHER]


def test_every_field() -> None:
    """All of Orthanc's fields arrive."""
    body = b"""{"Resources": ["a", "b"], "Asynchronous": true, "Priority": -3, "Permissive": true,
        "LocalAet": "ME", "CalledAet": "YOU", "Host": "h", "Port": "104", "Timeout": 7,
        "MoveOriginatorAet": "MOVER", "MoveOriginatorID": 42, "UserData": {"a": [1]},
        "StorageCommitment": false}"""
    assert parse_store_request("pacs", body) == StoreRequest(
        modality="pacs",
        resources=["a", "b"],
        synchronous=False,
        priority=-3,
        permissive=True,
        local_aet="ME",
        called_aet="YOU",
        host="h",
        port=104,
        move_originator_aet="MOVER",
        move_originator_id=42,
        timeout=7.0,
        user_data={"a": [1]},
    )


def test_synchronous_wins() -> None:
    """With both words given, Synchronous decides, as in Orthanc."""
    body = b'{"Resources": [], "Synchronous": true, "Asynchronous": true}'
    assert parse_store_request("pacs", body).synchronous


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "Resources: expected Orthanc identifiers, got ''"),
        (b"[1]", "Resources: expected Orthanc identifiers, got 1"),
        (b"{}", "Expected an identifier, an array of them, or an object with Resources"),
        (b"3", "Expected an identifier"),
        (b'{"Resources": [], "Permissive": 1}', "Permissive: expected true or false, got 1"),
        (b'{"Resources": [], "Priority": "high"}', "Priority: expected a number from"),
        (b'{"Resources": [], "Port": 70000}', "Port: expected a number from 1 to 65534"),
        (b'{"Resources": [], "MoveOriginatorID": 65536}', "MoveOriginatorID: expected a number"),
        (b'{"Resources": [], "LocalAet": "SEVENTEEN-LETTERS"}', "LocalAet: expected 1 to 16"),
        (
            b'{"Resources": [], "UserData": ' + b"[" * 99 + b"]" * 99 + b"}",
            "The JSON body is nested",
        ),
        (b'{"Resources": [], "UserData": 99999999999999999999}', "The JSON body has a number"),
        (b'{"Resources": [], "StorageCommitment": true}', "StorageCommitment: this store cannot"),
    ],
)
def test_what_is_refused(body: bytes, told: str) -> None:
    """Whoever asks for something impossible reads which field it is."""
    with pytest.raises(BadRequest) as refused:
        parse_store_request("pacs", body)
    assert refused.value.message.startswith(told)


def test_ae_titles() -> None:
    """The request's AE titles win over the modality's, those over the store's."""
    plain, named = Modality("PACS", "h", 1), Modality("PACS", "h", 1, local_aet="THERE")
    asked = StoreRequest("pacs", [], local_aet="ME", called_aet="YOU")
    assert StoreRequest("pacs", []).aets(plain, "PONS") == ("PONS", "PACS")
    assert StoreRequest("pacs", []).aets(named, "PONS") == ("THERE", "PACS")
    assert asked.aets(named, "PONS") == ("ME", "YOU")
