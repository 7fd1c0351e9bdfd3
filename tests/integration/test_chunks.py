# SPDX-License-Identifier: Apache-2.0
"""Files that a browser sends in chunks, to a store whose gateway dies in between."""

import secrets
from io import BytesIO

from outside import Store, image


def as_bytes(patient_id: str) -> bytes:
    file = BytesIO()
    image(patient_id).save_as(file, enforce_file_format=True)
    return file.getvalue()


def send(store: Store, name: str, content: bytes, start: int, end: int) -> None:
    answer = store.http.post(
        "/instances",
        files={"files[]": (name, content[start:end])},
        headers={
            "X-Requested-With": "XMLHttpRequest",
            "X-File-Name": name,
            "X-File-Size": str(len(content)),
        },
    )
    assert (answer.status_code, answer.content) == (200, b"")


def stored(store: Store, patient_id: str) -> list[bytes]:
    found = store.http.post(
        "/tools/find", json={"Level": "Instance", "Query": {"PatientID": patient_id}}
    ).json()
    return [store.http.get(f"/instances/{identifier}/file").content for identifier in found]


def test_two_files_in_chunks(store: Store) -> None:
    """Each is stored with its last chunk, also when another process got the ones before."""
    one, other = (f"CHUNKS-{secrets.token_hex(4)}" for _ in range(2))
    first, second = as_bytes(one), as_bytes(other)
    send(store, "first.dcm", first, 0, 500)
    send(store, "second.dcm", second, 0, 700)
    store.kill("gateway")
    store.wait_until_ready()
    send(store, "first.dcm", first, 500, 600)
    send(store, "second.dcm", second, 700, len(second))
    assert stored(store, other) == [second]
    assert stored(store, one) == []
    send(store, "first.dcm", first, 600, len(first))
    assert stored(store, one) == [first]
