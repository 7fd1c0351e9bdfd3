# SPDX-License-Identifier: Apache-2.0
"""What another system is called where jobs, rules and queues name one: `modality:pacs`."""

import re

KINDS = ("modality", "peer", "webhook")
DESTINATION = re.compile(rf"({'|'.join(KINDS)}):[A-Za-z0-9_-]+")
"""A kind of other system, and what the store calls this one."""


def parts(destination: str) -> tuple[str, str]:
    """The kind and the name."""
    kind, _, name = destination.partition(":")
    return kind, name


def is_told(destination: str) -> bool:
    """Whether it is told of changes, and sent nothing that it could send on."""
    return parts(destination)[0] == "webhook"
