# SPDX-License-Identifier: Apache-2.0
"""The invariants that are absences: what may not be imported, written or published, and where."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SERVICES = {
    "pons_gateway": ROOT / "services" / "gateway",
    "pons_ingress": ROOT / "services" / "dicom-ingress",
    "pons_index": ROOT / "services" / "index",
    "pons_render": ROOT / "services" / "render",
    "pons_egress": ROOT / "services" / "egress",
}
SHARED = ROOT / "shared" / "pons"
TESTING = ROOT / "shared" / "pons_testing"
LIBRARY_FLOORS = (
    ("errors",),
    ("dicom", "health", "limits", "passwords", "tls", "traces"),
    ("header", "http", "messages", "settings"),
    ("bus", "objects"),
    ("ownership", "runtime"),
    ("catalog", "remotes"),
    ("lua",),
    ("ingest", "jobs", "routing", "sending", "worklists"),
    ("retention",),
)
GATEWAY_FLOORS = (
    ("actions", "digests", "frame_orders", "lua", "query", "responses", "sessions"),
    ("backends", "errors", "models"),
    ("bodies", "datasets", "error_handlers", "pages", "render", "resources"),
    ("dependencies", "routing"),
    ("document", "files", "operation"),
    ("lifespan", "middleware", "uploads"),
    ("routers", "webdav"),
    ("app",),
    ("service", "typescript"),
    ("__main__",),
)
"""Rooms, from the ground up: each knows those on the floors below it alone."""
EMBEDDED = ROOT / "deploy" / "embedded" / "pons_embedded"
WRITES = (
    "insert into",
    "update ",
    "delete from",
    "truncate",
    "create table",
    "alter table",
    "drop ",
)


def modules(folder: Path) -> list[Path]:
    """Every module below `folder`, tests aside."""
    found = sorted(folder.rglob("*.py"))
    return [path for path in found if "tests" not in path.relative_to(ROOT).parts]


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def imports(path: Path) -> frozenset[str]:
    """Full names of what a module imports, wherever in it."""
    names: set[str] = set()
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path} has a relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(names)


def packages(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imports(path)}


@cache
def attributes(path: Path) -> frozenset[str]:
    """Dotted names that a module reads, such as `settings.database.url`."""
    return frozenset(
        ast.unparse(node) for node in ast.walk(parsed(path)) if isinstance(node, ast.Attribute)
    )


@cache
def texts(path: Path) -> frozenset[str]:
    """String constants of a module, without its docstrings."""
    tree = parsed(path)
    described = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    bare = {
        id(statement.value)
        for node in ast.walk(tree)
        if isinstance(node, described)
        for statement in node.body
        if isinstance(statement, ast.Expr)
    }
    return frozenset(
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in bare
    )


@cache
def running() -> list[Path]:
    """Every module of a running store: what tests and the launcher use is not among them."""
    return modules(SHARED) + [path for folder in SERVICES.values() for path in modules(folder)]


def named(paths: list[Path]) -> list[str]:
    return [str(path.relative_to(ROOT)) for path in paths]


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_imports_no_other_service(service: str) -> None:
    """Each service can be installed, deployed and scaled without the others."""
    others = set(SERVICES) - {service} | {"pons_embedded"}
    found = modules(SERVICES[service])
    assert found
    assert named([path for path in found if packages(path) & others]) == []


def test_the_library_imports_no_service() -> None:
    """What all services share knows none of them; only the helps for tests start servers."""
    found = modules(SHARED) + modules(TESTING)
    assert named([path for path in found if packages(path) & set(SERVICES)]) == []
    assert named([path for path in modules(SHARED) if "pons_embedded" in packages(path)]) == []


@pytest.mark.parametrize(
    ("folder", "floors"),
    [(SHARED, LIBRARY_FLOORS), (SERVICES["pons_gateway"] / "pons_gateway", GATEWAY_FLOORS)],
    ids=["library", "gateway"],
)
def test_a_room_imports_only_from_floors_below(
    folder: Path, floors: tuple[tuple[str, ...], ...]
) -> None:
    """A reader of a room needs nothing above it; no two rooms need each other."""
    floor_of = {room: number for number, rooms in enumerate(floors) for room in rooms}
    rooms = {path.relative_to(folder).parts[0].removesuffix(".py") for path in modules(folder)}
    assert rooms - {"__init__"} == set(floor_of)
    climbing = []
    for path in modules(folder):
        room = path.relative_to(folder).parts[0].removesuffix(".py")
        for name in imports(path):
            package, *below = name.split(".")
            if package != folder.name or not below or below[0] not in floor_of or below[0] == room:
                continue
            if floor_of[below[0]] >= floor_of.get(room, -1):
                climbing.append(f"{room} -> {name}")
    assert climbing == []


def test_nothing_that_runs_imports_what_tests_share() -> None:
    """`pons_testing` needs packages that a store does not install."""
    found = [path for path in running() if any("pons_testing" in name for name in imports(path))]
    assert named(found) == []


def test_the_launcher_imports_no_service() -> None:
    """The embedded store starts services as processes, as every other way to run them does."""
    assert named([p for p in modules(EMBEDDED) if packages(p) & set(SERVICES)]) == []


def test_integration_tests_see_a_store_from_outside() -> None:
    """They import neither the library nor a service: DICOM, HTTP and the launcher's command."""
    inside = {"pons", "pons_embedded", *SERVICES}
    found = sorted((ROOT / "tests" / "integration").rglob("*.py"))
    assert named([path for path in found if packages(path) & inside]) == []


def test_only_the_announcer_publishes_that_an_instance_was_received() -> None:
    """One way in: `pons.ingest.announce` publishes to the subject, `pons.ingest` uses it."""
    publishing = [
        path
        for path in running()
        if any(
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in ("publish", "send", "request")
            and any(ast.unparse(argument).endswith("names.received") for argument in node.args)
            for node in ast.walk(parsed(path))
        )
    ]
    assert named(publishing) == ["shared/pons/ingest/announce.py"]
    using = [path for path in running() if "pons.ingest.announce.Announcer" in imports(path)]
    assert named(using) == ["shared/pons/ingest/ingest.py"]


def test_nobody_spells_the_subject_of_announcements() -> None:
    """A subject written out would escape the check above, and the store's name."""
    spelt = [p for p in running() if any("instance.received" in text for text in texts(p))]
    assert named(spelt) == ["shared/pons/messages/names.py"]


def test_only_five_places_write_objects() -> None:
    """One way in for DICOM files; made by jobs, on resources or in pieces, objects are none."""
    putting = [
        path
        for path in running()
        if any(
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "put"
            and ast.unparse(node.func.value).endswith("objects")
            for node in ast.walk(parsed(path))
        )
    ]
    assert named(putting) == [
        "shared/pons/ingest/attachments.py",
        "shared/pons/ingest/examine.py",
        "shared/pons/ingest/ingest.py",
        "shared/pons/ingest/partial_uploads.py",
        "shared/pons/jobs/board.py",
    ]


def test_only_the_index_uses_the_role_that_writes() -> None:
    """Every other service reads with a role that cannot write, wherever it is deployed."""
    catalog = "shared/pons/catalog/connection.py"
    told = "shared/pons/ownership.py"  # in words, without its secrets
    using = {
        path
        for path in running()
        for name in attributes(path)
        if name.endswith(("database.url", "DatabaseSettings.url"))
    }
    outside = {name for name in named(sorted(using)) if not name.startswith("services/index/")}
    # The catalog falls back to it, with read-only transactions, where no reader is configured.
    assert outside <= {catalog, told}
    assert "default_transaction_read_only" in (ROOT / catalog).read_text()
    assert "asyncpg" not in packages(ROOT / told)


def test_only_the_index_has_statements_that_write() -> None:
    """Neither a .sql file nor a string outside of the index changes the database."""
    writing = []
    for folder in (SHARED, *SERVICES.values()):
        if folder != SERVICES["pons_index"]:
            for path in sorted(folder.rglob("*.sql")):
                lines = path.read_text(encoding="utf-8").lower().splitlines()
                code = "\n".join(line for line in lines if not line.lstrip().startswith("--"))
                if re.search(rf"\b(?:{'|'.join(WRITES)})", code):
                    writing.append(path)
            writing += [
                path
                for path in modules(folder)
                if any(text.lower().lstrip().startswith(WRITES) for text in texts(path))
            ]
    assert named(writing) == []


def test_only_the_settings_read_the_environment() -> None:
    """Settings are read in one place; render only hands a few variables down to its workers."""
    reading = [
        path
        for path in running()
        if {"os.environ", "os.getenv"} & (imports(path) | attributes(path))
    ]
    assert named(reading) == [
        "shared/pons/settings/load.py",
        "services/render/pons_render/pool.py",
    ]
    spelt = [p for p in running() if any(text.startswith("PONS_") for text in texts(p))]
    assert set(named(spelt)) == {
        "shared/pons/__init__.py",  # the implementation version name of DICOM
        "shared/pons/settings/load.py",
        "shared/pons/settings/model.py",  # the prefix of its variables
    }
