# SPDX-License-Identifier: Apache-2.0
"""Deleting instances and the ancestors that they leave empty, in a fixed number of statements."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pons.dicom.identity import to_bytes, to_text
from pons.dicom.levels import LEVELS
from pons.errors import NotFound
from pons.messages.index import Ancestor, Deleted, Deleter, DeleteResource, DeleteResources
from pons_index.changelog import NUMBERS, Growth, log_changes
from pons_index.deletion_log import log_deletions
from pons_index.faults import Raced
from pons_index.statements import SQL

PATIENCE = 600.0
"""Seconds that one statement may take: a patient can have very many instances."""


@dataclass(frozen=True, slots=True)
class Removed:
    """What a deletion did."""

    growth: Growth
    survivors: list[tuple[int, bytes]]
    """Level and id of the ancestors that are still there, the nearest first."""
    objects: list[UUID]
    """The DICOM files of the instances."""
    instances: list[bytes]
    """Their ids."""
    resources: list[tuple[int, bytes]]
    """Level and id of what is gone and may have had something hang on it."""

    @property
    def answer(self) -> Deleted:
        for level, identifier in self.survivors:
            return Deleted(Ancestor(LEVELS[level], to_text(identifier)))
        return Deleted(None)


async def delete_resource(
    connection: Any, command: DeleteResource, committing: Callable[[Removed], None]
) -> Removed:
    """Delete a resource in one transaction; `committing` hears what it did before the commit.

    Raises `NotFound` when there is no such resource at its level.
    """
    level, identifier = NUMBERS[command.level], to_bytes(command.resource_id)
    if identifier is None:
        raise NotFound("There is no such resource", command.resource_id)
    async with connection.transaction():
        await take_time(connection)
        held = await connection.fetchval(SQL["find_patient"], level, identifier)
        rows = await connection.fetch(SQL["find_instances"], level, identifier, timeout=PATIENCE)
        if not rows:
            raise NotFound("There is no such resource", command.resource_id)
        if held is None:
            raise Raced("the patient was deleted and stored again meanwhile")
        removed = await delete_instances(
            connection, [row["instance_key"] for row in rows], "deleted", by=command.by
        )
        await log_changes(connection, removed.growth)
        committing(removed)
    return removed


async def delete_resources(connection: Any, command: DeleteResources) -> Removed | None:
    """Delete resources of any levels in one transaction, unknown ones passed over.

    None when all are unknown.
    """
    named = [
        (None if name.level is None else NUMBERS[name.level], identifier)
        for name in command.resources
        if (identifier := to_bytes(name.resource_id)) is not None
    ]
    columns = [[level for level, _ in named], [identifier for _, identifier in named]]
    async with connection.transaction():
        await take_time(connection)
        trees = await connection.fetch(SQL["find_patients_of"], *columns, timeout=PATIENCE)
        held = [row["patient_key"] for row in trees]
        rows = await connection.fetch(SQL["find_instances_of"], *columns, held, timeout=PATIENCE)
        if not rows:
            return None
        removed = await delete_instances(
            connection, [row["instance_key"] for row in rows], "deleted", by=command.by
        )
        await log_changes(connection, removed.growth)
    return removed


async def take_time(connection: Any) -> None:
    """Let the statements of this transaction take `PATIENCE` each."""
    await connection.execute(f"SET LOCAL statement_timeout = '{PATIENCE:.0f}s'")


async def delete_instances(
    connection: Any,
    keys: list[int],
    reason: str,
    *,
    by: Deleter | None = None,
    tell: bool = True,
) -> Removed:
    """Delete instances of trees that the transaction holds; `reason` is why objects are garbage.

    Who follows the change feed hears of what is gone with `tell`, and the log of deletions has
    what somebody deleted (`by`). The caller ends the transaction with `log_changes`.
    """
    described = await connection.fetch(SQL["find_described"], keys, timeout=PATIENCE)
    touched = await connection.fetch(SQL["delete_instances"], keys, reason, timeout=PATIENCE)
    emptied = [row["series_key"] for row in touched if not row["remaining"]]
    await connection.execute(SQL["delete_series"], emptied, timeout=PATIENCE)
    studies = await connection.fetch(
        SQL["delete_studies"], list({row["study_key"] for row in touched}), timeout=PATIENCE
    )
    patients = await connection.fetch(
        SQL["delete_patients"], list({row["patient_key"] for row in studies}), timeout=PATIENCE
    )
    empty_studies = [row["study_key"] for row in studies if row["deleted"]]
    empty_patients = [row["patient_key"] for row in patients if row["deleted"]]
    gone = [*keys, *emptied, *empty_studies, *empty_patients]
    detached = await connection.fetchrow(
        SQL["forget_client_data"], gone, reason, [], timeout=PATIENCE
    )
    await connection.execute(SQL["forget_unstable"], gone, timeout=PATIENCE)
    await connection.execute(SQL["forget_changes"], gone, timeout=PATIENCE)
    growth = Growth(
        patients=-len(empty_patients),
        studies=-len(empty_studies),
        series=-len(emptied),
        instances=-sum(row["instances"] for row in touched),
        size=-sum(row["size"] for row in (*touched, detached)),
        stored_size=-sum(row["stored_size"] for row in (*touched, detached)),
    )
    survivors = [
        *((2, row["id"]) for row in touched if row["remaining"]),
        *((1, row["id"]) for row in studies if not row["deleted"]),
        *((0, row["id"]) for row in patients if not row["deleted"]),
    ]
    objects = [key for row in touched for key in row["objects"]]
    instances = [one for row in touched for one in row["ids"]]
    emptied_ancestors = [
        *((2, row["id"]) for row in touched if not row["remaining"]),
        *((1, row["id"]) for row in studies if row["deleted"]),
        *((0, row["id"]) for row in patients if row["deleted"]),
    ]
    resources = [*((3, row["id"]) for row in described), *emptied_ancestors]
    if tell:
        gone_ids = [*((3, one) for one in instances), *emptied_ancestors]
        levels, ids = [level for level, _ in gone_ids], [one for _, one in gone_ids]
        await connection.execute(SQL["tell_deletions"], levels, ids, timeout=PATIENCE)
    if by is not None:
        alone = [one for row in touched if row["remaining"] for one in row["ids"]]
        gone_ids = [*((3, one) for one in alone), *emptied_ancestors]
        await log_deletions(connection, gone_ids, by)
        with_series = [one for row in touched if not row["remaining"] for one in row["ids"]]
        await connection.execute(SQL["forget_logged"], with_series, timeout=PATIENCE)
    return Removed(growth, survivors, objects, instances, resources)
