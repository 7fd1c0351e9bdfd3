# SPDX-License-Identifier: Apache-2.0
"""What is asked of render in tests, and its refusals."""

import re
from collections.abc import Callable
from pathlib import Path

import httpx
from pydicom.data import get_testdata_file

Make = Callable[..., bytes]
VIEWS = ("preview", "image-uint8", "image-uint16", "image-int16")


def example(name: str) -> bytes:
    return Path(str(get_testdata_file(name, download=False))).read_bytes()


def assert_empty(answer: httpx.Response, status: int) -> None:
    assert (answer.status_code, answer.content) == (status, b"")
    assert "content-type" not in answer.headers


def assert_refused(answer: httpx.Response, status: int, reason: str = "") -> None:
    """The status, and a reason that names no class of ours or of a codec."""
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/json")
    told = answer.json()
    assert told["error"] == "UnsupportedImage"
    assert told["message"]
    assert reason in told["message"]
    assert not re.search(r"Error|Exception|pylibjpeg|gdcm|plugin", told["message"])
