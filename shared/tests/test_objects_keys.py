# SPDX-License-Identifier: Apache-2.0
"""Object keys and where they lead."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID

import pytest

from pons.objects import Kind, key_from_path, key_path, key_time, kind_of, new_key
from pons.objects.keys import check_shard, check_store_name

KEY = UUID("017f22e2-79b0-7cc3-98c4-dc0c0c07398f")


def test_time_of_the_example_in_the_standard() -> None:
    """The time of the UUIDv7 in RFC 9562 A.6 is read as the standard says."""
    assert key_time(KEY) == datetime(2022, 2, 22, 19, 22, 22, tzinfo=UTC)


def test_new_key_is_a_uuid_version_7_of_now() -> None:
    """A new key has version 7, the RFC's variant, and the present time."""
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    key = new_key()
    assert key.version == 7
    assert key.variant == "specified in RFC 4122"
    assert before <= key_time(key) <= datetime.now(UTC)


def test_a_key_tells_who_knows_of_its_object() -> None:
    """Thousands of keys, and each tells its kind."""
    for kind in Kind:
        assert {kind_of(new_key(kind)) for _ in range(1000)} == {kind}


def test_kinds_never_meet_by_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    """What only a row refers to never looks as if it may go, whatever its random bits are."""
    monkeypatch.setattr("os.urandom", lambda count: (0x7E3A15 << 2).to_bytes(count, "big"))
    assert [kind_of(new_key(kind)) for kind in Kind] == list(Kind)


def test_kinds_of_earlier_keys() -> None:
    """Keys that earlier versions made tell the same."""
    tails = {
        "a15e7e3a14": Kind.ANNOUNCED,
        "a15e7e3a15": Kind.TEMPORARY,
        "a15e000001": Kind.REFERRED,
    }
    for tail, kind in tails.items():
        assert kind_of(UUID(f"017f22e2-79b0-7cc3-98c4-dc{tail}")) is kind


def test_keys_of_one_process_ascend() -> None:
    """A hundred thousand keys in a row ascend, many of them from within one clock tick."""
    keys = [new_key() for _ in range(100_000)]
    assert all(earlier < later for earlier, later in pairwise(keys))


def test_keys_ascend_when_the_clock_does_not() -> None:
    """A clock that stands still or steps back a minute does not make keys descend."""
    earlier = new_key()
    step_back = time.time_ns() - 60_000_000_000
    keys = [earlier, *(new_key(clock=lambda: step_back) for _ in range(5_000)), new_key()]
    assert all(earlier < later for earlier, later in pairwise(keys))


def test_keys_of_threads_are_distinct() -> None:
    """Threads that make keys at once never get the same stamp."""
    with ThreadPoolExecutor(8) as pool:
        batches = list(pool.map(lambda _: [new_key() for _ in range(5_000)], range(8)))
    stamps = {key.int >> 64 for batch in batches for key in batch}
    assert len(stamps) == 40_000


def test_keys_stay_close_to_the_clock() -> None:
    """Making keys as fast as possible does not run away from the clock."""
    for _ in range(50_000):
        key = new_key()
    assert key_time(key).timestamp() - time.time() < 0.005


def test_a_study_fills_one_folder() -> None:
    """Keys made within a second lie in one folder, or in two when its time ends meanwhile."""
    folders = {key_path("main", new_key()).rsplit("/", 1)[0] for _ in range(10_000)}
    assert len(folders) <= 2


def test_folders_fill_evenly() -> None:
    """Twelve days of steady work come to every folder once."""
    start, period = 1_700_000_000_000, 1 << 14
    keys = (UUID(int=(start + number * period) << 80 | 7 << 76) for number in range(65_536))
    folders = Counter(key_path("main", key).rsplit("/", 1)[0] for key in keys)
    assert len(folders) == 65_536


def test_time_of_another_uuid_is_refused() -> None:
    """A random UUID has no time."""
    with pytest.raises(ValueError, match="not a UUIDv7"):
        key_time(UUID("919108f7-52d1-4320-9bac-f847db4148a8"))


def test_path_of_a_key() -> None:
    """An object lies under its store and two folders that follow from its key's time."""
    assert key_path("main", KEY) == "main/8b/89/017f22e2-79b0-7cc3-98c4-dc0c0c07398f"


def test_key_of_a_path() -> None:
    """The path of an object gives its key back."""
    assert key_from_path("main", "main/8b/89/017f22e2-79b0-7cc3-98c4-dc0c0c07398f") == KEY


@pytest.mark.parametrize(
    "path",
    [
        "other/8b/89/017f22e2-79b0-7cc3-98c4-dc0c0c07398f",
        "main/8a/89/017f22e2-79b0-7cc3-98c4-dc0c0c07398f",
        "main/8b/89/017F22E2-79B0-7CC3-98C4-DC0C0C07398F",
        "main/8b/89/{017f22e279b07cc398c4dc0c0c07398f}",
        "main/a8/48/919108f7-52d1-4320-9bac-f847db4148a8",
        "main/8b/89/notes.txt",
        "",
    ],
)
def test_path_of_something_else_has_no_key(path: str) -> None:
    """Other stores' objects, misplaced files and other names are not objects of the store."""
    assert key_from_path("main", path) is None


@pytest.mark.parametrize("store", ["", "..", "a/b", "a\\b", "a\0", "Main", "main\n"])
def test_store_name_cannot_leave_its_folder(store: str) -> None:
    """A store's name cannot lead out of the folder of the stores."""
    with pytest.raises(ValueError, match="store name"):
        check_store_name(store)


@pytest.mark.parametrize("shard", ["", "0", "0A", "..", "100", "g0"])
def test_shard_is_two_hexadecimal_digits(shard: str) -> None:
    """A shard cannot lead to another folder."""
    with pytest.raises(ValueError, match="shard"):
        check_shard(shard)
