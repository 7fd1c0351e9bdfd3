# SPDX-License-Identifier: Apache-2.0
"""A backing store that goes away or back costs nothing that was acknowledged: a folder."""

from collections.abc import Callable

import pytest

from catastrophes import SHORT, Ground, weather
from outside import Store

pytestmark = pytest.mark.filterwarnings(
    # pynetdicom drops the socket of a refused connection without closing it.
    "ignore:Exception ignored in. <socket.socket:pytest.PytestUnraisableExceptionWarning"
)


# Thirty rounds, most with a start of the store: beside other tests each takes a minute.
@pytest.mark.timeout(1800)
def test_no_catastrophe_costs_an_acknowledged_instance(
    fresh_store: Callable[..., Store],
) -> None:
    """Lost, set back, truncated, killed, a tenth of the objects gone: see `weather`."""
    weather(fresh_store("storm", **SHORT), Ground)
