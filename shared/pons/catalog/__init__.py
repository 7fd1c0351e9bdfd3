# SPDX-License-Identifier: Apache-2.0
"""Reading the index: resources, logs, and where an instance's bytes are. Nothing here writes."""

from pons.catalog.browse import Browser, Entry
from pons.catalog.catalog import Catalog, below, open_catalog, open_own_catalog
from pons.catalog.headers import SMALL
from pons.catalog.records import (
    ArchivedInstance,
    ArchivedSeries,
    ChangesPage,
    ExportsPage,
    InstanceToSend,
    LoggedChange,
    LoggedExport,
    MetadataValue,
    Statistics,
    StoredAttachment,
    StoredHeader,
    StoredObject,
    Totals,
)
from pons.catalog.resources import Resource, SeriesStatus
from pons.catalog.search import Order, Part, Search, Wanted

__all__ = [
    "SMALL",
    "ArchivedInstance",
    "ArchivedSeries",
    "Browser",
    "Catalog",
    "ChangesPage",
    "Entry",
    "ExportsPage",
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
    "Wanted",
    "below",
    "open_catalog",
    "open_own_catalog",
]
