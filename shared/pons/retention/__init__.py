# SPDX-License-Identifier: Apache-2.0
"""Retention: which studies rules let go, and when; off as long as there is no rule.

The gateway keeps the rules and tells what they would do; the index does it.
"""
