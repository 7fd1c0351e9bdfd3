# SPDX-License-Identifier: Apache-2.0
"""What the system is asked for when images come one after the other."""

import platform
import subprocess
import sys

import pytest

IMAGES = """
import resource
from pons.limits.heap import keep_freed_memory
{first}
def images(count):
    for _ in range(count):
        copies = [b"x" * 600_000 for _ in range(3)]
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
images(20)
before = faults()
images(100)
print((faults() - before) // 100)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc can be told")
def test_an_image_takes_the_memory_of_the_one_before() -> None:
    """Pages that the system has to give for each image of 0.6 MB that is copied twice."""

    def pages(first: str) -> int:
        ran = subprocess.run(
            [sys.executable, "-c", IMAGES.format(first=first)], capture_output=True, check=True
        )
        return int(ran.stdout)

    assert pages("keep_freed_memory()") < 10
    if platform.libc_ver()[0] == "glibc":  # others may keep it anyway
        assert pages("") > 50
