# SPDX-License-Identifier: Apache-2.0
"""Reading the index: resources, logs, and where an instance's bytes are. Nothing here writes."""

from pons.catalog.browse import Browser, Entry
from pons.catalog.catalog import Catalog, below, open_catalog
from pons.catalog.records import (
    ChangesPage,
    ExportsPage,
    InstanceToSend,
    LoggedChange,
    LoggedExport,
    MetadataValue,
    Statistics,
    StoredHeader,
    StoredObject,
    Totals,
)
from pons.catalog.resources import Resource, SeriesStatus

__all__ = [
    "Browser",
    "Catalog",
    "ChangesPage",
    "Entry",
    "ExportsPage",
    "InstanceToSend",
    "LoggedChange",
    "LoggedExport",
    "MetadataValue",
    "Resource",
    "SeriesStatus",
    "Statistics",
    "StoredHeader",
    "StoredObject",
    "Totals",
    "below",
    "open_catalog",
]
