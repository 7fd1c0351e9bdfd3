# SPDX-License-Identifier: Apache-2.0
"""Scripts that a test has written, opened as services do."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from pons.lua.process import Door
from pons.lua.scripts import Scripts, open_scripts
from pons.settings import LuaSettings

Open = Callable[..., AbstractAsyncContextManager[Scripts]]


@pytest.fixture
def opened(tmp_path: Path) -> Open:
    @asynccontextmanager
    async def opened(
        *sources: str, doors: dict[str, Door] | None = None, **settings: Any
    ) -> AsyncIterator[Scripts]:
        files = []
        for number, source in enumerate(sources):
            file = tmp_path / f"{number}.lua"
            file.write_text(source)
            files.append(str(file))
        given = LuaSettings(scripts=files, **{"timeout": 20, "memory_mb": 32, **settings})
        async with open_scripts(given, doors or {}) as scripts:
            yield scripts

    return opened


async def value(scripts: Scripts, function: str, *arguments: Any, wanted: Any = "number") -> Any:
    return (await scripts.call(function, *arguments, wanted=wanted)).value
