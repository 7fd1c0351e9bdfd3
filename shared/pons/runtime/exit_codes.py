# SPDX-License-Identifier: Apache-2.0
"""Exit codes by which a service asks its supervisor for something; others see an end like any.

And the one line that a supervisor says to a service.
"""

STOP_STORE = 79
"""Stop the whole store."""
RESTART_STORE = 80
"""Start every service again, so that each reads its configuration."""

OPEN = b"open\n"
"""On the standard input of a service: it may take requests."""
