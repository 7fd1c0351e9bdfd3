# SPDX-License-Identifier: Apache-2.0
"""What can be done with a store, in one table: which requests each action is.

The page asks for the actions that are allowed, and shows no others. An action is allowed where the
store offers one of its requests, so that page and server cannot differ.
"""

import re
from collections.abc import Callable, Iterable
from fnmatch import translate
from functools import cache

from pons.settings import Settings

ACTIONS: dict[str, tuple[str, ...]] = {
    "upload": (
        "POST /instances",
        "POST /explorer/api/upload",
        "POST /transfers/push",
        "PUT,POST,DELETE /transfers/push/*",
        "POST /transfers/pull",
    ),
    "delete": (
        "DELETE /patients/{id}",
        "DELETE /studies/{id}",
        "DELETE /series/{id}",
        "DELETE /instances/{id}",
        "POST /tools/bulk-delete",
    ),
    "protect": ("PUT /patients/{id}/protected",),
    "label": ("PUT,DELETE /*/{id}/labels/{label}", "POST /explorer/api/labels"),
    "edit-metadata": ("PUT,DELETE /*/{id}/metadata/{metadata}",),
    "attach": (
        "PUT,DELETE /*/{id}/attachments/{attachment}",
        "POST /*/{id}/attachments/{attachment}/*compress",
    ),
    "reconstruct": ("POST /*/reconstruct", "POST /tools/invalidate-tags"),
    "download": (
        "GET,POST /*/{id}/archive",
        "GET,POST /*/{id}/media",
        "GET,POST /tools/create-*",
        "GET /instances/{id}/file",
        "GET /tools/dead-letters/{letter}/file",
    ),
    "export": ("POST /instances/{id}/export",),
    "retrieve": (
        "POST /modalities/{name}/move",
        "POST /modalities/{name}/get",
        "POST /queries/*/retrieve",
    ),
    "query": (
        "POST /modalities/{name}/query",
        "POST /modalities/{name}/find*",
        "POST,DELETE /queries/*",
    ),
    "send": (
        "POST /modalities/{name}/store*",
        "POST /modalities/{name}/storage-commitment",
        "POST /storage-commitment/*",
        "POST /peers/{name}/store*",
        "POST /transfers/send",
    ),
    "echo": ("POST /modalities/{name}/echo", "POST /tools/dicom-echo"),
    "modalities": ("PUT,DELETE /modalities/{name}",),
    "peers": ("PUT,DELETE /peers/{name}", "PUT /explorer/api/peers/{name}"),
    "worklists": (
        "POST /worklists*",
        "PUT,DELETE /worklists/{id}",
        "POST /explorer/api/worklists",
        "PUT /explorer/api/worklists/{id}",
    ),
    "dead-letters": ("POST,DELETE /jobs/dead-letters/*", "POST,DELETE /tools/dead-letters/*"),
    "jobs": ("POST,DELETE /jobs/*", "POST /explorer/api/jobs/act"),
    "logs": ("DELETE /changes", "DELETE /exports"),
    "scripts": ("POST /tools/execute-script",),
    "settings": ("PUT /tools/*", "POST /tools/reset", "POST /tools/shutdown"),
    "session": ("GET /explorer/api/session", "POST /explorer/api/log*"),
    "save-views": ("POST /explorer/api/views", "PUT,DELETE /explorer/api/views/{id}"),
    "view": (
        "GET *",
        "POST /*/dry-run",
        "POST /*/verify-md5",
        "POST /tools/find",
        "POST /tools/count-resources",
        "POST /tools/lookup",
        "POST /tools/bulk-content",
        "POST /transfers/lookup",
        "POST /explorer/api/*",
    ),
    "routing": ("POST,PUT,DELETE /routing/*",),
    "retention": ("POST,PUT,DELETE /retention/*",),
}
"""Methods and a pattern of the path, in which `*` stands for any text; what several patterns match
is of the first action. What changes nothing is in `view`, and reads alone are in `download`."""

CONDITIONS: dict[str, Callable[[Settings], bool]] = {
    "edit-metadata": lambda settings: not settings.store.read_only,
    "logs": lambda settings: not settings.store.read_only,
    "scripts": lambda settings: settings.lua.execute,
    "export": lambda settings: settings.http.allow_export,
}
"""Of actions whose requests are offered because Orthanc offers them, and refused when they come."""
UNTOLD = ("session",)
"""What is nobody's to be allowed."""


def action_of(method: str, path: str) -> str | None:
    """The action of a route, by the template of its path; None for one that nobody has named."""
    request = f"{method} {path}"
    return next((name for name, found in _patterns() if found(request)), None)


def allowed(routes: Iterable[tuple[str, str]], settings: Settings) -> list[str]:
    """The actions that a store allows which offers these routes: method and path."""
    offered = {action_of(*route) for route in routes} - {None, *UNTOLD}
    refused = {name for name, holds in CONDITIONS.items() if not holds(settings)}
    return sorted(name for name in offered - refused if name is not None)


@cache
def _patterns() -> list[tuple[str, Callable[[str], object]]]:
    """Each action with what tells whether a request is it."""
    return [
        (name, re.compile("|".join(_expression(one) for one in patterns)).match)
        for name, patterns in ACTIONS.items()
    ]


def _expression(pattern: str) -> str:
    methods, _, path = pattern.partition(" ")
    return f"(?:{methods.replace(',', '|')}) {translate(path)}"
