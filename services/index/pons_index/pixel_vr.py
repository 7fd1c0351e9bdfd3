# SPDX-License-Identifier: Apache-2.0
"""Which VR pixel data should have, and whether it has another one (PS3.5 A)."""

from pons.messages.events import InstanceReceived
from pons_index.tags import MainTags

IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = frozenset(["1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"])
FLOATING = frozenset(["OF", "OD"])
"""VRs of FloatPixelData and DoubleFloatPixelData, which are attributes of their own."""


def has_odd_pixel_vr(event: InstanceReceived, tags: MainTags) -> bool:
    """Whether native pixel data has another VR than its syntax and depth call for."""
    if not event.pixel_vr or event.pixel_vr in FLOATING:
        return False
    if event.transfer_syntax == IMPLICIT:
        return event.pixel_vr != "OW"
    deep = tags.bits_allocated is not None and tags.bits_allocated > 8
    return event.transfer_syntax in EXPLICIT and event.pixel_vr != ("OW" if deep else "OB")
