# SPDX-License-Identifier: Apache-2.0
"""Orthanc's configuration files as one table of options: comments, environment, several files."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pons_embedded.errors import Refusal

STRING = r'"(?:\\.|[^"\\])*"'
COMMENT = re.compile(rf"{STRING}|//[^\n]*|/\*.*?\*/", re.DOTALL)
TRAILING_COMMA = re.compile(rf"{STRING}|,(?=\s*[}}\]])", re.DOTALL)
VARIABLE = re.compile(r"\$\{([^}:]+)(?::-([^}]*))?\}")


@dataclass(frozen=True)
class Given:
    """The value of an option, and the file that it stands in."""

    value: Any
    file: Path


@dataclass(frozen=True)
class Options:
    """What the files say, and what is worth knowing about how they say it."""

    given: dict[str, Given] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def read_options(paths: Iterable[Path], environment: Mapping[str, str]) -> Options:
    """The options of all files, and of all `*.json` in folders, at `paths`.

    Raises `Refusal` when a file cannot be read, or two of them have the same option.
    """
    options = Options()
    for path in paths:
        for file in _files(path):
            for name, value in _read(file, environment, options.warnings).items():
                if name in options.given:
                    both = f"{options.given[name].file} and {file}"
                    raise Refusal(f"option {name} stands in {both}: keep one of them")
                options.given[name] = Given(value, file)
    return options


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    found = sorted(file for file in path.glob("*.json") if file.is_file())
    if not found:
        raise Refusal(f"the folder {path} has no *.json: name Orthanc's file, or its folder")
    return found


def _read(file: Path, environment: Mapping[str, str], warnings: list[str]) -> dict[str, Any]:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise Refusal(f"{file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Refusal(f"{file} cannot be read: it is not UTF-8") from None
    said: list[str] = []
    try:
        value = parse(text, environment, said)
    except ValueError as error:
        raise Refusal(f"{file} is not Orthanc's JSON: {error}") from None
    warnings += [f"{file}: {one}" for one in said]
    return value


def parse(text: str, environment: Mapping[str, str], warnings: list[str]) -> dict[str, Any]:
    """The options in the text of one file, read as leniently as Orthanc reads it.

    Raises `ValueError` with the line where it ends being JSON.
    """

    def substituted(found: re.Match[str]) -> str:
        name, default = found.groups()
        if default is None and name not in environment:
            warnings.append(f"${{{name}}} is not in the environment and counts as empty")
        return environment.get(name, default or "")

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        times = Counter(name for name, _ in pairs)
        warnings.extend(
            f"{name} stands there more than once; the last one counts"
            for name, count in times.items()
            if count > 1
        )
        return dict(pairs)

    text = COMMENT.sub(lambda found: _blank(found[0], "/"), text)
    text = VARIABLE.sub(substituted, text)
    text = TRAILING_COMMA.sub(lambda found: _blank(found[0], ","), text)
    start = len(text) - len(text.lstrip())
    try:
        # Like Orthanc, a line break inside a text is taken.
        value, end = json.JSONDecoder(object_pairs_hook=members, strict=False).raw_decode(
            text, start
        )
    except json.JSONDecodeError as error:
        raise ValueError(f"line {error.lineno}: {error.msg}") from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(value, dict):
        raise ValueError("it does not hold an object, {…}")
    if text[end:].strip():
        warnings.append("what follows the closing brace is not read")
    return value


def _blank(found: str, beginning: str) -> str:
    """`found`, or as much white space when it begins so; the numbers of lines stay."""
    return re.sub(r"[^\n]", " ", found) if found.startswith(beginning) else found
