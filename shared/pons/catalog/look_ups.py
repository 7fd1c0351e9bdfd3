# SPDX-License-Identifier: Apache-2.0
"""Rows by their identifier, asked for together where several are wanted at a time."""

import asyncio

from pons.catalog.connection import Reader, Record

Identifier = bytes | bool
"""Of a resource; true for a table that has one row."""
Waiting = list[tuple[Identifier, "asyncio.Future[Record | None]"]]


class LookUps:
    """Rows of statements that take an array of identifiers, and give each row with its `id`.

    Identifiers that are asked for while the same statement is under way gather, and leave together
    when it has ended. So no answer is older than its question, a single look-up waits for nothing,
    and many at a time cost little more than one: most of a short statement is its way to
    PostgreSQL and back.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._gathering: dict[str, Waiting] = {}
        """By statement, as long as one of its turns is under way."""
        self._turns: set[asyncio.Task[None]] = set()

    async def row(self, statement: str, identifier: Identifier) -> Record | None:
        """The row, or None. Raises `Unavailable` as `Reader` does."""
        answer: asyncio.Future[Record | None] = asyncio.get_running_loop().create_future()
        gathering = self._gathering.get(statement)
        if gathering is not None:
            gathering.append((identifier, answer))
        else:
            self._gathering[statement] = [(identifier, answer)]
            # A task of its own: whoever asked may go away without taking the others along.
            turns = asyncio.create_task(self._take_turns(statement))
            self._turns.add(turns)
            turns.add_done_callback(self._turns.discard)
        return await answer

    async def _take_turns(self, statement: str) -> None:
        """Ask for what has gathered, as long as something has."""
        while asked := self._gathering[statement]:
            self._gathering[statement] = []
            try:
                rows = await self._reader.rows(statement, list({one for one, _ in asked}))
                found = {row["id"]: row for row in rows}
            except Exception as error:
                for _, answer in asked:
                    if not answer.done():
                        answer.set_exception(error)
            else:
                for identifier, answer in asked:
                    if not answer.done():
                        answer.set_result(found.get(identifier))
        del self._gathering[statement]
