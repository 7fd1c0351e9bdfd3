# SPDX-License-Identifier: Apache-2.0
"""Routes that are still tables of handlers."""

from pons_gateway.routes import (
    archives,
    attachments,
    content,
    find,
    instances,
    labels,
    metadata,
    resources,
    tags,
)

GROUPS = [
    *resources.GROUPS,
    metadata.GROUP,
    labels.GROUP,
    attachments.GROUP,
    find.GROUP,
    instances.GROUP,
    tags.GROUP,
    content.GROUP,
    archives.GROUP,
]
