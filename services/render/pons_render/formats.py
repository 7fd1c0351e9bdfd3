# SPDX-License-Identifier: Apache-2.0
"""Which picture format a request gets."""

from enum import StrEnum


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
    best: tuple[float, Format] | None = None
    for entry in accept.split(","):
        media_range, _, parameters = entry.partition(";")
        wanted = _first_match(media_range.strip().lower())
        weight = _weight(parameters)
        if wanted is not None and weight > 0 and (best is None or weight > best[0]):
            best = weight, wanted
    return best[1] if best else None


def _first_match(media_range: str) -> Format | None:
    if media_range in ("*/*", "image/*"):
        return Format.PNG
    return next((known for known in Format if known.value == media_range), None)


def _weight(parameters: str) -> float:
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0
