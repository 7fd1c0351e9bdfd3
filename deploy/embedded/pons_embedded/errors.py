# SPDX-License-Identifier: Apache-2.0
"""The one way in which the launcher says no."""


class Refusal(Exception):
    """What is wrong and what to do about it, in one sentence for the terminal."""
