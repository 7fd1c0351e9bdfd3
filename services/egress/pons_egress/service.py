# SPDX-License-Identifier: Apache-2.0
"""The service: what it opens, what it answers, what it works on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import msgspec

from pons.bus import Bus, open_bus
from pons.bus.requests import Handler as Answering
from pons.bus.requests import answer_commands, ask
from pons.bus.roll_call import answering_roll_call
from pons.catalog import open_own_catalog
from pons.health.readiness import Health
from pons.ingest import InstanceFilter, open_ingest
from pons.jobs import Handler, Jobs, Worker
from pons.jobs.commitment import COMMITMENT
from pons.jobs.commitment import JOB_TYPE as COMMITMENT_JOB
from pons.jobs.following import Following
from pons.jobs.peer_store import PEER_JOB_TYPE
from pons.jobs.retrieve import JOB_TYPES
from pons.jobs.store import JOB_TYPE, ROUTING, WORKER
from pons.jobs.transfers import PULL, PUSH
from pons.lua.callbacks import open_callbacks
from pons.messages.egress import (
    AskPeer,
    EchoModality,
    FindModality,
    RequestCommitment,
    RunScript,
    StoreStraight,
    UploadToPeer,
)
from pons.messages.ingress import ListSopClasses, SopClasses
from pons.objects import open_objects
from pons.objects.free_space import FreeSpace
from pons.remotes.commitments import Commitments
from pons.remotes.live import open_live
from pons.remotes.modalities import open_modalities
from pons.remotes.peers import open_peers
from pons.remotes.queries import Queries
from pons.runtime.render import open_render
from pons.sending.decompression import Decompression
from pons.settings import Settings
from pons_egress.commitment import Committing
from pons_egress.contacts import open_notes
from pons_egress.echo import Echo
from pons_egress.lua.service import open_lua
from pons_egress.outgoing import OutgoingFilter
from pons_egress.peers.pull import PullTransfer
from pons_egress.peers.push import PushTransfer
from pons_egress.peers.questions import PeerQuestions
from pons_egress.peers.store import PeerStore
from pons_egress.retrieval import Getting, Moving
from pons_egress.routing.service import open_routing
from pons_egress.scu.arrivals import Arrivals
from pons_egress.scu.commitment import CommitmentRequests
from pons_egress.scu.find import Find
from pons_egress.scu.threads import open_threads
from pons_egress.store import ModalityStore
from pons_egress.straight import Straight


@asynccontextmanager
async def open_service(settings: Settings, health: Health) -> AsyncIterator[None]:
    """Egress at work as long as the block runs; jobs under way are given back at its end."""
    free_space = FreeSpace(settings.storage)
    objects = open_objects(settings.storage, settings.store.name, room=free_space)
    try:
        async with (
            open_bus(settings) as bus,
            answering_roll_call(bus, health),
            open_own_catalog(settings, objects, bus) as catalog,
            open_modalities(bus, settings) as modalities,
            open_peers(bus, settings) as peers,
            open_live(bus, settings, "jobs") as live,
            open_callbacks(bus, settings) as lua,
            open_ingest(
                objects,
                bus,
                settings,
                lambda: live.now.default_charset,
                instance_filter=InstanceFilter(lua.scripts),
            ) as ingest,
            open_threads(settings.egress) as threads,
            open_render(settings, None) as render,
            open_lua(bus, catalog, modalities, peers, settings) as lua_events,
            open_notes(bus, modalities, peers) as contacts,
            asyncio.TaskGroup() as group,
        ):
            health.checks |= {
                "nats": bus.check,
                "objects": objects.check,
                "database": catalog.check,
            }
            health.pulses.include(bus.pulses)
            questions = PeerQuestions(objects, peers, settings)
            queries = Queries(bus, settings.queries)
            commitments = Commitments(bus, settings.egress.commitment_reports)
            committing = CommitmentRequests(threads, commitments, modalities, catalog, settings)
            commands: dict[type[msgspec.Struct], Answering] = {
                EchoModality: Echo(threads, modalities, settings),
                StoreStraight: Straight(objects, modalities, settings),
                RequestCommitment: committing,
                FindModality: Find(threads, queries, modalities, live, settings, lua.scripts),
                AskPeer: questions.ask,
                UploadToPeer: questions.upload,
                RunScript: lua_events.run,
            }
            await answer_commands(bus, "egress", contacts.commands(commands), health)
            calling: dict[str, Handler] = {
                JOB_TYPE: lua_events.followed(
                    ModalityStore(
                        bus,
                        objects,
                        catalog,
                        modalities,
                        settings,
                        committing.ask,
                        OutgoingFilter(lua.scripts, catalog.headers),
                        Decompression(render, objects),
                    )
                ),
                JOB_TYPES["C-MOVE"]: Moving(bus, threads, modalities, settings),
                JOB_TYPES["C-GET"]: Getting(
                    threads,
                    modalities,
                    settings,
                    objects,
                    ingest.keep,
                    Arrivals(objects.spool_folder),
                    partial(_sop_classes, bus),
                    lambda: live.now.accepted_transfer_syntaxes,
                ),
                PEER_JOB_TYPE: lua_events.followed(
                    PeerStore(bus, objects, catalog, peers, settings)
                ),
                PUSH: PushTransfer(bus, objects, catalog, peers, settings),
                PULL: PullTransfer(ingest, objects, peers, settings),
            }
            committed = Committing(bus, objects, catalog, threads, modalities, settings)
            handlers, reporting = contacts.jobs(calling), contacts.jobs({COMMITMENT_JOB: committed})
            following = Following(Jobs(bus, settings.jobs, objects))
            async with open_routing(bus, catalog, modalities, peers, settings, following) as own:
                slots = settings.jobs.model_copy(update={"concurrent": settings.routing.concurrent})
                worker = partial(Worker, bus, objects=objects, following=following)
                workers = [worker(settings.jobs, WORKER, handlers)]
                for kind, done in ((ROUTING, handlers | own), (COMMITMENT, reporting)):
                    workers.append(worker(slots, kind, done, one_each=True))
                health.measures += [one.measure for one in workers]
                working = [group.create_task(following.run())]
                working += [group.create_task(one.run()) for one in workers]
                try:
                    yield
                finally:
                    await bus.take_leave()
            for task in working:
                task.cancel()
    finally:
        await objects.close()


async def _sop_classes(bus: Bus) -> list[str]:
    """The storage classes that this store takes, as the service says that mostly receives them."""
    return (await ask(bus, "dicom-ingress", ListSopClasses(), SopClasses, within=5)).uids
