# SPDX-License-Identifier: Apache-2.0
"""NATS as Pons uses it: one connection, the store's streams, requests, keys that are followed."""

from pons.bus.connection import MAX_EVENT_BYTES, Bus, check_cancelled, open_bus

__all__ = ["MAX_EVENT_BYTES", "Bus", "check_cancelled", "open_bus"]
