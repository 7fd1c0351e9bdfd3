# SPDX-License-Identifier: Apache-2.0
"""Every route of the gateway, by chapter of its documentation."""

from pons_gateway.routes import (
    archives,
    attachments,
    content,
    find,
    instances,
    jobs,
    labels,
    metadata,
    modalities,
    peers,
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
    modalities.GROUP,
    peers.GROUP,
    jobs.GROUP,
]
