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
from starlette.responses import Response

from pons.errors import NotFound
from pons.settings import Settings
from pons_gateway.pages.built import BuiltPage

HERE = Path(__file__).parent
BEFORE_LOGIN: dict[str, Any] = {"Keycloak": None, "TokensLandingOptions": None, "Inbox": None}
PATH = "/ui/app"
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
    if not settings.http.ui_folder:
        return told
    page = page_of_yours(settings)
    if not page.is_there:
        no_page()
    own = page.folder / STYLE
    return told + own.read_bytes() if own.is_file() else told


def page_of_yours(settings: Settings) -> BuiltPage:
    """The page of setting `http.ui_folder`, where there is one."""
    return BuiltPage(PATH, Path(settings.http.ui_folder), instead=no_page)


def no_page(_path: str = "") -> Response:
    """Raises `NotFound`: no folder is set, or its page is not there."""
    raise NotFound(
        "There is no page of yours here",
        "setting http.ui_folder names a folder with index.html",
    )


@cache
def _defaults() -> dict[str, Any]:
    values: dict[str, Any] = orjson.loads((HERE / "orthanc_explorer.json").read_bytes())
    return values
