# SPDX-License-Identifier: Apache-2.0
"""Which picture format a request gets."""

from enum import StrEnum
from operator import itemgetter

from pons.http.accept import weights


class Format(StrEnum):
    """The formats, in the order of our preference; the values are their media types."""

    PNG = "image/png"
    JPEG = "image/jpeg"
    PAM = "image/x-portable-arbitrarymap"


def choose_format(accept: str | None) -> Format | None:
    """The format that `Accept` likes best, the first of equals; None when it likes none of them.

    A request without `Accept` gets PNG, an empty one nothing.
    """
    if accept is None:
        return Format.PNG
    liked = [one for one in weights(accept) if one[0] in OFFERED and one[1] > 0]
    return OFFERED[max(liked, key=itemgetter(1))[0]] if liked else None


OFFERED = {"*/*": Format.PNG, "image/*": Format.PNG} | {known.value: known for known in Format}
