# SPDX-License-Identifier: Apache-2.0
"""What the identifier of a C-MOVE or C-GET names."""

import asyncio
from collections.abc import AsyncIterator
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from pons.catalog import Search
from pons.errors import BadRequest
from pons_ingress.identifier import ReceivedIdentifier
from pons_ingress.retrieve_query import Wanted, read_wanted

MOVE = "1.2.840.10008.5.1.4.1.2.2.2"
STUDY = b"\x08\0\x52\0\6\0\0\0STUDY "


class Asked:
    """Stands in for the catalog, and keeps what it is asked."""

    def __init__(self) -> None:
        self.query: tuple[tuple[str, str], ...] = ()

    async def search_ids(self, search: Search) -> AsyncIterator[list[str]]:
        self.query = search.query
        yield ["one"]


def wanted(wire: ModuleType, accession_number: bytes) -> Wanted:
    """Of a request for a study with these numbers."""
    identifier = ReceivedIdentifier()
    head = b"\x08\0\x50\0" + len(accession_number).to_bytes(4, "little")
    identifier.write(memoryview(head + accession_number + STUDY))
    context = SimpleNamespace(transfer_syntax=wire.IMPLICIT, abstract_syntax=MOVE)
    message = SimpleNamespace(context=context, dataset=identifier)
    conversation: Any = SimpleNamespace(message=message)
    return read_wanted(conversation, "latin1", level_needed=True)


@pytest.mark.parametrize("numbers", [b"A1\\ ", b"\\A1 ", b"A1\\  \\"])
def test_an_empty_value_of_a_list_names_nothing(wire: ModuleType, numbers: bytes) -> None:
    """Else each study without the number were sent, of whatever patient."""
    catalog = Asked()
    asyncio.run(wanted(wire, numbers).find(catalog))
    assert catalog.query == (("00080050", "A1"),)


def test_a_list_of_empty_values_is_refused(wire: ModuleType) -> None:
    """It says as little as no value."""
    with pytest.raises(BadRequest, match="StudyInstanceUID is missing"):
        wanted(wire, b"\\ ")
