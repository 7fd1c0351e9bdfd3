# SPDX-License-Identifier: Apache-2.0
"""What a rule asks of an instance: a small language of its own, which runs nothing.

Texts are compared without regard to case, with `*` for any letters and `?` for one. An attribute
of several values satisfies what one of them does.
"""

import fnmatch
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Annotated, Any

import msgspec
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from pons.dicom.orthanc_json import element_text
from pons.dicom.tag_names import UnknownTag, is_sequence, parse_tag
from pons.header.json_elements import find_element

DEEPEST = 8
"""How deep conditions may lie in each other."""
MOST = 64
"""Conditions of a list, and texts of one."""
TESTS = ("Is", "Min", "Max", "Exists")
KINDS = ("Tag", "Origin", "Label", "All", "Any", "Not")


@dataclass(slots=True)
class Seen:
    """What is known of an instance while rules are asked of it."""

    header: bytes
    """DICOM JSON."""
    origin: str = ""
    """The AE title that sent it; empty when it did not come by DICOM."""
    labels: frozenset[str] = frozenset()
    """Its own, and those of what it belongs to."""
    _texts: dict[str, str | None] = field(default_factory=dict)

    def text(self, tag: str) -> str | None:
        """The text of an attribute; None where the header lacks it."""
        if tag not in self._texts:
            element = find_element(self.header, tag)
            found = element and element_text(tag, msgspec.json.decode(element))
            self._texts[tag] = found if isinstance(found, str) else None
        return self._texts[tag]


def _plain_tag(text: str) -> str:
    try:
        tag = parse_tag(text)
    except UnknownTag as error:
        raise ValueError(error.message) from None
    if is_sequence(tag):
        raise ValueError("sequences have no text that could be compared")
    return text


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Text = Annotated[str, Field(min_length=1, max_length=1024)]
Texts = Annotated[
    list[Text],
    BeforeValidator(_listed, json_schema_input_type=str | list[str]),
    Field(min_length=1, max_length=MOST),
]
Bound = Annotated[float, Field(strict=True, allow_inf_nan=False)] | Text


class Condition(BaseModel):
    """One question: about a `Tag`, the `Origin`, a `Label`; or `All`, `Any`, `Not` of others."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={"examples": [{"Tag": "Modality", "Is": ["CT", "PT"]}]},
    )

    Tag: Annotated[str, AfterValidator(_plain_tag)] | None = Field(
        None, description="An attribute, by keyword or as `gggg,eeee`, that is no sequence."
    )
    Is: Texts | None = Field(None, description="The attribute has one of these texts.")
    Min: Bound | None = Field(
        None, description="It is at least so much; a text is compared as dates and times are."
    )
    Max: Bound | None = Field(None, description="It is at most so much.")
    Exists: bool | None = Field(None, description="Whether it is there, and not empty.")
    Origin: Texts | None = Field(None, description="The AE title that sent it is one of these.")
    Label: Texts | None = Field(
        None, description="The instance, or what it belongs to, has one of these labels."
    )
    All: "list[Condition] | None" = Field(None, max_length=MOST, description="Each of these holds.")
    Any: "list[Condition] | None" = Field(None, max_length=MOST, description="One of these holds.")
    Not: "Condition | None" = Field(None, description="This does not hold.")

    @model_validator(mode="after")
    def _one_question(self) -> "Condition":
        kinds = [name for name in KINDS if getattr(self, name) is not None]
        tests = [name for name in TESTS if getattr(self, name) is not None]
        if len(kinds) != 1:
            raise ValueError(f"a condition has one of {', '.join(KINDS)}, not {len(kinds)}")
        if (kinds == ["Tag"]) != bool(tests):
            raise ValueError("a condition with Tag, and no other, has Is, Min and Max, or Exists")
        if len(tests) > 1 and set(tests) != {"Min", "Max"}:
            raise ValueError(f"of {', '.join(tests)} a condition has one; Min and Max go together")
        if type(self.Min) is not type(self.Max) and len(tests) == 2:
            raise ValueError("Min and Max are two numbers, or two texts")
        if self.depth > DEEPEST:
            raise ValueError(f"conditions lie deeper in each other than {DEEPEST}")
        return self

    @property
    def below(self) -> "list[Condition]":
        """The conditions that this one is made of."""
        return [*(self.All or ()), *(self.Any or ()), *([self.Not] if self.Not else ())]

    @property
    def depth(self) -> int:
        return 1 + max((one.depth for one in self.below), default=0)

    def asks(self, kind: str) -> bool:
        """Whether it, or one that it is made of, is of this kind."""
        return getattr(self, kind) is not None or any(one.asks(kind) for one in self.below)

    def holds(self, seen: Seen) -> bool:
        """Whether it holds of what is seen."""
        if self.All is not None:
            return all(one.holds(seen) for one in self.All)
        if self.Any is not None:
            return any(one.holds(seen) for one in self.Any)
        if self.Not is not None:
            return not self.Not.holds(seen)
        if self.Origin is not None:
            return _is(seen.origin, self.Origin)
        if self.Label is not None:
            return any(_is(label, self.Label) for label in seen.labels)
        return self._holds_of(seen.text(parse_tag(self.Tag or "")))

    def unmet(self, seen: Seen) -> "Condition | None":
        """The first question that does not hold; None where all do."""
        if self.holds(seen):
            return None
        if self.All is not None:
            return next(found for one in self.All if (found := one.unmet(seen)) is not None)
        return self

    def found(self, seen: Seen) -> str | None:
        """What is there of what it asks, empty where nothing is; None where it asks several."""
        if self.Tag is not None:
            return seen.text(parse_tag(self.Tag)) or ""
        if self.Origin is not None:
            return seen.origin
        if self.Label is not None:
            return ", ".join(sorted(seen.labels))
        return None

    def _holds_of(self, text: str | None) -> bool:
        values = [part.strip() for part in (text or "").split("\\")]
        if self.Exists is not None:
            return any(values) is self.Exists
        if self.Is is not None:
            return any(_is(value, self.Is) for value in values)
        return any(_between(value, self.Min, self.Max) for value in values)

    def as_written(self) -> Mapping[str, object]:
        """As users write it."""
        return self.model_dump(exclude_none=True)


def _is(text: str, patterns: list[str]) -> bool:
    return any(_pattern(pattern).match(text) for pattern in patterns)


@lru_cache(maxsize=4096)
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(fnmatch.translate(text.replace("[", "[[]")), re.IGNORECASE)


def _between(text: str, least: float | str | None, most: float | str | None) -> bool:
    if not text:
        return False
    value: Any = text
    if not isinstance(least if least is not None else most, str):
        try:
            value = float(text)
        except ValueError:
            return False
    return (least is None or least <= value) and (most is None or value <= most)
