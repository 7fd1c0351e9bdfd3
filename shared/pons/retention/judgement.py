# SPDX-License-Identifier: Apache-2.0
"""What is to become of a study: what rules say of all its instances, and what keeps it anyway.

It goes where one rule holds of each of its instances, and where every rule that holds of any of
them has let it go. So a study that something else was added to stays, and a rule that keeps longer
is never overruled by one that keeps shorter.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Protocol

from pons.catalog.headers import Headers, StoredHeader
from pons.catalog.retention import HeldInstance, OldStudies, OldStudy
from pons.errors import DamagedObject
from pons.retention.rules import RetentionRule
from pons.routing.conditions import Condition, Seen

ROOM = "until room is needed"


class Lookup(Protocol):
    """What is asked of the catalog."""

    headers: Headers
    old_studies: OldStudies


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a study that a rule holds of."""

    study: OldStudy
    rule: str
    """The rule that lets it go, or would."""
    labels: str
    """The digest of its labels, as they were judged."""
    kept: str = ""
    """Why it stays; empty: it goes."""
    for_room: bool = False
    """Whether it only goes when room is needed."""

    @property
    def goes(self) -> bool:
        return not self.kept


@dataclass(slots=True)
class _Said:
    """What rules say of the instances of a study that were asked so far."""

    of_all: dict[str, RetentionRule]
    """Those that hold of each of them."""
    of_any: dict[str, RetentionRule]
    labels: set[str]


class Judge:
    """Judges studies one by one. Every method raises `Unavailable` while the index is away."""

    def __init__(self, catalog: Lookup, keeping_labels: Sequence[str]) -> None:
        """`keeping_labels` keep whatever has one of them, or has it above or below."""
        self._catalog = catalog
        self._keeping = set(keeping_labels)

    async def page(
        self, after: int, limit: int, rules: Mapping[str, RetentionRule]
    ) -> tuple[list[Verdict], int | None]:
        """Verdicts of the next studies that are old enough for some rule, and where to go on.

        None where there are no more. Of studies that no rule holds of nothing is said.
        """
        if not rules:
            return [], None
        youngest = min(rule.keep for rule in rules.values())
        studies = await self._catalog.old_studies.page(after, youngest, limit)
        verdicts = [await self.judge(study, rules) for study in studies]
        last = studies[-1].key if len(studies) == limit else None
        return [verdict for verdict in verdicts if verdict is not None], last

    async def again(self, keys: Sequence[int], rules: Mapping[str, RetentionRule]) -> list[Verdict]:
        """Fresh verdicts of these studies."""
        studies = await self._catalog.old_studies.these(keys)
        verdicts = [await self.judge(study, rules) for study in studies]
        return [verdict for verdict in verdicts if verdict is not None]

    async def judge(self, study: OldStudy, rules: Mapping[str, RetentionRule]) -> Verdict | None:
        """What becomes of a study; None where no rule holds of all of it."""
        labels = await self._catalog.old_studies.labels_digest(study.key)
        try:
            said = await self._ask(study, rules)
        except DamagedObject as error:
            return Verdict(study, "", labels, f"it cannot be read: {error.message}")
        if not said.of_all:
            return None
        # Of those that let it go, one that waits for nothing more is named first.
        name = min(said.of_all, key=lambda one: (_for_room(said.of_all[one]), one))
        for_room = any(_for_room(rule) for rule in said.of_any.values())
        verdict = Verdict(study, name, labels, for_room=for_room)
        return replace(verdict, kept=self._why_kept(study, said))

    def _why_kept(self, study: OldStudy, said: _Said) -> str:
        if study.protected:
            return "its patient is protected"
        if not study.stable:
            return "it is not stable yet"
        if keeping := sorted(self._keeping & said.labels):
            return f"it, its patient or something below it has the label {keeping[0]!r}"
        longest = max(said.of_any, key=lambda one: said.of_any[one].keep)
        left = said.of_any[longest].keep - study.age
        if left > timedelta():
            until = (study.last_update + said.of_any[longest].keep).strftime("%Y-%m-%d %H:%M")
            return f"rule {longest!r} keeps it until {until} UTC"
        return ""

    async def _ask(self, study: OldStudy, rules: Mapping[str, RetentionRule]) -> _Said:
        """Ask each instance, until no rule can hold of all of them any more."""
        conditions = {name: rule.condition for name, rule in rules.items()}
        reads = any(one.asks("Tag") for one in conditions.values())
        said = _Said(dict(rules), {}, set())
        asked = False
        async for instance in self._catalog.old_studies.instances(study.key):
            asked = True
            holding = await self._holding(instance, conditions, reads=reads)
            said.labels |= instance.labels
            said.of_any |= {name: rules[name] for name in holding}
            said.of_all = {name: rule for name, rule in said.of_all.items() if name in holding}
            if not said.of_all:
                break
        if not asked:  # it was deleted meanwhile
            said.of_all = {}
        return said

    async def _holding(
        self, instance: HeldInstance, conditions: Mapping[str, Condition], *, reads: bool
    ) -> set[str]:
        def ask(header: bytes) -> set[str]:
            seen = Seen(header, instance.remote_aet, instance.labels)
            return {name for name, one in conditions.items() if one.holds(seen)}

        if not reads:
            return ask(b"{}")

        def use(header: StoredHeader) -> set[str]:
            return ask(header.json)

        return await self._catalog.headers.read(instance.id, use) or set()


def _for_room(rule: RetentionRule) -> bool:
    return rule.Delete == "WhenRoomIsNeeded"
