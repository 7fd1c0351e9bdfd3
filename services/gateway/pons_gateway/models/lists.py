# SPDX-License-Identifier: Apache-2.0
"""Arrays of bodies."""

from typing import Annotated, TypeVar

from pydantic import FailFast

Item = TypeVar("Item")


class ToTheFirstError(FailFast):
    """A `FailFast` that Python 3.11 lets into a union, for which it needs a hash."""

    __hash__ = object.__hash__


Listed = Annotated[list[Item], ToTheFirstError()]
"""An array that is read up to its first wrong item: an error for each of many takes a gigabyte."""
