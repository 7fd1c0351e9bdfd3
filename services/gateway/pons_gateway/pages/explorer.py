# SPDX-License-Identifier: Apache-2.0
"""Explorer's build: where it is, and what is told while it is not there."""

from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.responses import Response

from pons.settings import Settings
from pons_gateway.pages.built import NO_PAGES, SHELL, BuiltPage
from pons_gateway.responses.answers import Answer

PATH, HOME = "/explorer", "app/explorer.html"
"""Explorer, and where the home page has always been."""
DIST = Path(__file__).parents[2] / "explorer" / "dist"
"""Where a checkout has the build."""


def explorer_page(settings: Settings) -> BuiltPage:
    """The page, for which the home page stands until it is built."""
    return BuiltPage(PATH, folder_of(settings), instead=_home)


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


def _home(path: str) -> Response:
    """The way to the home page; relative, so that it holds behind a proxy.

    Raises `HTTPException` 404 for what is no page.
    """
    if path.removeprefix(f"{PATH}/").startswith(NO_PAGES):
        raise HTTPException(404)
    up = "../" * (path.count("/") - 1)
    return Answer(b"", 307, (b"location", f"{up}{HOME}".encode()))
