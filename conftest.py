# SPDX-License-Identifier: Apache-2.0
"""What every test may use: asyncio for async tests, backing servers, folders of object stores; and
the peers' absence told at the end."""

import gc
import os
from collections import Counter
from collections.abc import Generator, Iterator

import pytest
import structlog

from pons_testing.backing import broker as broker
from pons_testing.backing import bus as bus
from pons_testing.backing import postgres as postgres
from pons_testing.object_folders import Lend, ObjectFolders

NEEDS = "needs "
"""How the reason of a skip begins when something is missing on this machine; it also says how to
get it."""
COMPLETE = "PONS_TEST_COMPLETE"
"""Set where everything has to be there (CI): such a skip then fails the run."""

WHOLE_STORES = frozenset(("containers", "integration", "deploy"))
"""Folders of tests that start stores."""
BROWSER = "browser"
"""Fixture of tests of pages: Playwright's event loop stays in the thread, so that nothing
asynchronous can run after them."""


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def object_folders(tmp_path_factory: pytest.TempPathFactory) -> ObjectFolders:
    return ObjectFolders(tmp_path_factory.mktemp("objects"))


@pytest.fixture
def lend_objects(object_folders: ObjectFolders) -> Iterator[Lend]:
    """Lends the test a folder of objects: `lend_objects(root, store)`, before it is opened."""
    with object_folders.lending() as lend:
        yield lend


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """One worker more than there are cores: tests of running stores wait for part of their time."""
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is imported and collected stays to the end: to look through all of it for garbage takes
    two fifths of the time until the first test, and some of each test after that."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest first, so that it is not left to one worker at the end: whole stores, and
    among the pages, which come last, the files with most tests."""
    counts = Counter(item.path for item in items)
    pages = {item.path for item in items if BROWSER in getattr(item, "fixturenames", ())}

    def place(item: pytest.Item) -> tuple[int, int]:
        if not WHOLE_STORES.isdisjoint(item.path.parts):
            return 0, 0
        return (2, -counts[item.path]) if item.path in pages else (1, 0)

    items.sort(key=place)


class FailuresAtOnce:
    """Names each failed test when it fails, for whoever sees a run that never reached its end."""

    def __init__(self, reporter: pytest.TerminalReporter) -> None:
        self._reporter = reporter

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            crash = getattr(report.longrepr, "reprcrash", None)
            reason = str(crash.message if crash else report.longrepr)[:500]
            self._reporter.write_line(f"\n{report.nodeid} ({report.duration:.0f} s): {reason}")


def plain_tracebacks() -> None:
    """Have structlog print tracebacks as Python does: rich, where it is installed, takes a second
    for each, with all that the functions had in their variables."""
    *others, _ = structlog.get_config()["processors"]
    plain = structlog.dev.ConsoleRenderer(
        colors=False, exception_formatter=structlog.dev.plain_traceback
    )
    structlog.configure(processors=[*others, plain])


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    plain_tracebacks()
    if reporter := config.pluginmanager.get_plugin("terminalreporter"):
        config.pluginmanager.register(FailuresAtOnce(reporter))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter,
) -> Generator[None, None, None]:
    """Say last what was skipped because something is missing here."""
    yield
    if missing := skips_for_lack(terminalreporter):
        terminalreporter.section("not everything was tested on this machine")
        for reason, count in sorted(missing.items()):
            terminalreporter.line(f"{count} skipped: {reason}")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run that has to be complete and is not."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if COMPLETE in os.environ and reporter is not None and skips_for_lack(reporter):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def skips_for_lack(reporter: pytest.TerminalReporter) -> dict[str, int]:
    """Reasons of skips for lack of something, and how many tests each skipped."""
    counts: dict[str, int] = {}
    for report in reporter.stats.get("skipped", ()):
        reason = report.longrepr[2].removeprefix("Skipped: ")
        if reason.startswith(NEEDS):
            counts[reason] = counts.get(reason, 0) + 1
    return counts
