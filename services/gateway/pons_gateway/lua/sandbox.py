# SPDX-License-Identifier: Apache-2.0
"""The process of one script: `python -m pons_gateway.lua.sandbox MEMORY_MB SECONDS < script`.

Exit code 0 and what it printed, or 1 and what was wrong on standard error.
"""

import sys
from typing import NoReturn

from lupa import lua54

from pons.lua.sandbox import Sandbox, bound_process, complaint, end


def main() -> NoReturn:
    memory, seconds = int(sys.argv[1]) * 1024 * 1024, float(sys.argv[2])
    bound_process(memory, seconds)
    script = sys.stdin.buffer.read()
    output = sys.stdout.buffer
    try:
        Sandbox(memory, output.write).run(script, "script")
    except (MemoryError, lua54.LuaError) as error:
        end(1, complaint(error))
    output.flush()
    end(0)


if __name__ == "__main__":
    main()
