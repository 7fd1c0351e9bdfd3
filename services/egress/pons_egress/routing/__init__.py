# SPDX-License-Identifier: Apache-2.0
"""Routing at work: the change feed, the rules, a queue for each destination, and webhooks."""
