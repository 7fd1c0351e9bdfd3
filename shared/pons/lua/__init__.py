# SPDX-License-Identifier: Apache-2.0
"""Lua scripts of a store: a language without doors, and the functions that the store calls.

Imports nothing, since the processes that run scripts start with it.
"""
