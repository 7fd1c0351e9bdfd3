# SPDX-License-Identifier: Apache-2.0
"""What a client accepts: the headers `Accept` and `Accept-Encoding` (RFC 9110 12.4.2)."""


def weights(header: str) -> list[tuple[str, float]]:
    """Each name in lower case with its weight, in the header's order; 0 where that is no number."""
    return [_weight(entry) for entry in header.lower().split(",")]


def _weight(entry: str) -> tuple[str, float]:
    name, *parameters = (part.strip() for part in entry.split(";"))
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key.strip() == "q":
            try:
                return name, float(value)
            except ValueError:
                return name, 0.0
    return name, 1.0
