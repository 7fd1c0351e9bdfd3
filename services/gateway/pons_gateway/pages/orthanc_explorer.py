# SPDX-License-Identifier: Apache-2.0
"""What Orthanc Explorer 2 asks of the store that serves it (its own files are not ours).

`orthanc_explorer.json` has the values of its options where nobody sets them, which it looks up
without asking whether they are there.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from pons.errors import NotFound
from pons.settings import Settings

HERE = Path(__file__).parent
BEFORE_LOGIN: dict[str, Any] = {"Keycloak": None, "TokensLandingOptions": None, "Inbox": None}
STYLE = "customizable/custom.css"

ACTION_OF: Mapping[str, str] = {
    "EnableUpload": "upload",
    "EnableAddSeries": "create",
    "EnableDeleteResources": "delete",
    "EnableModification": "modify",
    "EnableAnonymization": "anonymize",
    "EnableEditLabels": "label",
    "EnableDownloadZip": "download",
    "EnableDownloadDicomFile": "download",
    "EnableSendTo": "send",
    "EnableDicomModalities": "query",
    "EnableWorklists": "worklists",
    "EnableSettings": "settings",
}
"""The action that each of its options offers; one that is not allowed is not offered."""
PLUGINS: dict[str, dict[str, Any]] = {
    "transfers": {"ID": "transfers", "Enabled": True},
    "orthanc-worklists": {"ID": "orthanc-worklists", "Enabled": True},
}
"""Plugins of Orthanc whose work this store does by itself, so that it shows what they have."""


def configuration(actions: Iterable[str]) -> dict[str, Any]:
    """What the page is told before it shows anything, where these actions are allowed."""
    defaults, allowed = _defaults(), frozenset(actions)
    refused = {option: False for option, action in ACTION_OF.items() if action not in allowed}
    return {
        "Plugins": PLUGINS,
        "UiOptions": defaults["UiOptions"] | refused,
        "Tokens": defaults["Tokens"] | {"RequiredForLinks": False},
        "AdvancedOptions": defaults["AdvancedOptions"],
        "Keycloak": None,
        "HasCustomLogo": False,
    }


def style(settings: Settings) -> bytes:
    """Colours of its theme, followed by a style of the folder's own: what comes last holds."""
    told = (HERE / "orthanc_explorer.css").read_bytes()
    own = folder_of(settings) / STYLE if settings.http.ui_folder else None
    return told + own.read_bytes() if own is not None and own.is_file() else told


def folder_of(settings: Settings) -> Path:
    """The folder with its files. Raises `NotFound` where none is set, or its page is not there."""
    folder = Path(settings.http.ui_folder)
    if not settings.http.ui_folder or not (folder / "index.html").is_file():
        raise NotFound(
            "There is no page of yours here",
            "setting http.ui_folder names a folder with index.html",
        )
    return folder


@cache
def _defaults() -> dict[str, Any]:
    values: dict[str, Any] = orjson.loads((HERE / "orthanc_explorer.json").read_bytes())
    return values
