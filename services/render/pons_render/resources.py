# SPDX-License-Identifier: Apache-2.0
"""What the routes work with."""

from dataclasses import dataclass

from pons.objects import Objects
from pons_render.archive import Archives
from pons_render.pictures import Pictures


@dataclass(frozen=True, slots=True)
class Resources:
    """Opened before the first request, and shared by all of them."""

    pictures: Pictures
    archives: Archives
    objects: Objects
    stream: bool
    """Whether a ZIP is sent while it is made."""
    frames_ahead: int = 2
    """Frames of a stream that are decoded before their turn."""
