# SPDX-License-Identifier: Apache-2.0
"""The table of actions covers every route, and tells what a store allows."""

import pytest

from pons.settings import LuaSettings, Settings, StoreSettings
from pons_gateway.actions import ACTIONS, action_of, allowed
from pons_gateway.app import create_app, requests
from pons_gateway.routing import has_mark

EVERYTHING = Settings(lua=LuaSettings(execute=True))
CHANGES = set(ACTIONS) - {"view", "download"}


def routes(settings: Settings) -> list[tuple[str, str]]:
    app = create_app(settings, lambda: pytest.fail("nothing opens"))
    return list(requests(app.router))  # type: ignore[arg-type]


def actions(settings: Settings) -> list[str]:
    return allowed(routes(settings), settings)


def test_every_route_is_an_action() -> None:
    """A route that is added without one fails here: say which of them it is."""
    found = {route: action_of(*route) for route in routes(EVERYTHING)}
    assert [route for route, action in found.items() if action is None] == []
    assert set(found.values()) == set(ACTIONS), "each action is a route"


def test_what_reads_alone_is_no_change() -> None:
    """A GET is never one of the actions that change something."""
    for method, path in routes(EVERYTHING):
        if method == "GET":
            assert action_of(method, path) in ("view", "download", "session"), path
        elif method in ("PUT", "DELETE"):
            assert action_of(method, path) in CHANGES, path


def test_files_that_are_not_indexed_are_downloaded() -> None:
    """Who may look, and not take files, takes none of these either."""
    assert action_of("GET", "/tools/dead-letters/{letter}/file") == "download"
    assert ("GET", "/tools/dead-letters/{letter}/file") in routes(EVERYTHING)


def test_what_a_read_only_store_lacks_is_not_allowed() -> None:
    """The page hides exactly what such a store refuses."""
    app = create_app(EVERYTHING, lambda: pytest.fail("nothing opens"))
    writing = {
        action_of(method, route.path)  # type: ignore[attr-defined]
        for route in app.routes
        if has_mark(route, "writes")
        for method in route.methods  # type: ignore[attr-defined]
    }
    read_only = EVERYTHING.model_copy(update={"store": StoreSettings(read_only=True)})
    lacking = set(actions(EVERYTHING)) - set(actions(read_only))
    assert lacking == {
        *("attach", "delete", "edit-metadata", "label", "logs", "protect", "reconstruct"),
        *("upload", "worklists"),
    }
    assert lacking <= writing | {"edit-metadata", "logs"}


def test_what_settings_refuse_is_not_allowed() -> None:
    assert "scripts" in actions(EVERYTHING)
    assert {"scripts", "export"}.isdisjoint(actions(Settings()))
    no_patients = Settings(store=StoreSettings(patient_level=False))
    assert "protect" not in actions(no_patients)
    assert {"delete", "view", "download", "send", "query", "retrieve"} < set(actions(no_patients))
