# SPDX-License-Identifier: Apache-2.0
"""Exit codes by which a service asks its supervisor for something; others see an end like any."""

STOP_STORE = 79
"""Stop the whole store."""
RESTART_STORE = 80
"""Start every service again, so that each reads its configuration."""
