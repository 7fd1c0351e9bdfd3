# SPDX-License-Identifier: Apache-2.0
"""Tools: what concerns the whole store and no resource."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import uuid4

from fastapi import Query, Request, Response

from pons.dicom.encodings import codec_of, name_of
from pons.dicom.transfer_syntaxes import matching
from pons.limits import MEGABYTE
from pons.messages.ingress import ListSopClasses, SopClasses
from pons_gateway.bodies.gathering import whole
from pons_gateway.bodies.text import FlagBody, TextBody, WordsBody
from pons_gateway.dependencies import BackendsDep
from pons_gateway.operation.conformance import conformance
from pons_gateway.responses.answers import TEXT_TYPE, Answer, done, json_answer, silent, text_answer
from pons_gateway.responses.media_types import NO_BODY, gives_text, takes_text, takes_words
from pons_gateway.routing import Router

MAX_SCRIPT = MEGABYTE
MOMENT = "%Y%m%dT%H%M%S"
UID_LEVELS = ("study", "series", "instance")

router = Router("Tools", "What concerns the whole store and no resource.")


@router.post(
    "/tools/execute-script",
    summary="Run a Lua script, in a process of its own and within bounds",
    openapi_extra=takes_text("The script.", "print(1 + 1)"),
    **gives_text("2\n"),
)
async def execute_script(request: Request, backends: BackendsDep) -> Response:
    """What it prints is the answer. Raises Forbidden where `lua.execute` is off."""
    script = await whole(request, MAX_SCRIPT)
    return Answer(await backends.scripts.run(script), 200, TEXT_TYPE)


@router.get(
    "/tools/default-encoding",
    summary="Encoding of text in files that do not tell theirs",
    **gives_text("Latin1"),
)
async def default_encoding(backends: BackendsDep) -> Response:
    """By Orthanc's name for it."""
    return text_answer(name_of(backends.live.now.default_charset))


@router.put(
    "/tools/default-encoding",
    summary="Change the default encoding, for files that are received from now on",
    openapi_extra=takes_text("Orthanc's name for the encoding.", "Utf8"),
    **gives_text("Utf8"),
)
async def put_default_encoding(name: TextBody, backends: BackendsDep) -> Response:
    """Raises BadRequest for an unknown encoding."""
    await backends.live.put(default_charset=codec_of(name))
    return text_answer(name)


@router.get(
    "/tools/accepted-transfer-syntaxes",
    summary="Transfer syntaxes in which instances are received over DICOM",
    response_model=list[str],
)
async def transfer_syntaxes(backends: BackendsDep) -> Response:
    """UIDs, sorted."""
    return json_answer(list(backends.live.now.accepted_transfer_syntaxes))


@router.put(
    "/tools/accepted-transfer-syntaxes",
    summary="Change the transfer syntaxes in which instances are received",
    openapi_extra=takes_words(
        "An array of UIDs and of patterns with `*` and `?`, or one of them as text.",
        ["1.2.840.10008.1.2", "1.2.840.10008.1.2.?"],
    ),
    response_model=list[str],
)
async def put_transfer_syntaxes(patterns: WordsBody, backends: BackendsDep) -> Response:
    """All that are accepted then. Raises BadRequest for what is neither pattern nor syntax."""
    accepted = matching(patterns)
    await backends.live.put(accepted_transfer_syntaxes=accepted)
    return json_answer(accepted)


@router.get(
    "/tools/unknown-sop-class-accepted",
    summary="Whether instances of SOP classes are received that the standard does not list",
    **gives_text("0"),
)
async def unknown_sop_classes(backends: BackendsDep) -> Response:
    """1 or 0."""
    return text_answer(str(int(backends.live.now.accept_unknown_sop_classes)))


@router.put(
    "/tools/unknown-sop-class-accepted",
    summary="Change whether instances of unknown SOP classes are received",
    openapi_extra=takes_text("1 or true, 0 or false.", "1"),
    **NO_BODY,
)
async def put_unknown_sop_classes(flag: FlagBody, backends: BackendsDep) -> Response:
    """It holds for associations from now on."""
    await backends.live.put(accept_unknown_sop_classes=flag)
    return done()


@router.get(
    "/tools/accepted-sop-classes",
    summary="SOP classes of which instances are received over DICOM, unknown ones aside",
    response_model=list[str],
)
async def sop_classes(backends: BackendsDep) -> Response:
    """UIDs. Raises Unavailable while the DICOM port is down."""
    listed = await backends.ask("dicom-ingress", ListSopClasses(), SopClasses, within=5)
    return json_answer(listed.uids)


@router.get(
    "/tools/generate-uid",
    summary="A new identifier: a UID, or for a patient a UUID",
    **gives_text("2.25.329800735698586629295641978511506172918"),
)
async def new_uid(
    level: Annotated[str, Query(description="patient, study, series or instance.")] = "",
) -> Response:
    """An empty 404 for another level, or none."""
    if level == "patient":
        return text_answer(str(uuid4()))
    return text_answer(f"2.25.{uuid4().int}") if level in UID_LEVELS else silent(404)


@router.get(
    "/tools/now",
    summary="The time, in UTC",
    **gives_text("20250102T030405"),
)
async def now() -> Response:
    """To the second."""
    return text_answer(datetime.now(UTC).strftime(MOMENT))


@router.get(
    "/tools/now-local",
    summary="The time where the gateway runs",
    **gives_text("20250102T040405"),
)
async def now_local() -> Response:
    """To the second."""
    return text_answer(datetime.now().astimezone().strftime(MOMENT))


@router.get(
    "/tools/dicom-conformance",
    summary="What the DICOM port answers, for people",
    **gives_text("DICOM conformance of Pons"),
)
async def dicom_conformance(backends: BackendsDep) -> Response:
    """Raises Unavailable while the DICOM port is down."""
    listed = await backends.ask("dicom-ingress", ListSopClasses(), SopClasses, within=5)
    return text_answer(conformance(listed.uids, backends.live.now))
