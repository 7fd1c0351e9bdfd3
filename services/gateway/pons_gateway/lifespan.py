# SPDX-License-Identifier: Apache-2.0
"""Opening what the gateway works with, and closing it again in order."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from pons.bus import open_bus
from pons.bus.requests import ask
from pons.bus.roll_call import answering_roll_call, call_roll
from pons.catalog import open_feed, open_own_catalog
from pons.health.readiness import Health
from pons.ingest import InstanceFilter, open_ingest
from pons.ingest.partial_uploads import PartialUploads
from pons.jobs import JobOverview, Jobs
from pons.limits.room import AT_A_TIME, Room
from pons.lua.callbacks import open_callbacks
from pons.messages.services import SERVICES
from pons.objects import open_objects
from pons.objects.free_space import FreeSpace
from pons.remotes.commitments import Commitments
from pons.remotes.contacts import open_contacts
from pons.remotes.live import open_live
from pons.remotes.modalities import open_modalities
from pons.remotes.peers import open_peers
from pons.remotes.queries import Queries
from pons.retention.known import open_retention
from pons.routing.known import open_known
from pons.runtime.render import open_render
from pons.settings import Settings
from pons.worklists.folder import open_folder
from pons_gateway.backends import Backends
from pons_gateway.lua.scripts import Scripts
from pons_gateway.operation import index_health
from pons_gateway.operation.index_health import IndexHealth
from pons_gateway.sessions.saved_views import open_saved_views
from pons_gateway.sessions.sessions import open_sessions

RENDER_CONNECTIONS = 32


@asynccontextmanager
async def open_backends(settings: Settings, health: Health) -> AsyncIterator[Backends]:
    """Everything that the routes need, as long as the block runs; begins when it may."""
    free_space = FreeSpace(settings.storage)
    objects = open_objects(settings.storage, settings.store.name, room=free_space)
    room = Room(AT_A_TIME)
    try:
        async with (
            open_bus(settings) as bus,
            answering_roll_call(bus, health),
            open_own_catalog(settings, objects, bus, room=room) as catalog,
            open_live(bus, settings, "http") as live,
            open_callbacks(bus, settings) as lua,
            open_ingest(
                objects,
                bus,
                settings,
                lambda: live.now.default_charset,
                room,
                InstanceFilter(lua.scripts),
            ) as ingest,
            open_modalities(bus, settings) as modalities,
            open_peers(bus, settings) as peers,
            open_contacts(bus) as contacts,
            open_known(bus, catalog, settings) as routing,
            open_retention(bus, catalog, settings) as retention,
            open_sessions(bus, settings) as sessions,
            open_saved_views(bus) as views,
            open_render(settings, RENDER_CONNECTIONS) as render,
            open_render(settings, None) as archives,
        ):
            health.room = free_space.shortage
            health.checks |= {
                "nats": bus.check,
                "index": catalog.check,
                "objects": objects.check,
                index_health.NAME: IndexHealth(partial(ask, bus), health).check,
            }
            health.pulses.include(bus.pulses)
            jobs = Jobs(bus, settings.jobs, objects)
            backends = Backends(
                settings=settings,
                health=health,
                catalog=catalog,
                feed=await open_feed(bus, catalog.logs, health.stop),
                objects=objects,
                ingest=ingest,
                partial_uploads=PartialUploads(bus, objects),
                ask=partial(ask, bus),
                call_roll=partial(call_roll, bus, SERVICES),
                modalities=modalities,
                peers=peers,
                contacts=contacts,
                routing=routing,
                retention=retention,
                sessions=sessions,
                views=views,
                live=live,
                header_room=room,
                scripts=Scripts(settings.lua, lua, partial(ask, bus)),
                lua=lua.scripts,
                commitments=Commitments(bus, settings.egress.commitment_reports),
                jobs=jobs,
                job_overview=JobOverview(jobs, health.stop),
                queries=Queries(bus, settings.queries),
                worklist_folder=open_folder(settings.worklists, lambda: live.now.default_charset),
                render=render,
                archives=archives,
            )
            await health.may_open.wait()
            yield backends
    finally:
        await objects.close()
