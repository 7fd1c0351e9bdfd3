# SPDX-License-Identifier: Apache-2.0
"""Functions of Lua scripts that are told of what happens in the store, and what they want done."""
