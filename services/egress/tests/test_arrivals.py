# SPDX-License-Identifier: Apache-2.0
"""The folder of what is being received: who uses it, and what is left in it."""

import os
import tempfile
import time
from pathlib import Path

from pynetdicom import _config

from pons_egress.scu.arrivals import Arrivals


def test_the_last_one_cleans_up(tmp_path: Path) -> None:
    """What a broken association left goes when nothing is received any more, with the settings."""
    arrivals, before = Arrivals(tmp_path), tempfile.tempdir
    with arrivals.receiving():
        with arrivals.receiving():
            assert _config.STORE_RECV_CHUNKED_DATASET
            with tempfile.NamedTemporaryFile(delete=False) as left:
                pass
            assert Path(left.name).parent.parent == tmp_path
        assert Path(left.name).exists()
    assert list(tmp_path.iterdir()) == []
    assert (tempfile.tempdir, _config.STORE_RECV_CHUNKED_DATASET) == (before, False)


def test_what_crashes_leave(tmp_path: Path) -> None:
    """Folders to which nobody wrote for an hour are removed, others are not."""
    hours_ago = time.time() - 7200
    for name, written in (("c-get-old", hours_ago), ("c-get-new", time.time())):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file.dcm").touch()
        os.utime(tmp_path / name / "file.dcm", (written, written))
        os.utime(tmp_path / name, (hours_ago, hours_ago))
    (tmp_path / "spool.part").touch()
    Arrivals(tmp_path)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["c-get-new", "spool.part"]
