# SPDX-License-Identifier: Apache-2.0
"""Bounds on what comes from outside: memory, unpacking, JSON."""
