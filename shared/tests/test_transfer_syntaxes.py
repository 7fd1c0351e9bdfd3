# SPDX-License-Identifier: Apache-2.0
"""Which transfer syntaxes a pattern names."""

import pytest

from pons.dicom.transfer_syntaxes import matching
from pons.errors import BadRequest

DEFLATED, JPIP = "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.4.94"


def test_patterns() -> None:
    """A star is any text, a question mark one character; answers are sorted, without doubles."""
    found = ["1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.5"]
    assert matching(["1.2.840.10008.1.2.?"]) == found
    assert len(matching(["*"])) >= 45
    assert matching(["1.2.840.10008.1.2.4.94", JPIP, "1.2.840.10008.1.2.1.9*"]) == [
        "1.2.840.10008.1.2.1.98",
        DEFLATED,
        JPIP,
    ]
    assert matching([]) == []


@pytest.mark.parametrize("wrong", ["1.2.3", "", "nope*", "[1]", "1.2.840.10008.1.1", 7, None])
def test_what_is_none(wrong: object) -> None:
    """A UID that is no transfer syntax is refused, as is what is neither UID nor pattern."""
    with pytest.raises(BadRequest):
        matching([wrong])  # type: ignore[list-item]
