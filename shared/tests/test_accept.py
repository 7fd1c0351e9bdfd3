# SPDX-License-Identifier: Apache-2.0
import pytest

from pons.http.accept import weights


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("Image/PNG", [("image/png", 1.0)]),
        ("a/b; charset=x; Q = 0.5 , c/d;q=0", [("a/b", 0.5), ("c/d", 0.0)]),
        ("gzip;q=many, *", [("gzip", 0.0), ("*", 1.0)]),
        ("", [("", 1.0)]),
    ],
)
def test_weights(header: str, expected: list[tuple[str, float]]) -> None:
    """Names in order, in lower case, with the weight that counts."""
    assert weights(header) == expected
