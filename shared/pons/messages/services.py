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


class Ping(msgspec.Struct, frozen=True):
    """To any service: are you there? Answered by every service that answers commands at all."""


class Done(msgspec.Struct, frozen=True):
    """Answer to a command that has nothing else to say."""
