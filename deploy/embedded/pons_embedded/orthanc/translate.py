# SPDX-License-Identifier: Apache-2.0
"""From Orthanc's options to settings of Pons, by the table."""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pons.settings import sections
from pons.settings.values import sentences
from pons_embedded.errors import Refusal
from pons_embedded.orthanc.access import access
from pons_embedded.orthanc.kinds import path, paths
from pons_embedded.orthanc.options import UNSAID, Joint, Same, Without
from pons_embedded.orthanc.reader import Given, read_options
from pons_embedded.orthanc.syntaxes import with_families
from pons_embedded.orthanc.table import OPTIONS
from pons_embedded.orthanc.worklists import opened


@dataclass(frozen=True)
class Translated:
    """Sections of settings as a file of Pons would hold them, and a line for each thing that a
    reader of Orthanc's file would expect and that Pons does not do."""

    settings: dict[str, dict[str, Any]]
    warnings: list[str]


def translate(paths: Iterable[Path], environment: Mapping[str, str]) -> Translated:
    """What Orthanc's files at `paths` mean here. Raises `Refusal` for a value that cannot be."""
    options = read_options(paths, environment)
    warnings = list(options.warnings)
    settings: dict[str, dict[str, Any]] = {}
    joint: dict[str, Any] = {}
    for name, given in opened(options.given):
        match OPTIONS.get(name):
            case None:
                warnings.append(f"{given.file}: {_unknown(name)}")
            case Without(why=why, fits=fits):
                if not any(_equal(given.value, value) for value in fits):
                    warnings.append(f"{given.file}: {name} has no effect: {why}")
            case Joint() as option:
                joint[name] = _converted(option, given)
            case Same() as option:
                _set(settings, option, given)
    for name, known in OPTIONS.items():
        if isinstance(known, Same) and name not in options.given:
            _put_default(settings, known)
    for section, values in access(joint, warnings).items():
        settings.setdefault(section, {}).update(values)
    dicom = settings.setdefault("dicom", {})
    patterns = dicom.get("accepted_transfer_syntaxes", ["*"])
    dicom["accepted_transfer_syntaxes"] = with_families(patterns, joint)
    return Translated(settings, warnings)


def merged(over: Mapping[str, Any], under: Mapping[str, Any]) -> dict[str, Any]:
    """Both trees; where both say something, `over` counts, and tables are merged key by key."""
    result = dict(under)
    for name, value in over.items():
        below = result.get(name)
        both = isinstance(value, Mapping) and isinstance(below, Mapping)
        result[name] = merged(value, below) if both and below else value
    return result


def _set(settings: dict[str, dict[str, Any]], option: Same, given: Given) -> None:
    """Convert, and hold the value against what the setting may be, in words of Orthanc's file."""
    value = _converted(option, given)
    for setting in option.settings:
        section, _, name = setting.partition(".")
        if not name:
            continue
        try:
            sections()[section].model_validate({name: value})
        except ValidationError as error:
            why = next(iter(sentences(error))).removeprefix(f"{name}: ")
            raise Refusal(f"{given.file}: {option.name}: {why}") from None
    _put(settings, option, value)


def _put_default(settings: dict[str, dict[str, Any]], option: Same) -> None:
    if option.default is not UNSAID:
        _put(settings, option, option.default)


def _put(settings: dict[str, dict[str, Any]], option: Same, value: Any) -> None:
    for setting in option.settings:
        section, _, name = setting.partition(".")
        settings.setdefault(section, {}).update({name: value} if name else value)


def _converted(option: Same | Joint, given: Given) -> Any:
    try:
        value = option.kind(given.value)
    except ValueError as error:
        raise Refusal(f"{given.file}: {option.name}: {error}") from None
    folder = given.file.absolute().parent
    if option.kind is paths:
        return [str(folder / one) for one in value]
    if option.kind is path and value:
        return str(folder / value)
    return value


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name, OPTIONS, 1)
    hint = f"; did you mean {near[0]}?" if near else ""
    return f"{name} is no option of Orthanc that Pons knows{hint}"


def _equal(value: Any, other: Any) -> bool:
    """Equality as JSON has it: true is not 1."""
    return type(value) is type(other) and value == other
