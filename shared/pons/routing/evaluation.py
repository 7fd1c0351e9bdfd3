# SPDX-License-Identifier: Apache-2.0
"""Which rules hold of a resource, as the index knows it now."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from pons.catalog import Fields, Headers, Part, Resource, Statistics, StoredHeader
from pons.dicom.levels import LEVELS, Level
from pons.dicom.metadata import SYSTEM_METADATA
from pons.routing.conditions import Condition, Seen
from pons.routing.rules import LEVEL_OF, Rule

REMOTE_AET = SYSTEM_METADATA["RemoteAET"]
CHILDREN = Fields(frozenset({Part.CHILDREN}))
LABELS = Fields(frozenset({Part.LABELS}))


class Lookup(Protocol):
    """What is asked of the catalog."""

    headers: Headers

    async def find(self, level: Level, identifier: str, fields: Fields) -> Resource | None: ...

    async def above(
        self, level: Level, of: Level, identifier: str, fields: Fields
    ) -> Resource | None: ...

    async def metadata(self, level: Level, identifier: str) -> dict[int, str] | None: ...

    async def labels(self, level: Level, identifier: str) -> list[str] | None: ...

    async def statistics(self, level: Level, identifier: str) -> Statistics | None: ...


@dataclass(frozen=True, slots=True)
class Asked:
    """One instance that a rule was asked of: itself, or the first of a series."""

    level: Level
    resource_id: str
    """The instance, or the series that it stands for."""
    unmet: Condition | None
    """The first condition that does not hold of it; None where all do."""
    found: str | None
    """What it has of what that condition asks; None where all do, or where it asks several."""


class Evaluator:
    """Asks rules of resources. Every method raises `Unavailable` while the index is away."""

    def __init__(self, catalog: Lookup) -> None:
        self._catalog = catalog

    async def holding(
        self, level: Level, resource_id: str, rules: Mapping[str, Rule]
    ) -> dict[str, Rule]:
        """Those of the rules that hold; none of a resource that is not there any more."""
        asked = await self.ask(level, resource_id, rules)
        return {
            name: rule
            for name, rule in rules.items()
            if any(one.unmet is None for one in asked[name])
        }

    async def ask(
        self, level: Level, resource_id: str, rules: Mapping[str, Rule]
    ) -> dict[str, list[Asked]]:
        """What the rules say of each instance that is asked, by the name of the rule.

        Nothing where the resource is not there. Rules of another level than `level` are a mistake.
        """
        assert all(LEVEL_OF[rule.On] == level for rule in rules.values())
        conditions = {name: rule.condition for name, rule in rules.items()}
        told: dict[str, list[Asked]] = {name: [] for name in rules}
        for of, identifier in await self._examples(level, resource_id):
            unmet = await self._unmet(of, identifier, conditions)
            if unmet is not None:
                for name, (condition, found) in unmet.items():
                    told[name].append(Asked(of, identifier, condition, found))
        return told

    async def thing(self, level: Level, resource_id: str) -> str:
        """What a resource is: a series or a study of more instances than before is another."""
        if level == "Instance":
            return resource_id
        found = await self._catalog.statistics(level, resource_id)
        return f"{resource_id} {found.instances if found else 0}"

    async def _examples(self, level: Level, resource_id: str) -> list[tuple[Level, str]]:
        """What is asked: the instance, the series, or each series of the study."""
        if level != "Study":
            return [(level, resource_id)]
        study = await self._catalog.find("Study", resource_id, CHILDREN)
        return [("Series", one) for one in study.children] if study else []

    async def _unmet(
        self, level: Level, resource_id: str, conditions: Mapping[str, Condition]
    ) -> dict[str, tuple[Condition | None, str | None]] | None:
        origin, labels = "", frozenset[str]()
        if any(one.asks("Origin") for one in conditions.values()):
            metadata = await self._catalog.metadata(level, resource_id) or {}
            origin = metadata.get(REMOTE_AET, "")
        if any(one.asks("Label") for one in conditions.values()):
            labels = await self._labels(level, resource_id)

        def use(header: StoredHeader) -> dict[str, tuple[Condition | None, str | None]]:
            seen = Seen(header.json, origin, labels)
            unmet = {name: one.unmet(seen) for name, one in conditions.items()}
            return {name: (one, one.found(seen) if one else None) for name, one in unmet.items()}

        if level == "Instance":
            return await self._catalog.headers.read(resource_id, use)
        return await self._catalog.headers.first(level, resource_id, use)

    async def _labels(self, level: Level, resource_id: str) -> frozenset[str]:
        """The labels of a resource and of all that it belongs to."""
        labels = set(await self._catalog.labels(level, resource_id) or ())
        for above in LEVELS[: LEVELS.index(level)]:
            resource = await self._catalog.above(above, level, resource_id, LABELS)
            labels |= set(resource.labels if resource else ())
        return frozenset(labels)
