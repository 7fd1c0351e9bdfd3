# SPDX-License-Identifier: Apache-2.0
"""The process of a service's scripts: `python -m pons.lua.host MEMORY_MB`, frames on its pipes.

One Lua state for its whole life: what scripts define, and the globals that they set, stay. It ends
with its standard input, and when a script has used more memory than it may.
"""

import sys
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from lupa import lua54

from pons.lua.frames import (
    LENGTH,
    Answer,
    Ask,
    Call,
    Load,
    Outcome,
    Request,
    Told,
    decode_request,
    frame,
)
from pons.lua.functions import CALLBACKS
from pons.lua.json_values import from_lua, to_lua
from pons.lua.sandbox import Sandbox, bound_process, complaint, end

FUNCTIONS = Path(__file__).with_name("callbacks.lua")
MAX_PRINTED = 512 * 1024
"""Bytes of what one call prints; the rest is left out, and said to be."""
CUT = b"\n(the rest of what was printed is left out)\n"


def main() -> NoReturn:
    memory = int(sys.argv[1]) * 1024 * 1024
    bound_process(memory)
    Host(memory, sys.stdin.buffer, sys.stdout.buffer).serve()
    end(0)


class Host:
    """Runs what it is asked to, one after the other."""

    def __init__(self, memory: int, requests: BinaryIO, answers: BinaryIO) -> None:
        self._requests = requests
        self._answers = answers
        self._printed = bytearray()
        self._quiet = False
        self._sandbox = Sandbox(memory, self._print)
        self._begin, self._taken, self._globals, self._differ, self._is_defined = self._sandbox.run(
            FUNCTIONS.read_bytes(), "callbacks", lambda *asked: self._ask(*asked)
        )

    def serve(self) -> None:
        """Answer until nobody asks any more."""
        while (request := self._read()) is not None:
            self._printed.clear()
            try:
                outcome = self._perform(request)
                self._write(outcome)
            except MemoryError as error:
                self._write(Outcome(error=complaint(error), lost=True))
                return  # what is left of the state is anybody's guess

    def _perform(self, request: Request) -> Outcome:
        before = self._globals()
        value, error = None, ""
        self._quiet = isinstance(request, Load) and request.quiet
        self._begin(isinstance(request, Call) and request.event)
        try:
            value = self._run(request)
        except lua54.LuaError as raised:
            if isinstance(raised, MemoryError):
                raise
            error = complaint(raised)
        except (TypeError, ValueError) as raised:
            error = f"what it returns cannot be told: {raised}"
        operations = from_lua(self._taken(), keep_strings=True)
        return Outcome(
            value=value,
            error=error,
            printed=bytes(self._printed),
            operations=[] if error else operations,
            defined=[name for name in CALLBACKS if self._is_defined(name.encode())],
            changed=self._differ(before),
        )

    def _run(self, request: Request) -> Any:
        if isinstance(request, Load):
            self._sandbox.run(request.script, request.name)
            return None
        assert isinstance(request, Call)
        runtime = self._sandbox.runtime
        function = runtime.globals()[request.function.encode()]
        value = function(*(to_lua(runtime, argument) for argument in request.arguments))
        if isinstance(value, tuple):
            value = value[0] if value else None
        if request.wanted == "nothing":
            return None
        return from_lua(value, keep_strings=request.wanted == "table")

    def _print(self, text: bytes) -> None:
        if not self._quiet and len(self._printed) < MAX_PRINTED:
            self._printed += text
            if len(self._printed) > MAX_PRINTED:
                self._printed[MAX_PRINTED:] = CUT

    def _ask(self, what: bytes, *arguments: Any) -> tuple[bool, Any]:
        """Never raises: an error of Python's would be an object of Python's to the script."""
        if self._quiet:
            return True, None
        try:
            self._write(Ask(what.decode(), [_plain(argument) for argument in arguments]))
        except (TypeError, ValueError) as error:
            return False, str(error).encode()
        answer = self._read()
        if answer is None:
            end(0)
        if isinstance(answer, Told):
            return True, to_lua(self._sandbox.runtime, answer.value)
        return False, getattr(answer, "message", "").encode()

    def _write(self, answer: Answer) -> None:
        self._answers.write(frame(answer))
        self._answers.flush()

    def _read(self) -> Request | None:
        length = self._requests.read(LENGTH)
        if len(length) < LENGTH:
            return None
        content = self._requests.read(int.from_bytes(length, "big"))
        request: Request = decode_request(content)
        return request


def _plain(argument: Any) -> Any:
    """A value of a script's; text is bytes, a table text to text."""
    if argument is None or isinstance(argument, bytes | bool | int | float):
        return argument
    return from_lua(argument, keep_strings=True)


if __name__ == "__main__":
    main()
