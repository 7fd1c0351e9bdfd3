# SPDX-License-Identifier: Apache-2.0
"""Commands to egress: what is asked of other systems."""

import msgspec

from pons.messages.modality import Modality


class EchoModality(msgspec.Struct, frozen=True):
    """To egress: C-ECHO to a configured modality, or to one that is described here."""

    modality: str
    timeout: float | None = None
    described: Modality | None = None
