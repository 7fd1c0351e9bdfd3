# SPDX-License-Identifier: Apache-2.0
"""A store that keeps sequences among its main tags, as guides of viewers recommend."""

import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

from pydicom import Dataset

from outside import Store, image


def with_sequences() -> bytes:
    ds = image("SEQUENCES")
    step, code = Dataset(), Dataset()
    step.ScheduledProcedureStepID, code.CodeValue = "STEP1", "CT1"
    ds.RequestAttributesSequence, ds.ProcedureCodeSequence = [step], [code]
    file = BytesIO()
    ds.save_as(file, enforce_file_format=True)
    return file.getvalue()


def test_an_orthanc_file_may_name_sequences(
    fresh_store: Callable[..., Store], tmp_path: Path
) -> None:
    """They are shown with the main tags of their level, and requested from below and above."""
    configuration = tmp_path / "orthanc.json"
    extra = {"Series": ["RequestAttributesSequence"], "Study": ["ProcedureCodeSequence"]}
    configuration.write_text(json.dumps({"ExtraMainDicomTags": extra}))
    store = fresh_store("sequences", "--orthanc-config", str(configuration))
    answer = store.http.post("/instances", content=with_sequences())
    assert answer.status_code == 200, answer.text
    series = store.get("/series", expand="")[0]
    assert series["MainDicomTags"]["RequestAttributesSequence"] == [
        {"ScheduledProcedureStepID": "STEP1"}
    ]
    study = store.get("/studies", expand="", full="")[0]["MainDicomTags"]["0008,1032"]
    assert (study["Name"], study["Type"]) == ("ProcedureCodeSequence", "Sequence")
    assert study["Value"][0]["0008,0100"]["Value"] == "CT1"
    wanted = "RequestAttributesSequence;ProcedureCodeSequence"
    instance = store.get(f"/instances/{answer.json()['ID']}", **{"requested-tags": wanted})
    assert instance["RequestedTags"] == {
        "ProcedureCodeSequence": [{"CodeValue": "CT1"}],
        "RequestAttributesSequence": [{"ScheduledProcedureStepID": "STEP1"}],
    }
    assert "0008,1032" in store.get("/system")["MainDicomTags"]["Study"]
    metadata = store.get(f"/studies/{answer.json()['ParentStudy']}/metadata", expand="")
    assert json.loads(metadata["MainDicomSequences"])["Version"] == 1
    assert "0008,1032" in metadata["MainDicomTagsSignature"]
