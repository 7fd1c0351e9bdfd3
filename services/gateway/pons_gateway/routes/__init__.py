# SPDX-License-Identifier: Apache-2.0
"""Every route of the gateway, by chapter of its documentation."""

from pons_gateway.routes import (
    archives,
    attachments,
    changes,
    content,
    find,
    images,
    instances,
    jobs,
    labels,
    metadata,
    modalities,
    operation,
    page,
    peers,
    resources,
    storage,
    system,
    tags,
    tools,
)
from pons_gateway.routing import Routes

ROUTES = Routes(
    [
        system.GROUP,
        tools.GROUP,
        operation.GROUP,
        *resources.GROUPS,
        metadata.GROUP,
        labels.GROUP,
        attachments.GROUP,
        storage.GROUP,
        find.GROUP,
        instances.GROUP,
        tags.GROUP,
        content.GROUP,
        images.GROUP,
        archives.GROUP,
        changes.GROUP,
        modalities.GROUP,
        peers.GROUP,
        jobs.GROUP,
        page.GROUP,
    ]
)
