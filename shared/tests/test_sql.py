# SPDX-License-Identifier: Apache-2.0
"""Statements in `.sql` files."""

from pathlib import Path

import pytest

from pons.catalog.sql import load_statements


def test_statements_come_by_name(tmp_path: Path) -> None:
    """A statement is what stands between its sentence and the next name."""
    (tmp_path / "a.sql").write_text(
        "-- Of the file.\n\n-- name: one\n-- Why\n-- it is.\nSELECT 1\n-- note\nFROM a;\n\n"
        "-- name: two\n-- Why.\nSELECT ';';\n"
    )
    assert load_statements(tmp_path / "a.sql") == {"one": "SELECT 1\nFROM a", "two": "SELECT ';'"}


def test_what_statements_have_in_common_is_a_piece(tmp_path: Path) -> None:
    """It stands where its name is in braces, as what the caller gives does, and is no statement."""
    (tmp_path / "a.sql").write_text(
        "-- piece: open\n-- Why.\nclosed = {no};\n\n-- name: all\n-- Why.\nSELECT 1 WHERE {open};\n"
    )
    known = load_statements(tmp_path / "a.sql", no="false")
    assert known == {"all": "SELECT 1 WHERE closed = false"}


@pytest.mark.parametrize(
    "text",
    [
        "-- name: one\nSELECT 1;\n",
        "-- name: one\n-- Why.\n",
        "-- name: one\n\n",
        "-- name: one\n-- Why.\nSELECT 1;\n-- name: one\n-- Why.\nSELECT 2;\n",
    ],
)
def test_a_statement_has_a_name_of_its_own_and_a_sentence(tmp_path: Path, text: str) -> None:
    """A name that comes twice, or says nothing, is found when the file is loaded."""
    (tmp_path / "a.sql").write_text(text)
    with pytest.raises(ValueError, match=r"a\.sql: one"):
        load_statements(tmp_path / "a.sql")
