# SPDX-License-Identifier: Apache-2.0
"""What happens to every request, each in a class of its own; `app.py` tells their order.

Most have nothing to wait for: they are plain functions that give what comes next to be awaited, and
are gone by then. A coroutine for each, of which each is resumed whenever the innermost one waited,
costs more than what they do.
"""
