# SPDX-License-Identifier: Apache-2.0
"""Routes that are still tables of handlers."""

from pons_gateway.routes import (
    attachments,
    find,
    labels,
    metadata,
    resources,
)

GROUPS = [
    *resources.GROUPS,
    metadata.GROUP,
    labels.GROUP,
    attachments.GROUP,
    find.GROUP,
]
