# SPDX-License-Identifier: Apache-2.0
"""Who calls the DICOM port with TLS: gets a channel once he has shown who he is (PS3.15 B.1)."""

from collections.abc import Callable
from dataclasses import dataclass

import structlog

from pons.remotes.dicom_tls import why_no_tls
from pons_ingress import metrics
from pons_ingress.admission import plain_ip
from pons_ingress.channel import Channel

log = structlog.get_logger()


@dataclass(frozen=True)
class TlsGuest:
    """Somebody from `address`, who has `patience` seconds for the handshake."""

    address: str
    protocol: Callable[[], Channel]
    patience: float

    def failed(self, why: OSError | None) -> None:
        """Tell that no association will come."""
        words = f"no handshake within {self.patience:g} s" if why is None else why_no_tls(why)
        metrics.ASSOCIATIONS.labels("without TLS").inc()
        log.warning("no TLS with a peer", why=words, remote_ip=plain_ip(self.address))

    def gone(self) -> None:
        """Nobody counts those who have no association yet."""
