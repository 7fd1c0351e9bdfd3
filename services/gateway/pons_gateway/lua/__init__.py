# SPDX-License-Identifier: Apache-2.0
"""Lua scripts that are posted: each runs in a process of its own, with bounds and without doors.

Imports nothing, since that process starts with it.
"""
