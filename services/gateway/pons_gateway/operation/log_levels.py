# SPDX-License-Identifier: Apache-2.0
"""How much is logged, by Orthanc's categories of log lines."""

from collections.abc import Iterable
from typing import get_args

from pons.errors import BadRequest
from pons.remotes.live import LiveSettings, Verbosity

VERBOSITIES: tuple[str, ...] = get_args(Verbosity)
LONGEST_SHOWN = 40
"""Characters of a wrong word that its error tells."""


def verbosity_of(category: str, live: LiveSettings) -> str:
    """How much is logged of a category."""
    return live.now.verbosity.get(category, "default")


async def put_verbosity(verbosity: str, categories: Iterable[str], live: LiveSettings) -> None:
    """Log so much of these categories, in every service.

    Raises `BadRequest` for a word that is no verbosity.
    """
    if verbosity not in VERBOSITIES:
        expected = ", ".join(VERBOSITIES)
        wrong = verbosity[:LONGEST_SHOWN]
        raise BadRequest(f"The verbosity is one of {expected}, not {wrong!r}")
    await live.put(verbosity=live.now.verbosity | dict.fromkeys(categories, verbosity))
