# SPDX-License-Identifier: Apache-2.0
"""Commands that every service answers, and the answer that says no more than that it is done."""

import msgspec


class ReportHealth(msgspec.Struct, frozen=True):
    """To any service that answers commands: are you well?"""


class HealthReport(msgspec.Struct, frozen=True):
    """Answer to `ReportHealth`, of one replica."""

    failures: dict[str, str]
    """Why it is not ready, by name; empty when it is."""
    warnings: dict[str, str]


SERVICES = ("dicom-ingress", "egress", "gateway", "index", "render")
"""The services that a store is made of, each of one process or more."""


class Present(msgspec.Struct, frozen=True):
    """Answer to a roll call, of one process."""

    service: str
    process: str
    """Host and number of the process."""
    version: str
    seconds: float
    """For how long it has run."""
    failures: dict[str, str]
    """Why it is not ready, by name; empty when it is."""
    warnings: dict[str, str]
    """What somebody should look at all the same."""


class Ping(msgspec.Struct, frozen=True):
    """To any service: are you there? Answered by every service that answers commands at all."""


class Done(msgspec.Struct, frozen=True):
    """Answer to a command that has nothing else to say."""
