# SPDX-License-Identifier: Apache-2.0
"""Calling a peer, and counting it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from pons.errors import RemoteFailure
from pons_egress.association import Association, open_association
from pons_egress.contexts import Way
from pons_egress.metrics import ASSOCIATIONS, ASSOCIATIONS_OPEN
from pons_egress.peer import Peer


@asynccontextmanager
async def call(peer: Peer, ways: Sequence[Way], maximum_length: int) -> AsyncIterator[Association]:
    """As `open_association`, with its outcome in the metrics."""
    opened = False
    try:
        async with open_association(peer, ways, maximum_length) as association:
            opened = True
            ASSOCIATIONS.labels(peer.modality, "established").inc()
            with ASSOCIATIONS_OPEN.track_inprogress():
                yield association
    except RemoteFailure:
        if not opened:
            ASSOCIATIONS.labels(peer.modality, "failed").inc()
        raise
