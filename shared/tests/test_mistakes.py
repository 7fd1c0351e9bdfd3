# SPDX-License-Identifier: Apache-2.0
"""What is told of a value that no model takes."""

import pytest
from pydantic import BaseModel

from pons.errors import BadRequest
from pons.limits.mistakes import validated


class Inner(BaseModel):
    Count: int


class Outer(BaseModel):
    Items: list[Inner] = []


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({"Items": [{"Count": 1}, {"Count": "x"}]}, "Items.1.Count: Input should be a valid int"),
        ({"Items": [{}]}, "Items.0.Count: Field required"),
        ({"Items": 5}, "Items: Input should be a valid list, got 5"),
    ],
)
def test_a_mistake_names_its_place(value: object, told: str) -> None:
    """Field by field from outside, then the rule, then the value if there is one."""
    with pytest.raises(BadRequest) as refused:
        validated(Outer, value, "here: ")
    assert str(refused.value).startswith(f"here: {told}")


def test_no_mistake() -> None:
    """What is right is the model."""
    assert validated(Outer, {"Items": [{"Count": 2}]}).Items[0].Count == 2


def test_a_long_value_is_cut() -> None:
    """Megabytes that somebody sent are not sent back."""
    with pytest.raises(BadRequest) as refused:
        validated(Inner, {"Count": "x" * 1_000_000})
    assert len(str(refused.value)) < 250
    assert "got 'xxx" in str(refused.value)
