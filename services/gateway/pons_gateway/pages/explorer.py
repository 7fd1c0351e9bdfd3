# SPDX-License-Identifier: Apache-2.0
"""The files of Explorer's build, as they are sent: compressed where the browser takes that."""

import os
import stat
from pathlib import Path

from fastapi import HTTPException, Request
from fastapi.responses import FileResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.staticfiles import NotModifiedResponse

from pons.http.accept import weights
from pons.settings import Settings

DIST = Path(__file__).parents[2] / "explorer" / "dist"
"""Where a checkout has the build."""
SHELL = "index.html"
ASSETS = "assets/"
"""Folder of files whose names change with their content."""
NO_PAGES = (ASSETS, "api/")
"""Below these an address is that of a page for nobody."""
CODINGS = {"br": ".br", "gzip": ".gz"}
"""Suffixes of the files beside the built ones, by the word in Accept-Encoding; the best first."""
KINDS = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
"""Named here, since what the system says of a suffix differs by system."""
FOREVER, ASK_AGAIN = "public, max-age=31536000, immutable", "no-cache"


def folder_of(settings: Settings) -> Path:
    """Where the build is, or will be."""
    return Path(settings.http.explorer_folder) if settings.http.explorer_folder else DIST


def is_built(settings: Settings) -> bool:
    """Whether the build is there now: it may come while the gateway runs."""
    return (folder_of(settings) / SHELL).is_file()


def why_not_built(settings: Settings) -> str:
    """What is told of a build that is not there; empty where nobody builds it."""
    try:
        return folder_of(settings).with_suffix(".txt").read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def file_answer(request: Request, folder: Path, path: str) -> Response:
    """The file at `path`; any address of the page that is no file is the page itself.

    Raises `HTTPException` 404 for an asset, or a route, that is not there.
    """
    files = StaticFiles(directory=folder, check_dir=False)
    if not _lookup(files, path):
        if path.startswith(NO_PAGES):
            raise HTTPException(404)
        path = SHELL
    accepted = dict(weights(request.headers.get("accept-encoding", "")))
    headers = {
        "cache-control": FOREVER if path.startswith(ASSETS) else ASK_AGAIN,
        "vary": "accept-encoding",
    }
    sent = _lookup(files, path)  # as it is built, where the browser takes none of the codings
    for coding, suffix in CODINGS.items():
        if accepted.get(coding, 0.0) > 0 and (packed := _lookup(files, path + suffix)):
            sent, headers["content-encoding"] = packed, coding
            break
    if not sent:
        raise HTTPException(404)
    full, status = sent
    kind = KINDS.get(Path(path).suffix, "application/octet-stream")
    answer = FileResponse(full, stat_result=status, media_type=kind, headers=headers)
    if files.is_not_modified(answer.headers, request.headers):
        return NotModifiedResponse(answer.headers)
    return answer


def _lookup(files: StaticFiles, path: str) -> tuple[str, os.stat_result] | None:
    """A regular file below the folder, and never one outside of it."""
    try:
        full, status = files.lookup_path(path)
    except (OSError, ValueError):  # too long a name, or one with NUL
        return None
    return (full, status) if status is not None and stat.S_ISREG(status.st_mode) else None
