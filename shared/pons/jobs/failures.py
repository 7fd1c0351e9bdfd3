# SPDX-License-Identifier: Apache-2.0
"""How the `Content` of a permissive job names the instances that it passed over."""

from collections.abc import Mapping
from typing import Any

MOST_NAMED = 50
"""More are counted only: the content is written with each step."""


def failed_instances(reasons: Mapping[str, str]) -> dict[str, Any]:
    """`FailedInstances`, and their number, from identifiers to reasons; nothing where none failed.

    Orthanc tells the number alone, and of archives nothing.
    """
    if not reasons:
        return {}
    named = [{"ID": one, "Reason": why} for one, why in list(reasons.items())[:MOST_NAMED]]
    return {"FailedInstancesCount": len(reasons), "FailedInstances": named}
