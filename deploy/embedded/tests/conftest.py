# SPDX-License-Identifier: Apache-2.0
"""A store on stand-ins for services, and its end."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pons_embedded.testing import Store, ending, stand_in_environment


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return stand_in_environment(tmp_path_factory.mktemp("services"))


@pytest.fixture
def store(tmp_path: Path, environment: dict[str, str]) -> Iterator[Store]:
    with ending(Store(tmp_path / "data", dict(environment))) as one:
        yield one
