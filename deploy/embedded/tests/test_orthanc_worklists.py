# SPDX-License-Identifier: Apache-2.0
"""Worklists as Orthanc's file describes them."""

import json
from pathlib import Path
from typing import Any

import pytest

from pons.settings import load_settings
from pons.settings.work import WorklistsSettings
from pons_embedded.errors import Refusal
from pons_embedded.orthanc.translate import Translated, translate


def translated(tmp_path: Path, section: Any) -> Translated:
    file = tmp_path / "orthanc.json"
    file.write_text(json.dumps({"Worklists": section}))
    return translate([file], {})


def worklists(tmp_path: Path, section: Any) -> WorklistsSettings:
    result = translated(tmp_path, section)
    assert result.warnings == []
    return load_settings(result.settings).worklists


@pytest.mark.parametrize("name", ["Directory", "Database"])
def test_the_folder_is_served(name: str, tmp_path: Path) -> None:
    """Under both of its names, and from the folder of the file on."""
    given = {"Enable": True, name: "Worklists/Working"}
    assert worklists(tmp_path, given).folder == tmp_path / "Worklists/Working"
    given = {"Enable": True, name: "/srv/worklists"}
    assert worklists(tmp_path, given).folder == Path("/srv/worklists")


@pytest.mark.parametrize("name", ["Directory", "Database"])
def test_an_empty_folder_is_none(name: str, tmp_path: Path) -> None:
    """And not the one in which the service runs."""
    assert worklists(tmp_path, {"Enable": True, name: ""}).folder is None


def test_every_option_has_its_setting(tmp_path: Path) -> None:
    """With Orthanc's units."""
    given = {
        "Enable": True,
        "SaveInOrthancDatabase": True,
        "FilterIssuerAet": True,
        "LimitAnswers": 7,
        "SetStudyInstanceUidIfMissing": False,
        "DeleteWorklistsOnStableStudy": False,
        "HousekeepingInterval": 5,
        "DeleteWorklistsDelay": 48,
    }
    assert worklists(tmp_path, given) == WorklistsSettings(
        filter_station=True,
        limit_answers=7,
        set_study_uid=False,
        end_with_study=False,
        interval=5,
        keep_hours=48,
    )


@pytest.mark.parametrize("section", [{"Directory": "x"}, {"Enable": False, "Directory": "x"}])
def test_what_is_off_is_not_served(section: dict[str, Any], tmp_path: Path) -> None:
    """A folder that Orthanc would not show is not shown; entries over REST always are."""
    result = translated(tmp_path, section)
    assert load_settings(result.settings).worklists == WorklistsSettings()
    (line,) = result.warnings
    assert "Worklists.Enable has no effect: worklists are always served" in line


def test_other_options_are_told(tmp_path: Path) -> None:
    """A wrong value ends the start, an unknown name is a line."""
    result = translated(tmp_path, {"Enable": True, "Directoy": "x"})
    assert "Worklists.Directoy is no option of Orthanc that Pons knows" in result.warnings[0]
    assert result.warnings[0].endswith("did you mean Worklists.Directory?")
    for wrong in ([], {"Enable": True, "LimitAnswers": -1}, {"Enable": True, "Directory": 3}):
        with pytest.raises(Refusal, match="Worklists"):
            translated(tmp_path, wrong)
