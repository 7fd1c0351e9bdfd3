# SPDX-License-Identifier: Apache-2.0
"""Every setting of Pons: one tree, a file and variables that fill it."""

from pons.settings.edges import (
    DicomSettings,
    HealthSettings,
    HttpSettings,
    StoreSettings,
    WebDavSettings,
)
from pons.settings.keeping import (
    DatabaseSettings,
    FindSettings,
    IndexSettings,
    IngestSettings,
    NatsSettings,
    RetentionSettings,
    StorageSettings,
)
from pons.settings.load import (
    CONFIG_VARIABLE,
    SettingsError,
    ignored_variables,
    load_settings,
    read_config,
    sections,
    variable,
    variables,
)
from pons.settings.model import Settings, is_loopback
from pons.settings.section import Section
from pons.settings.work import (
    ArchiveSettings,
    EgressSettings,
    JobsSettings,
    LogSettings,
    LuaSettings,
    QueriesSettings,
    RenderSettings,
    RoutingSettings,
    WorklistsSettings,
)

__all__ = [
    "CONFIG_VARIABLE",
    "ArchiveSettings",
    "DatabaseSettings",
    "DicomSettings",
    "EgressSettings",
    "FindSettings",
    "HealthSettings",
    "HttpSettings",
    "IndexSettings",
    "IngestSettings",
    "JobsSettings",
    "LogSettings",
    "LuaSettings",
    "NatsSettings",
    "QueriesSettings",
    "RenderSettings",
    "RetentionSettings",
    "RoutingSettings",
    "Section",
    "Settings",
    "SettingsError",
    "StorageSettings",
    "StoreSettings",
    "WebDavSettings",
    "WorklistsSettings",
    "ignored_variables",
    "is_loopback",
    "load_settings",
    "read_config",
    "sections",
    "variable",
    "variables",
]
