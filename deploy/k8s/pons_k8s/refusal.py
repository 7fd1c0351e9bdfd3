# SPDX-License-Identifier: Apache-2.0
"""What ends a command before it has done anything wrong."""


class Refusal(Exception):
    """What is wrong and what to do about it, in one sentence."""
