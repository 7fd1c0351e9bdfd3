# SPDX-License-Identifier: Apache-2.0
"""Variables that set nothing: which are misspelt settings, and which a cluster injects."""

import difflib
import re
from collections.abc import Iterable, Mapping

INJECTED = re.compile(
    r"PONS(_\w+)?_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)"
)
"""What Kubernetes and Docker tell every container about a service `pons` or `pons-<name>`."""
INJECTED_PORT = re.compile(r"(tcp|udp|sctp)://.*")
"""The value of their `PONS_<NAME>_PORT`, which may be the name of a setting, too."""

SAME_SECTION, OTHER_SECTION = 0.65, 0.88
"""From which likeness on a name is taken for a misspelt one: of what follows a section's name
(`DATABASE_URI` is meant for one, `DATABASE_USER` is not), or of the whole where no section's name
begins it."""


def is_injected(name: str, value: str) -> bool:
    """Whether a cluster made the variable, for a service that is called like it."""
    return INJECTED.fullmatch(name) is not None or (
        name.endswith("_PORT") and INJECTED_PORT.fullmatch(value) is not None
    )


def meant(name: str, known: Mapping[str, tuple[str, str]]) -> str:
    """The setting's variable that `name` is nearly spelt like; empty when it is like none.

    `known` are the variables of all settings, with section and name.
    """
    for variable, (_, key) in known.items():
        section = variable.removesuffix(f"_{key}".upper())
        if name == section:
            return variable
        if name.startswith(f"{section}_"):
            return _nearest(name, known, f"{section}_", SAME_SECTION)
    return _nearest(name, known, "", OTHER_SECTION)


def _nearest(name: str, known: Iterable[str], prefix: str, likeness: float) -> str:
    rests = [one.removeprefix(prefix) for one in known if one.startswith(prefix)]
    near = difflib.get_close_matches(name.removeprefix(prefix), rests, 1, likeness)
    return prefix + near[0] if near else ""
