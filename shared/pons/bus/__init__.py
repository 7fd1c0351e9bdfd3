# SPDX-License-Identifier: Apache-2.0
"""NATS as Pons uses it: one connection, the store's streams, requests, keys that are followed."""

from pons.bus.client import check_cancelled
from pons.bus.connection import AWAY, MAX_EVENT_BYTES, Bus, open_bus

__all__ = ["AWAY", "MAX_EVENT_BYTES", "Bus", "check_cancelled", "open_bus"]
