# SPDX-License-Identifier: Apache-2.0
"""Stores for the integration tests: one shared by most, fresh ones where a test needs its own."""

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from outside import Store, running

logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)  # a refused connection is no news here


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store that stays up for the whole session; tests use patients of their own."""
    with running(Store("main", tmp_path_factory.mktemp("main") / "data")) as started:
        yield started


@pytest.fixture
def fresh_store(tmp_path: Path) -> Iterator[Callable[..., Store]]:
    """Starts stores of a test's own: `fresh_store("nm", PONS_INDEX_STABLE_AGE="1")`."""
    with ExitStack() as stack:

        def start(name: str = "fresh", *options: str, **environment: str) -> Store:
            store = Store(name, tmp_path / name / "data", environment, options)
            store.data.parent.mkdir()
            return stack.enter_context(running(store))

        yield start
