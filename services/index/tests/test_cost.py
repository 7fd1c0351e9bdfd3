# SPDX-License-Identifier: Apache-2.0
"""What a batch costs: statements, whatever its size, and none that only few stores need."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from pons.messages.events import InstanceReceived
from pons.settings import StorageSettings
from pons_index.statements import SQL
from pons_testing.events import received

pytestmark = pytest.mark.anyio
Index = Any
OpenIndex = Any

NAMES = {statement: name for name, statement in SQL.items()}


class Counted:
    """A connection that notes which statements go through it."""

    def __init__(self, connection: Any, names: list[str]) -> None:
        self._connection = connection
        self._names = names

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._connection, name)
        if name not in ("fetch", "fetchrow", "fetchval", "execute"):
            return found

        async def noted(statement: str, *values: Any, **more: Any) -> Any:
            self._names.append(NAMES[statement])
            return await found(statement, *values, **more)

        return noted


@pytest.fixture
def statements(index: Index, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the statements that writers send from now on."""
    names: list[str] = []
    run = index.database.run

    async def counted(work: Callable[[Any], Awaitable[Any]], *more: Any, **others: Any) -> Any:
        return await run(lambda connection: work(Counted(connection, names)), *more, **others)

    monkeypatch.setattr(index.database, "run", counted)
    return names


def batch(size: int, study: int) -> list[InstanceReceived]:
    return [
        received(f"1.{study}.{number}", study_uid=f"1.{study}", series_uid=f"1.{study}.0")
        for number in range(size)
    ]


@pytest.mark.parametrize("size", [1, 200])
async def test_a_batch_is_one_statement(index: Index, statements: list[str], size: int) -> None:
    """A store without limits and further tags writes as it did before there were any."""
    await index.write(*batch(size, 1))
    assert statements == ["write_batch"]


async def test_a_limit_costs_one_row(open_index: OpenIndex, statements: list[str]) -> None:
    """With room left, a limited store reads how full it is, and nothing else."""
    index = open_index(StorageSettings(maximum_patients=9, maximum_size_mb=9))
    await index.write(*batch(200, 1))
    assert statements == ["write_batch", "read_filling", "log_changes"]


async def test_further_tags_are_looked_up_once(
    open_index: OpenIndex, statements: list[str]
) -> None:
    """The number of the list in force is asked for at the first batch only."""
    index = open_index(extra_main_tags={"Study": ["Rows"]})
    await index.write(*batch(20, 1))
    statements.clear()
    await index.write(*batch(20, 2))
    assert statements == ["write_batch"]
