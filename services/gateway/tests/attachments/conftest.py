# SPDX-License-Identifier: Apache-2.0
"""A gateway whose index takes attachments, two kinds of which have names."""

import httpx
import pytest

from pons.messages.index import DeleteAttachment, PutAttachment, RestoreObject, Written
from pons.messages.services import Done
from pons.settings import IndexSettings, Settings

from ..conftest import Open, Store
from .attached import Catalog


@pytest.fixture
def catalog() -> Catalog:
    return Catalog()


@pytest.fixture
def client(open_client: Open, catalog: Catalog, store: Store) -> httpx.AsyncClient:
    types = {"notes": 1024, "sketch": (1025, "image/svg+xml")}
    settings = Settings(index=IndexSettings(user_content_types=types))
    store.services.answers |= {
        PutAttachment: Written(0),
        DeleteAttachment: Done(),
        RestoreObject: Done(),
    }
    return open_client(settings, catalog=catalog)
