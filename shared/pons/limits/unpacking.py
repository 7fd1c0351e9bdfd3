# SPDX-License-Identifier: Apache-2.0
"""How far what a client sends may unpack: gzip bodies, files in a ZIP, deflated data sets.

An empty image deflates a thousand to one and is as good as any other, so the ratio says nothing
about small ones: it counts only beyond an allowance of bytes.
"""

from dataclasses import dataclass

from pons.limits import MEGABYTE


@dataclass(frozen=True, slots=True)
class UnpackLimit:
    """Bytes that so many packed ones may become."""

    ratio: int = 100
    free: int = 512 * MEGABYTE
    """Bytes that may be unpacked at any ratio."""

    def most(self, packed: int) -> int:
        """Bytes that `packed` ones may unpack to."""
        return max(self.free, self.ratio * packed)

    def excess(self, packed: int, unpacked: int) -> str:
        """What to tell of bytes that unpack to more than `most`: the ratio, and the settings."""
        return (
            f"{unpacked} bytes from {packed}, {unpacked // max(1, packed)} times as many; "
            f"beyond {self.free // MEGABYTE} MiB (setting ingest.unpack_free_mb) at most "
            f"{self.ratio} times as many are taken (setting ingest.unpack_ratio)"
        )
