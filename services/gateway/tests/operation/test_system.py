# SPDX-License-Identifier: Apache-2.0
"""What the store tells of itself is what its document says."""

from typing import Any

import httpx
import pytest

from pons_gateway.models.system import Capabilities, StoreStatistics, System

pytestmark = pytest.mark.anyio


async def test_system_is_as_documented(client: httpx.AsyncClient, document: dict[str, Any]) -> None:
    """Every key is documented with its type, and every documented key is there."""
    answer = (await client.get("/system")).json()
    System.model_validate(answer, strict=True)
    assert list(answer) == list(System.model_fields)
    assert list(answer["Capabilities"]) == list(Capabilities.model_fields)
    statistics = (await client.get("/statistics")).json()
    StoreStatistics.model_validate(statistics, strict=True)
    assert list(statistics) == list(StoreStatistics.model_fields)
    paths = document["paths"]
    for path, name in (("/system", "System"), ("/statistics", "StoreStatistics")):
        content = paths[path]["get"]["responses"]["200"]["content"]
        schema = content["application/json"]["schema"]
        assert schema == {"$ref": f"#/components/schemas/{name}"}
