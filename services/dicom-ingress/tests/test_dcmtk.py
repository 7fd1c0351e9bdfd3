# SPDX-License-Identifier: Apache-2.0
"""DCMTK's clients as the peer."""

import os
import shutil
import subprocess
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file

StartPort = Callable[..., Any]
needs_dcmtk = pytest.mark.skipif(
    shutil.which("storescu") is None or shutil.which("echoscu") is None,
    reason="needs DCMTK (Debian: apt-get install dcmtk)",
)
pytestmark = needs_dcmtk


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        env={**os.environ, **environment},
    )


def test_echoscu(port: Any) -> None:
    """echoscu is answered, five times in one association."""
    done = run("echoscu", "-v", "--repeat", "5", "127.0.0.1", str(port.number))
    assert done.returncode == 0, done.stderr
    assert (done.stdout + done.stderr).count("Received Echo Response (Success)") == 5


def test_storescu(port: Any) -> None:
    """storescu sends files of several kinds, proposing what it knows (128 contexts)."""
    names = ("CT_small.dcm", "MR_small.dcm", "rtplan.dcm")
    paths = [str(get_testdata_file(name)) for name in names]
    done = run("storescu", "-v", "127.0.0.1", str(port.number), *paths)
    assert done.returncode == 0, done.stdout + done.stderr
    kept = [dcmread(BytesIO(content)) for content, _ in port.store.kept]
    assert [ds.SOPInstanceUID for ds in kept] == [dcmread(path).SOPInstanceUID for path in paths]


@pytest.mark.parametrize(
    ("option", "name"),
    [
        ("-xb", "MR_small_bigendian.dcm"),
        ("-xd", "image_dfl.dcm"),
        ("-xw", "JPEG2000.dcm"),
        ("-xr", "MR_small_RLE.dcm"),
        ("-xi", "rtplan.dcm"),
    ],
)
def test_storescu_transfer_syntaxes(port: Any, option: str, name: str) -> None:
    """The transfer syntax that storescu is told to propose is the one that is kept."""
    path = str(get_testdata_file(name))
    done = run("storescu", "-R", option, "127.0.0.1", str(port.number), path)
    assert done.returncode == 0, done.stdout + done.stderr
    kept = dcmread(BytesIO(port.store.kept[0][0]))
    original = dcmread(path)
    assert kept.file_meta.TransferSyntaxUID == original.file_meta.TransferSyntaxUID
    original.pop("DataSetTrailingPadding", None)  # storescu leaves it out
    assert list(kept) == list(original)


@pytest.mark.parametrize("maximum_length", [4096, 16384, 65536, 131072])
def test_storescu_pdu_lengths(start_port: StartPort, tmp_path: Path, maximum_length: int) -> None:
    """Whatever we announce as the largest PDU, storescu keeps to it."""
    ds = dcmread(str(get_testdata_file("CT_small.dcm")))
    ds.Rows = ds.Columns = 512
    ds.PixelData = os.urandom(512 * 512 * 2)
    ds.save_as(tmp_path / "ct.dcm")
    port = start_port(maximum_pdu_length=maximum_length)
    file = str(tmp_path / "ct.dcm")
    done = run("storescu", "-R", "--max-send-pdu", "131072", "127.0.0.1", str(port.number), file)
    assert done.returncode == 0, done.stdout + done.stderr
    assert dcmread(BytesIO(port.store.kept[0][0])).PixelData == ds.PixelData


def test_storescu_abort(port: Any) -> None:
    """storescu that aborts instead of releasing is no trouble for what it has stored."""
    path = str(get_testdata_file("CT_small.dcm"))
    run("storescu", "-R", "--abort", "127.0.0.1", str(port.number), path)
    assert len(port.store.kept) == 1


def test_rejection(start_port: StartPort) -> None:
    """echoscu names the reason of a rejection."""
    port = start_port(check_called_aet=True)
    done = run("echoscu", "-aec", "OTHER", "127.0.0.1", str(port.number))
    assert done.returncode != 0
    assert "Called AE Title Not Recognized" in done.stdout + done.stderr
