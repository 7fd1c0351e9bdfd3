# SPDX-License-Identifier: Apache-2.0
"""The process of one script: `python -m pons_gateway.lua.sandbox MEMORY_MB SECONDS < script`.

A script has the language, and no doors: no files, processes, modules, bytecode or debugging. It
never holds an object of Python's: the two functions that it is lent take and give plain values,
hidden in closures; should it get hold of one all the same, every attribute of it is refused.
Exit code 0 and what it printed, or 1 and what was wrong on standard error.
"""

import math
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from lupa import lua54

from pons_gateway.lua.json_values import dump_json, parse_json

TOOLBOX = Path(__file__).with_name("toolbox.lua")
CHUNK_NAME = b"script"
PYTHON_MEMORY = 256 * 1024 * 1024
"""Address space of the process beside the script's memory."""


def main() -> NoReturn:
    memory, seconds = int(sys.argv[1]) * 1024 * 1024, float(sys.argv[2])
    bound_process(memory, seconds)
    script = sys.stdin.buffer.read()
    output = sys.stdout.buffer
    try:
        run(script, memory, output.write)
    except MemoryError:
        end(1, "it used more memory than it may")
    except lua54.LuaError as error:
        end(1, str(error.args[0]).partition("\nstack traceback")[0] or "error")
    output.flush()
    end(0)


def end(code: int, why: str = "") -> NoReturn:
    """End now: finalizers that the script left are not run."""
    sys.stderr.write(why)
    sys.stderr.flush()
    os._exit(code)


def bound_process(memory: int, seconds: float) -> None:
    """Bounds of the operating system, where it has them: behind those of Lua and the gateway."""
    with suppress(ImportError):  # Windows
        import resource

        space = memory + PYTHON_MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (space, space))
        processor = math.ceil(seconds) + 1
        resource.setrlimit(resource.RLIMIT_CPU, (processor, processor))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def run(script: bytes, memory: int, write: Callable[[bytes], Any]) -> None:
    """Run `script`; `write` takes what it prints. Raises `LuaError` and `MemoryError`."""
    runtime = lua54.LuaRuntime(
        encoding=None,
        source_encoding="latin-1",
        attribute_filter=refuse_attribute,
        register_eval=False,
        register_builtins=False,
        unpack_returned_tuples=True,
        max_memory=memory,
    )
    load = runtime.globals()[b"load"]
    toolbox = load(TOOLBOX.read_bytes(), b"=toolbox", b"t")
    toolbox(
        lambda text: write(text),
        lambda text: parse_json(runtime, text),
        lambda value, keep_strings: dump_json(value, keep_strings),
    )
    chunk = load(script, b"=" + CHUNK_NAME, b"t")  # text only: bytecode can do anything
    if isinstance(chunk, tuple):
        raise lua54.LuaSyntaxError(chunk[1].decode(errors="replace"))
    chunk()


def refuse_attribute(*_: object) -> NoReturn:
    raise AttributeError("scripts cannot look into Python")


if __name__ == "__main__":
    main()
