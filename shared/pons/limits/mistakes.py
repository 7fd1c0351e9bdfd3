# SPDX-License-Identifier: Apache-2.0
"""What pydantic finds wrong, in sentences that name the field, its value and the rule."""

import reprlib
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import InitErrorDetails

from pons.errors import BadRequest

Model = TypeVar("Model", bound=BaseModel)

NOT_REPEATED = ...
"""Stands for a value that may be a secret."""
LONGEST_VALUE = 100
"""Characters of a value that are repeated."""

SHORT = reprlib.Repr()
SHORT.maxstring = SHORT.maxother = SHORT.maxlong = LONGEST_VALUE


def sentence(mistake: Mapping[str, Any], where: tuple[int | str, ...] | None = None) -> str:
    """One mistake, such as `Port: Input should be less than or equal to 65534, got 70000`.

    `where` is the path of the field, when it is not the one that pydantic tells.
    """
    name = ".".join(str(part) for part in (mistake["loc"] if where is None else where))
    what = mistake["msg"].removeprefix("Value error, ")
    value = mistake.get("input", NOT_REPEATED)
    if mistake["type"] != "missing" and value is not NOT_REPEATED:
        what = f"{what}, got {SHORT.repr(value)}"
    return f"{name}: {what}" if name else what


def validated(kind: type[Model], value: Any, where: str = "") -> Model:
    """`value` as a model. Raises `BadRequest` with `where` and the first mistake."""
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        raise BadRequest(f"{where}{sentence(error.errors()[0])}") from None


def without_values(error: ValidationError) -> ValidationError:
    """The same mistakes, which no sentence repeats the values of."""
    return ValidationError.from_exception_data(
        error.title,
        [
            InitErrorDetails(
                type=one["type"], loc=one["loc"], input=NOT_REPEATED, ctx=one.get("ctx", {})
            )
            for one in error.errors()
        ],
    )
