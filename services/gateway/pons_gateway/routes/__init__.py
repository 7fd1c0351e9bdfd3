# SPDX-License-Identifier: Apache-2.0
"""Every route of the gateway, by chapter of its documentation."""

from functools import lru_cache

from pons.settings import StoreSettings
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
from pons_gateway.routing import Route, Routes

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


def routes_of(settings: StoreSettings) -> Routes:
    """The routes that a store has with these settings."""
    return _routes(settings.read_only, settings.patient_level)


@lru_cache(maxsize=4)
def _routes(read_only: bool, patient_level: bool) -> Routes:
    def offered(route: Route) -> bool:
        of_patients = route.path.partition("/")[2].partition("/")[0] == "patients"
        return not (read_only and route.writes) and (patient_level or not of_patients)

    return ROUTES if patient_level and not read_only else ROUTES.only(offered)
