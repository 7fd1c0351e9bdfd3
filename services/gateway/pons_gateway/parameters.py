# SPDX-License-Identifier: Apache-2.0
"""Query parameters: each is declared once, read by calling it, and documented from the same."""

from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from pons.dicom.tag_names import parse_tags
from pons.errors import BadRequest

FLAGS = {"": True, "1": True, "true": True, "0": False, "false": False}
MAX_NUMBER = 2**63 - 1


class BadParameter(BadRequest):
    """A parameter's value is not of the kind that it must be."""


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    description: str

    @property
    def schema(self) -> dict[str, Any]:
        return {"type": "string"}

    def text(self, request: Request) -> str | None:
        """The value as it was sent; None when it was not."""
        if not request.scope["query_string"]:
            return None
        return request.query_params.get(self.name)


@dataclass(frozen=True, slots=True)
class Flag(Parameter):
    """True for the name alone; else 0, 1, true or false."""

    default: bool = False

    def __call__(self, request: Request) -> bool:
        value = self.text(request)
        if value is None:
            return self.default
        if value not in FLAGS:
            raise BadParameter(f"{self.name} is 0, 1, true or false, not {value!r}")
        return FLAGS[value]

    @property
    def schema(self) -> dict[str, Any]:
        return {"type": "boolean", "default": self.default}


@dataclass(frozen=True, slots=True)
class Number(Parameter):
    """A whole number from 0 on."""

    lenient: bool = False
    """Orthanc's logs ignore what is no number, its lists refuse it."""

    def __call__(self, request: Request) -> int | None:
        value = self.text(request)
        if value is None:
            return None
        if value.isascii() and value.isdecimal() and int(value[:20]) <= MAX_NUMBER:
            return int(value)
        if self.lenient:
            return None
        raise BadParameter(f"{self.name} is a whole number, not {value!r}")

    @property
    def schema(self) -> dict[str, Any]:
        return {"type": "integer", "minimum": 0, "maximum": MAX_NUMBER}


@dataclass(frozen=True, slots=True)
class Tags(Parameter):
    """Tags separated by `,` or `;`."""

    def __call__(self, request: Request) -> frozenset[str]:
        value = self.text(request)
        return parse_tags(value) if value else frozenset()


@dataclass(frozen=True, slots=True)
class Words(Parameter):
    """Words separated by `;`."""

    def __call__(self, request: Request) -> list[str] | None:
        value = self.text(request)
        return None if value is None else [word for word in value.split(";") if word]


@dataclass(frozen=True, slots=True)
class Text(Parameter):
    """Free text, read by whoever the request is passed to."""
