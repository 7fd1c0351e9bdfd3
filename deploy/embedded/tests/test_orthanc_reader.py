# SPDX-License-Identifier: Apache-2.0
"""Orthanc's configuration files: what is read, and how what cannot be read is told."""

from pathlib import Path
from typing import Any

import pytest

from pons_embedded.errors import Refusal
from pons_embedded.orthanc.reader import parse, read_options


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"Name": "a"}', {"Name": "a"}),
        ('// C++\n{"Name": "a" /* C\n */, // again\n "HttpPort": 1}', {"Name": "a", "HttpPort": 1}),
        ('{"Url": "http://host/*not a comment*/"}', {"Url": "http://host/*not a comment*/"}),
        ('{"A": "quote \\" // still text"}', {"A": 'quote " // still text'}),
        ('{"A": [1, 2, /* last */ ], "B": {"c": 1,},\n}', {"A": [1, 2], "B": {"c": 1}}),
        ('{"A": ",]"}', {"A": ",]"}),
        ('{"A": "two\nlines"}', {"A": "two\nlines"}),
    ],
)
def test_json_is_read_as_leniently_as_orthanc_reads_it(text: str, expected: Any) -> None:
    """Comments and trailing commas are no mistakes; what looks like them in a text is text."""
    warnings: list[str] = []
    assert parse(text, {}, warnings) == expected
    assert warnings == []


def test_variables_of_the_environment_are_put_in() -> None:
    """Anywhere in the text, before it is parsed, with a default where one is given."""
    text = '{"Name": "${NAME}", "HttpPort": ${PORT:-8042}, "Empty": "${EMPTY:-not this}"} // ${NO}'
    warnings: list[str] = []
    value = parse(text, {"NAME": "ct", "EMPTY": ""}, warnings)
    assert value == {"Name": "ct", "HttpPort": 8042, "Empty": ""}
    assert warnings == []


def test_what_is_odd_is_told() -> None:
    """An absent variable, a repeated option and text after the end are no errors in Orthanc."""
    warnings: list[str] = []
    assert parse('{"A": "${NO}", "A": 2} rest', {}, warnings) == {"A": 2}
    assert warnings == [
        "${NO} is not in the environment and counts as empty",
        "A stands there more than once; the last one counts",
        "what follows the closing brace is not read",
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{\n"A": 1\n"B": 2}', "line 3: Expecting ',' delimiter"),
        ("{ /* open", "line 1: Expecting property name enclosed in double quotes"),
        ("[1]", "it does not hold an object"),
        ("", "line 1: Expecting value"),
        ("[" * 100_000, "it is nested too deeply"),
    ],
)
def test_what_is_no_json_is_told_with_its_line(text: str, sentence: str) -> None:
    """The line is that of the file, comments or not."""
    with pytest.raises(ValueError, match=sentence):
        parse(text, {}, [])


def test_several_files_and_folders_make_one_configuration(tmp_path: Path) -> None:
    """Folders are read in the order of names, and only `*.json` in them."""
    folder = tmp_path / "conf.d"
    folder.mkdir()
    (folder / "b.json").write_text('{"HttpPort": 1}')
    (folder / "a.json").write_text('{"Name": "a"}')
    (folder / "notes.txt").write_text("not JSON")
    (tmp_path / "more.json").write_text('{"DicomPort": 2}')
    options = read_options([folder, tmp_path / "more.json"], {})
    assert {name: given.value for name, given in options.given.items()} == {
        "Name": "a",
        "HttpPort": 1,
        "DicomPort": 2,
    }


def test_the_same_option_in_two_files_is_refused(tmp_path: Path) -> None:
    """Nobody could tell which of the two counts."""
    for name in ("a.json", "b.json"):
        (tmp_path / name).write_text('{"Name": "a"}')
    with pytest.raises(Refusal, match=r"option Name stands in .*a\.json and .*b\.json: keep one"):
        read_options([tmp_path], {})


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """As is a folder without a file, and one that is no text."""
    with pytest.raises(Refusal, match=r"none\.json cannot be read: No such file"):
        read_options([tmp_path / "none.json"], {})
    with pytest.raises(Refusal, match=r"has no \*\.json"):
        read_options([tmp_path], {})
    (tmp_path / "latin.json").write_bytes(b'{"Name": "\xe9"}')
    with pytest.raises(Refusal, match=r"latin\.json cannot be read: it is not UTF-8"):
        read_options([tmp_path / "latin.json"], {})
