# SPDX-License-Identifier: Apache-2.0
"""What the gateway's handlers work with."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import httpx

from pons.catalog import Catalog, ChangeFeed
from pons.dicom.metadata import Names, attachment_names, metadata_names
from pons.header.tags_text import TagsText
from pons.health.readiness import Health
from pons.ingest import Ingest
from pons.ingest.partial_uploads import PartialUploads
from pons.jobs import JobOverview, Jobs
from pons.limits import MEGABYTE
from pons.limits.room import AT_A_TIME, Room
from pons.lua.scripts import Scripts as LuaScripts
from pons.messages.services import Present
from pons.objects import Objects
from pons.remotes.commitments import Commitments
from pons.remotes.contacts import Contacts
from pons.remotes.live import LiveSettings
from pons.remotes.modalities import Modalities
from pons.remotes.peers import OtherStore
from pons.remotes.queries import Queries
from pons.remotes.registry import Registry
from pons.retention.known import Retention
from pons.routing.known import Routing
from pons.settings import LuaSettings, Settings
from pons.worklists.folder import WorklistFolder
from pons_gateway.digests import Digests
from pons_gateway.frame_orders import FrameOrders
from pons_gateway.lua.scripts import Scripts
from pons_gateway.sessions.saved_views import SavedViews
from pons_gateway.sessions.sessions import Sessions

Ask = Callable[..., Awaitable[Any]]
"""`pons.bus.requests.ask` on the store's bus: service, command, type of the answer."""
BODIES_AT_A_TIME = 32 * MEGABYTE
"""Bytes of long bodies that are worked on at a time: values take some five times as much."""


@dataclass(frozen=True)
class Backends:
    """Opened before the first request, and shared by all of them."""

    settings: Settings
    health: Health
    catalog: Catalog
    feed: ChangeFeed
    objects: Objects
    ingest: Ingest
    partial_uploads: PartialUploads
    ask: Ask
    call_roll: Callable[[], Awaitable[list[Present]]]
    modalities: Modalities
    peers: Registry[OtherStore]
    routing: Routing
    retention: Retention
    contacts: Contacts
    live: LiveSettings
    scripts: Scripts
    jobs: Jobs
    job_overview: JobOverview
    commitments: Commitments
    queries: Queries
    sessions: Sessions
    views: SavedViews
    render: httpx.AsyncClient
    archives: httpx.AsyncClient
    """Render too, with connections of their own: a slow download must not hold up pictures."""
    worklist_folder: WorklistFolder | None = None
    """Files of worklists that others keep; None without setting `worklists.folder`."""
    lua: LuaScripts = field(default_factory=lambda: LuaScripts(LuaSettings(), {}))
    """Whose functions are asked whether requests are let in; without scripts none are."""
    header_room: Room = field(default_factory=lambda: Room(AT_A_TIME))
    """What headers may take that are unpacked at a time."""
    body_room: Room = field(default_factory=lambda: Room(BODIES_AT_A_TIME))
    """What long bodies may take that are worked on at a time."""
    tags_text: TagsText = field(default_factory=TagsText)
    digests: Digests = field(default_factory=Digests)
    frame_orders: FrameOrders = field(default_factory=FrameOrders)
    constant_answers: dict[str, bytes] = field(default_factory=dict)
    """By path; they stay the same as long as the process lives."""

    @cached_property
    def metadata_names(self) -> Names:
        """What metadata is called in this store."""
        return metadata_names(self.settings.index.user_metadata)

    @cached_property
    def attachment_names(self) -> Names:
        """What attachments are called in this store."""
        return attachment_names(self.settings.index.user_content_types)
