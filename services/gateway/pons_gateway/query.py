# SPDX-License-Identifier: Apache-2.0
"""Types of query parameters, as lenient as Orthanc is, for endpoints and for models of queries.

A parameter that comes twice has its last value. A validator does not repeat the value: whoever
tells of a mistake adds it.
"""

from functools import cache
from typing import Annotated, Any, TypeVar, cast

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, BeforeValidator, Field, ValidationError, WithJsonSchema

from pons.dicom.tag_names import parse_tags

FLAGS = {"": True, "1": True, "true": True, "0": False, "false": False}
MAX_NUMBER = 2**63 - 1
"""What a column of the database can hold."""
MAX_DIGITS = len(str(MAX_NUMBER))
AS_TEXT = WithJsonSchema({"type": "string"})

Asked = TypeVar("Asked", bound=BaseModel)


def parse_flag(value: Any) -> Any:
    """A flag's value; the name alone is true. Raises `ValueError`."""
    if not isinstance(value, str):
        return value
    if value not in FLAGS:
        raise ValueError("expected 0, 1, true or false")
    return FLAGS[value]


def parse_number(value: Any) -> Any:
    """A whole number from 0 on, in digits alone. Raises `ValueError`."""
    number = number_or_none(value)
    if number is None:
        raise ValueError(f"expected a whole number from 0 to {MAX_NUMBER}")
    return number


def number_or_none(value: Any) -> Any:
    """As `parse_number`, but None for what is no such number: Orthanc's logs ignore it."""
    if not isinstance(value, str):
        return value
    digits = value.lstrip("0") or value[:1]
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= MAX_DIGITS):
        return None
    number = int(digits)
    return number if number <= MAX_NUMBER else None


def parse_tag_list(values: str | list[str]) -> frozenset[str]:
    """Tags separated by `,` or `;`, in any spelling. Raises `UnknownTag`."""
    return parse_tags(last(values))


def parse_words(values: str | list[str]) -> list[str]:
    """Words separated by `;`."""
    return [word for word in last(values).split(";") if word]


def last(values: str | list[str]) -> str:
    """The text of a parameter that is made a collection, of which FastAPI gives all texts."""
    return values if isinstance(values, str) else values[-1]


Flag = Annotated[bool, BeforeValidator(parse_flag)]
"""True for the name alone; else 0, 1, true or false."""
Number = Annotated[int, Field(ge=0, le=MAX_NUMBER), BeforeValidator(parse_number)]
"""A whole number from 0 on."""
LenientNumber = Annotated[
    Annotated[int, Field(ge=0, le=MAX_NUMBER)] | None, BeforeValidator(number_or_none)
]
"""A whole number from 0 on; what is none counts as not given."""
TagList = Annotated[frozenset[str], BeforeValidator(parse_tag_list), AS_TEXT]
"""Tags in any spelling, separated by `,` or `;`. Raises `UnknownTag`."""
Words = Annotated[list[str], BeforeValidator(parse_words), AS_TEXT]
"""Words separated by `;`."""


def read_query(request: Request, model: type[Asked]) -> Asked:
    """The query of a request, which nobody changes. Raises what FastAPI raises."""
    if not request.scope["query_string"]:
        return cast(Asked, _without_query(model))
    try:
        return model.model_validate(dict(request.query_params.multi_items()))
    except ValidationError as error:
        raise refused(error, "query") from None


@cache
def _without_query(model: type[BaseModel]) -> BaseModel:
    return model()


def refused(error: ValidationError, part: str) -> RequestValidationError:
    """What pydantic finds wrong in a part of a request, as FastAPI tells it."""
    mistakes: Any = error.errors(include_url=False)
    return RequestValidationError([{**one, "loc": (part, *one["loc"])} for one in mistakes])
