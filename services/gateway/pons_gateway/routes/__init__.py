# SPDX-License-Identifier: Apache-2.0
"""Every route of the gateway, by chapter of its documentation."""

from functools import lru_cache

from pons.settings import Settings
from pons_gateway.routes import (
    archives,
    attachments,
    changes,
    content,
    dead_letters,
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
        dead_letters.GROUP,
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


def routes_of(settings: Settings) -> Routes:
    """The routes that a store has with these settings."""
    store = settings.store
    return _routes(store.read_only, store.patient_level, settings.http.explorer)


@lru_cache(maxsize=8)
def _routes(read_only: bool, patient_level: bool, pages: bool) -> Routes:
    def offered(route: Route) -> bool:
        of_patients = route.path.partition("/")[2].partition("/")[0] == "patients"
        written, hidden = read_only and route.writes, not pages and route.pages
        return not written and not hidden and (patient_level or not of_patients)

    everything = pages and patient_level and not read_only
    return ROUTES if everything else ROUTES.only(offered)
