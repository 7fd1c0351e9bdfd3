# SPDX-License-Identifier: Apache-2.0
"""Which page the addresses lead to that people know, or find by themselves."""

from pons.settings import Settings
from pons_gateway.pages.explorer import HOME, is_built

EXPLORER = "explorer/"

WAYS = ("/", "/app/explorer.html", "/ui/app")
"""Addresses that lead to Explorer where it is the page."""


def first_page(settings: Settings) -> str:
    """Where `/` leads to, below the store's address: Explorer once it is built, if nothing else is
    set; the home page before."""
    page = settings.http.page
    if page.startswith("/"):
        return page.removeprefix("/")
    return EXPLORER if page == "explorer" and is_built(settings) else HOME


def leads_to_explorer(path: str, settings: Settings) -> bool:
    """Whether a path leads to Explorer: everybody may come, since that has a form to log in."""
    if path != "/":
        path = path.rstrip("/")
    if path not in WAYS or first_page(settings) != EXPLORER:
        return False
    return path != "/ui/app" or not settings.http.ui_folder
