# SPDX-License-Identifier: Apache-2.0
"""The language that scripts have: no files, processes, modules, bytecode or debugging.

A script never holds an object of Python's: the functions that it is lent take and give plain
values, hidden in closures; should it get hold of one all the same, every attribute of it is
refused.
"""

import math
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from lupa import lua54

from pons.lua.json_values import dump_json, parse_json

TOOLBOX = Path(__file__).with_name("toolbox.lua")
PYTHON_MEMORY = 256 * 1024 * 1024
"""Address space of a process beside its scripts' memory."""


class Sandbox:
    """One Lua state, of `memory` bytes at most; `write` takes what its scripts print."""

    def __init__(self, memory: int, write: Callable[[bytes], Any]) -> None:
        self.runtime: Any = lua54.LuaRuntime(
            encoding=None,
            source_encoding="latin-1",
            attribute_filter=_refuse_attribute,
            register_eval=False,
            register_builtins=False,
            unpack_returned_tuples=True,
            max_memory=memory,
        )
        self._load = self.runtime.globals()[b"load"]
        self.run(
            TOOLBOX.read_bytes(),
            "toolbox",
            lambda text: write(text),
            lambda text: parse_json(self.runtime, text),
            lambda value, keep_strings: dump_json(value, keep_strings),
        )

    def run(self, script: bytes, name: str, *arguments: Any) -> Any:
        """Run `script`; gives what it returns. Raises `LuaError` and `MemoryError`."""
        chunk = self._load(script, b"=" + name.encode(), b"t")  # text: bytecode can do anything
        if isinstance(chunk, tuple):
            raise lua54.LuaSyntaxError(chunk[1].decode(errors="replace"))
        return chunk(*arguments)


def complaint(error: BaseException) -> str:
    """What was wrong, as Lua says it; without its traceback."""
    if isinstance(error, MemoryError):
        return "it used more memory than it may"
    return str(error.args[0] if error.args else "").partition("\nstack traceback")[0] or "error"


def end(code: int, why: str = "") -> NoReturn:
    """End now: finalizers that scripts left are not run."""
    sys.stderr.write(why)
    sys.stderr.flush()
    os._exit(code)


def bound_process(memory: int, seconds: float | None = None) -> None:
    """Bounds of the operating system, where it has them: behind those of Lua and the service.

    `seconds` of the processor for a process that runs one script.
    """
    with suppress(ImportError):  # Windows
        import resource

        space = memory + PYTHON_MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (space, space))
        if seconds is not None:
            processor = math.ceil(seconds) + 1
            resource.setrlimit(resource.RLIMIT_CPU, (processor, processor))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _refuse_attribute(*_: object) -> NoReturn:
    raise AttributeError("scripts cannot look into Python")
