# SPDX-License-Identifier: Apache-2.0
"""docs/configuration.md says what the settings say."""

import subprocess
import sys
from pathlib import Path

import pytest

from pons.settings import variables
from pons.settings.document import configuration_document

PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"


def test_the_page_is_the_one_that_the_settings_give() -> None:
    """A setting was changed and `python -m pons.settings.document --write` was not run."""
    assert PAGE.read_text(encoding="utf-8") == configuration_document()


@pytest.mark.parametrize("name", sorted(variables()))
def test_every_variable_is_on_the_page(name: str) -> None:
    """Operators set what they can read about."""
    assert f"`{name}`" in configuration_document()


@pytest.mark.parametrize(
    "row",
    [
        "| `port` | `PONS_HTTP_PORT` | integer from 1 to 65535 | `8042` |",
        "| `path` | `PONS_STORAGE_PATH` | path | none |",
        "| `timeout` | `PONS_RENDER_TIMEOUT` | number above 0 | `30` |",
        '| `kind` | `PONS_STORAGE_KIND` | `file` or `s3` | `"file"` |',
        "| `s3_secure` | `PONS_STORAGE_S3_SECURE` | true or false | `true` |",
        "| `users` | `PONS_HTTP_USERS` | table | `{}` |",
    ],
)
def test_a_row_says_type_bounds_and_default(row: str) -> None:
    """Each kind of setting is described in words that people who write TOML understand."""
    lines = configuration_document().splitlines()
    assert len([line for line in lines if line.startswith(row)]) == 1


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pons.settings.document", *words],
        capture_output=True,
        encoding="utf-8",
        check=False,
        cwd=Path(__file__).parents[1],
    )


def test_the_command_writes_checks_and_prints_the_page(tmp_path: Path) -> None:
    """The page is written and checked by one command, which fails for one that is out of date."""
    page = tmp_path / "configuration.md"
    absent = run("--check", str(page))
    assert (absent.returncode, absent.stdout) == (1, "")
    assert absent.stderr.startswith(f"{page} does not say what the settings say: python -m")
    assert run("--write", str(page)).returncode == 0
    assert page.read_text(encoding="utf-8") == configuration_document()
    assert run("--check", str(page)).returncode == 0
    page.write_text("# Configuration\n")
    assert run("--check", str(page)).returncode == 1
    assert run().stdout == configuration_document()
