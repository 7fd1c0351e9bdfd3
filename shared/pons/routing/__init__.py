# SPDX-License-Identifier: Apache-2.0
"""Routing: which rules there are, what they hold of, and what waits for which destination.

The gateway keeps the rules and tells what they would do; egress does it.
"""
