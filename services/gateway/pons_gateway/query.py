# SPDX-License-Identifier: Apache-2.0
"""Types of query parameters, as lenient as Orthanc is, for endpoints and for models of queries.

A parameter that comes twice has its last value. A validator does not repeat the value: whoever
tells of a mistake adds it.
"""

from dataclasses import replace
from functools import cache
from typing import Annotated, Any, TypeVar, cast

from fastapi import Depends, Query, Request
from fastapi.dependencies.models import Dependant
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
    number = _number(value)
    if number is None or (isinstance(number, int) and number > MAX_NUMBER):
        raise ValueError(f"expected a whole number from 0 to {MAX_NUMBER}")
    return number


def parse_log_number(value: Any) -> Any:
    """A number in a log, or how many of its lines; nothing is none. Raises `ValueError`.

    Orthanc takes what is no number as not given: then a script whose number went wrong reads the
    log from its beginning, and does all again that it did. A number above all is the greatest, and
    nothing comes after it.
    """
    if value == "":
        return None
    number = _number(value)
    if number is None:
        raise ValueError("expected a whole number from 0 on")
    return min(number, MAX_NUMBER) if isinstance(number, int) else number


def _number(value: Any) -> Any:
    """What digits say, however large; None for what is no number, and what is no text as it is."""
    if not isinstance(value, str):
        return value
    digits = value.lstrip("0") or value[:1]
    if not (digits.isascii() and digits.isdecimal()):
        return None
    return int(digits) if len(digits) <= MAX_DIGITS else MAX_NUMBER + 1


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
LogNumber = Annotated[
    Annotated[int, Field(ge=0, le=MAX_NUMBER)] | None, BeforeValidator(parse_log_number)
]
"""A whole number from 0 on; nothing counts as not given."""
TagList = Annotated[frozenset[str], BeforeValidator(parse_tag_list), AS_TEXT]
"""Tags in any spelling, separated by `,` or `;`. Raises `UnknownTag`."""
Words = Annotated[list[str], BeforeValidator(parse_words), AS_TEXT]
"""Words separated by `;`."""


def read_query(request: Request, model: type[Asked]) -> Asked:
    """The query of a request. Raises what FastAPI raises."""
    try:
        if not request.scope["query_string"]:
            return cast(Asked, _unasked(model))
        return model.model_validate(dict(request.query_params.multi_items()))
    except ValidationError as error:
        mistakes: Any = error.errors(include_url=False)
        raise RequestValidationError(
            [{**one, "loc": ("query", *one["loc"])} for one in mistakes]
        ) from None


@cache
def _unasked(model: type[BaseModel]) -> BaseModel:
    """What a request without a query asks for: the same for all, since nobody changes it."""
    return model()


def reading_whole_queries(dependant: Dependant) -> Dependant:
    """What FastAPI is to fill, where it takes each model of a query from `read_query`.

    It would look for one parameter after the other, which takes longer than most answers do.
    """
    others, readers = [], []
    for parameter in dependant.query_params:
        model = parameter.field_info.annotation
        if isinstance(model, type) and issubclass(model, BaseModel):
            readers.append(_reader(parameter.name, model))
        else:
            others.append(parameter)
    below = [reading_whole_queries(one) for one in dependant.dependencies]
    return replace(dependant, query_params=others, dependencies=[*below, *readers])


def _reader(name: str, model: type[BaseModel]) -> Dependant:
    async def read(request: Request) -> BaseModel:
        return read_query(request, model)

    return Dependant(call=read, name=name, request_param_name="request")


def documented(model: type[BaseModel]) -> Any:
    """Says in the document of a lean route which query it reads by `read_query`."""

    async def query(asked: Annotated[model, Query()]) -> None:  # type: ignore[valid-type]
        """Never called."""

    return Depends(query)
