# SPDX-License-Identifier: Apache-2.0
"""Reading the index: resources, logs, and where an instance's bytes are. Nothing here writes."""

from pons.catalog.archive import Archive, ArchivedInstance, ArchivedSeries, InstanceToSend
from pons.catalog.browse import Browser, Entry
from pons.catalog.catalog import Catalog
from pons.catalog.feed import ChangeFeed, open_feed
from pons.catalog.headers import SMALL, Headers, StoredHeader
from pons.catalog.logs import ChangesPage, ExportsPage, LoggedChange, LoggedExport
from pons.catalog.opening import open_catalog, open_own_catalog
from pons.catalog.records import (
    MetadataValue,
    Statistics,
    StoredAttachment,
    StoredObject,
    Totals,
)
from pons.catalog.resources import Resource, SeriesStatus
from pons.catalog.schema import below
from pons.catalog.search import DEFAULT_PARTS, Fields, Order, Part, Search

__all__ = [
    "DEFAULT_PARTS",
    "SMALL",
    "Archive",
    "ArchivedInstance",
    "ArchivedSeries",
    "Browser",
    "Catalog",
    "ChangeFeed",
    "ChangesPage",
    "Entry",
    "ExportsPage",
    "Fields",
    "Headers",
    "InstanceToSend",
    "LoggedChange",
    "LoggedExport",
    "MetadataValue",
    "Order",
    "Part",
    "Resource",
    "Search",
    "SeriesStatus",
    "Statistics",
    "StoredAttachment",
    "StoredHeader",
    "StoredObject",
    "Totals",
    "below",
    "open_catalog",
    "open_feed",
    "open_own_catalog",
]
