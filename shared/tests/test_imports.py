# SPDX-License-Identifier: Apache-2.0
"""Programs import without the garbage collector, and leave what they imported out of its sight."""

import ast
import gc
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from pons.runtime.imports import uncollected

ROOT = Path(__file__).parents[2]
PROGRAMS = [*(ROOT / "services").glob("*/pons_*/__main__.py")]
PROGRAMS.append(ROOT / "deploy" / "embedded" / "pons_embedded" / "__main__.py")


def test_the_collector_rests_during_imports_and_forgets_them() -> None:
    """It works again afterwards, after an import that failed as well."""
    before = gc.get_freeze_count()
    try:
        with suppress(ImportError), uncollected():
            seen = gc.isenabled()
            raise ImportError
        assert not seen
        assert gc.isenabled()
        assert gc.get_freeze_count() > before
    finally:
        gc.unfreeze()


def test_routes_are_made_without_the_models_of_pydantic_1() -> None:
    """FastAPI imports them for the first route otherwise, and wants to go on without."""
    script = """
import sys
from contextlib import nullcontext
from pons.runtime.imports import uncollected
with {block}():
    from pons.health.readiness import Health
    from pons.http.health import health_app
app = health_app(Health("index"))
print(len(app.openapi()["paths"]), "pydantic.v1.main" in sys.modules)
"""

    def told(block: str) -> str:
        begin = f"import sys; sys.path[:0] = {sys.path!r}\n"
        return subprocess.run(
            [sys.executable, "-c", begin + script.format(block=block)],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()

    assert told("uncollected") == "2 False"
    assert told("nullcontext") == "2 True", "FastAPI does without: the trick is not needed any more"


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.parent.name)
def test_every_program_imports_what_it_runs_in_such_a_block(program: Path) -> None:
    """An import before the block would cost what the block is to save."""
    statements = ast.parse(program.read_text()).body
    outside = [one for one in statements if isinstance(one, ast.Import | ast.ImportFrom)]
    assert {ast.unparse(one) for one in outside} <= {
        "import sys",
        "from pons.runtime.imports import uncollected",
    }
    (block,) = (one for one in statements if isinstance(one, ast.With))
    assert ast.unparse(block.items[0]) == "uncollected()"
    assert all(isinstance(one, ast.ImportFrom) for one in block.body)


def test_there_are_six_programs() -> None:
    """The test above looked at five services and the launcher."""
    assert len(PROGRAMS) == 6
