# SPDX-License-Identifier: Apache-2.0
"""Rows by their identifier, asked for together where several are wanted at a time."""

import asyncio
from dataclasses import dataclass, field
from weakref import WeakValueDictionary

from pons.catalog.connection import Reader, Record
from pons.errors import PonsError


@dataclass(eq=False, slots=True, weakref_slot=True)
class _Question:
    """One execution of a statement, about all identifiers that gathered until it left."""

    identifiers: set[bytes] = field(default_factory=set)
    rows: dict[bytes, Record] | None = None
    error: PonsError | None = None

    async def ask(self, reader: Reader, statement: str) -> dict[bytes, Record]:
        try:
            rows = await reader.rows(statement, list(self.identifiers))
        except PonsError as error:
            self.error = error
            raise
        self.rows = {row["id"]: row for row in rows}
        return self.rows


class LookUps:
    """Rows of statements that take an array of identifiers, and give each row with its `id`.

    Identifiers that are asked for while the same statement is under way gather, and leave together
    when it has ended. So no answer is older than its question, a single look-up waits for nothing,
    and many at a time cost little more than one: most of a short statement is its way to
    PostgreSQL and back.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        # By statement. Who waits holds both, so that nothing is left of statements that come once.
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._gathering: WeakValueDictionary[str, _Question] = WeakValueDictionary()

    async def row(self, statement: str, identifier: bytes) -> Record | None:
        """The row, or None. Raises `Unavailable` as `Reader` does."""
        question = self._gathering.get(statement)
        if question is None:
            question = self._gathering[statement] = _Question()
        question.identifiers.add(identifier)
        turn = self._turns.get(statement)
        if turn is None:
            turn = self._turns[statement] = asyncio.Lock()
        async with turn:
            if question.error is not None:
                raise question.error
            rows = question.rows
            if rows is None:
                # The first of those who wait asks for all; should it be cancelled, the next does.
                if self._gathering.get(statement) is question:
                    del self._gathering[statement]
                rows = await question.ask(self._reader, statement)
            return rows.get(identifier)
