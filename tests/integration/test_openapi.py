# SPDX-License-Identifier: Apache-2.0
"""Every documented route with generated requests: none of them makes the store fail."""

from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from pydicom import dcmwrite
from schemathesis.generation import GenerationMode

from outside import Store, image

schemathesis.serializer.alias("application/dicom", "application/octet-stream")

NOT_CALLED = {"/tools/shutdown", "/tools/reset"}
"""They end the store, which is what they are for."""
ENDLESS = {"/changes/stream", "/explorer/api/events"}
"""Answers that go on for as long as the client listens."""
CALLING = {"/tools/dicom-echo"}
"""They call a peer that the request names: where none is, Orthanc answers 500 with this number."""
NETWORK_PROTOCOL = 9
LEVELS = ("patients", "studies", "series", "instances")
WORDS = {"title", "description"}
"""Of a schema, for people."""
EXAMPLES = 5
"""Requests for each operation."""


@pytest.fixture
def described(fresh_store: Callable[..., Store]) -> Store:
    """A store with some images."""
    store = fresh_store("described")
    first = image("GENERATED")
    for ds in (first, image("GENERATED", first.StudyInstanceUID, 2), image("OTHER")):
        file = BytesIO()
        dcmwrite(file, ds, enforce_file_format=True)
        assert store.http.post("/instances", content=file.getvalue()).status_code == 200
    return store


def test_no_generated_request_makes_the_store_fail(described: Store) -> None:
    """Whatever the parameters and bodies, there is an answer, and it blames no bug of ours."""
    schema = schemathesis.openapi.from_url(f"{described.http.base_url}/openapi.json")
    failures: dict[str, str] = {}
    called = 0
    for result in schema.get_all_operations():
        operation = result.ok()
        if operation.path in NOT_CALLED | ENDLESS:
            continue
        called += 1
        known = known_id(described, operation)
        for mode in GenerationMode if can_be_wrong(operation) else [GenerationMode.POSITIVE]:
            failures |= failures_of(operation, mode, known)
    assert called > 50
    assert not failures, "\n".join(f"{call}: {answer}" for call, answer in failures.items())
    assert described.http.get("/system").status_code == 200


def known_id(store: Store, operation: Any) -> str:
    """A resource that the operation can be asked about; none for those that delete one."""
    words = operation.path.strip("/").split("/")
    deletes = operation.method == "delete" and len(words) == 2
    if words[0] not in LEVELS or words[1:2] != ["{id}"] or deletes:
        return ""
    ids: list[str] = store.get(f"/{words[0]}")
    return ids[0]


def can_be_wrong(operation: Any) -> bool:
    """Whether some request contradicts the description. Where all there is to say is text in the
    path, any is right, and the generator would look for a wrong one for a second, in vain."""
    description = operation.definition.raw
    said = description.get("parameters", [])
    all_text = said and all(one["in"] == "path" and is_any_text(one["schema"]) for one in said)
    return "requestBody" in description or not all_text


def is_any_text(schema: dict[str, Any]) -> bool:
    return {word: schema[word] for word in schema.keys() - WORDS} == {"type": "string"}


def failures_of(operation: Any, mode: GenerationMode, known: str) -> dict[str, str]:
    """The requests of one operation that were answered 500, with their answers."""
    found: dict[str, str] = {}

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def call(case: Any) -> None:
        if known and mode is GenerationMode.POSITIVE:
            case.path_parameters["id"] = known
        response = case.call(timeout=60)
        if response.status_code >= 500 and not is_of_a_peer(operation, response):
            found[f"{case.method} {response.request.url}"] = response.text

    # An operation without parameters and body cannot be asked anything wrong.
    with suppress(*([Unsatisfiable] if mode is GenerationMode.NEGATIVE else [])):
        call()
    return found


def is_of_a_peer(operation: Any, response: Any) -> bool:
    """Whether the answer blames a peer that was called."""
    return operation.path in CALLING and response.json()["OrthancStatus"] == NETWORK_PROTOCOL
