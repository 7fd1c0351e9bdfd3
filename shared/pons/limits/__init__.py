# SPDX-License-Identifier: Apache-2.0
"""Bounds on what comes from outside: memory, unpacking, JSON."""

MEGABYTE = 1 << 20
"""Bytes of what settings and messages call MB."""
