# SPDX-License-Identifier: Apache-2.0
"""Tools: what concerns the whole store and no resource."""

from collections.abc import Iterable
from datetime import UTC, datetime
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import Response

from pons.dicom.encodings import codec_of, name_of
from pons.dicom.transfer_syntaxes import matching
from pons.errors import BadRequest
from pons.limits.json_text import NotJson, read_json
from pons.messages.ingress import ListSopClasses, SopClasses
from pons_gateway.answers import TEXT_TYPE, Answer, done, json_answer, silent, text_answer
from pons_gateway.backends import Backends
from pons_gateway.bodies import flag_body, text_body
from pons_gateway.conformance import conformance
from pons_gateway.errors import BadJson
from pons_gateway.gathering import MEGABYTE, whole
from pons_gateway.legacy import JSON, TEXT, Group
from pons_gateway.parameters import Text

MAX_SCRIPT = MEGABYTE
MOMENT = "%Y%m%dT%H%M%S"
LEVEL = Text("level", "patient, study, series or instance.")
UID_LEVELS = ("study", "series", "instance")
SYNTAXES = ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1"]

GROUP = Group("Tools", "What concerns the whole store and no resource.")


@GROUP.post(
    "/tools/execute-script",
    "Run a Lua script, in a process of its own and within bounds; what it prints is the answer",
    takes=TEXT,
    body="print(1 + 1)",
    gives=TEXT,
    example="2\n",
)
async def execute_script(request: Request, backends: Backends) -> Response:
    script = await whole(request, MAX_SCRIPT)
    return Answer(await backends.scripts.run(script), 200, TEXT_TYPE)


@GROUP.get(
    "/tools/default-encoding",
    "Encoding of text in files that do not tell theirs",
    gives=TEXT,
    example="Latin1",
)
async def default_encoding(_request: Request, backends: Backends) -> Response:
    return text_answer(name_of(backends.live.now.default_charset))


@GROUP.put(
    "/tools/default-encoding",
    "Change the default encoding, for files that are received from now on",
    takes=TEXT,
    body="Utf8",
    gives=TEXT,
    example="Utf8",
)
async def put_default_encoding(request: Request, backends: Backends) -> Response:
    name = await text_body(request)
    await backends.live.put(default_charset=codec_of(name))
    return text_answer(name)


@GROUP.get(
    "/tools/accepted-transfer-syntaxes",
    "Transfer syntaxes in which instances are received over DICOM",
    example=SYNTAXES,
)
async def transfer_syntaxes(_request: Request, backends: Backends) -> Response:
    return json_answer(list(backends.live.now.accepted_transfer_syntaxes))


@GROUP.put(
    "/tools/accepted-transfer-syntaxes",
    "Change them: an array of UIDs and of patterns with `*` and `?`, or one of them as text",
    takes=JSON,
    body=["1.2.840.10008.1.2", "1.2.840.10008.1.2.?"],
    example=SYNTAXES,
)
async def put_transfer_syntaxes(request: Request, backends: Backends) -> Response:
    accepted = matching(_patterns(await text_body(request)))
    await backends.live.put(accepted_transfer_syntaxes=accepted)
    return json_answer(accepted)


@GROUP.get(
    "/tools/unknown-sop-class-accepted",
    "Whether instances of SOP classes are received that the standard does not list",
    gives=TEXT,
    example="0",
)
async def unknown_sop_classes(_request: Request, backends: Backends) -> Response:
    return text_answer(str(int(backends.live.now.accept_unknown_sop_classes)))


@GROUP.put(
    "/tools/unknown-sop-class-accepted",
    "Change that",
    takes=TEXT,
    body="1",
    gives="",
)
async def put_unknown_sop_classes(request: Request, backends: Backends) -> Response:
    await backends.live.put(accept_unknown_sop_classes=await flag_body(request))
    return done()


@GROUP.get(
    "/tools/accepted-sop-classes",
    "SOP classes of which instances are received over DICOM, unknown ones aside",
    example=["1.2.840.10008.5.1.4.1.1.2"],
)
async def sop_classes(_request: Request, backends: Backends) -> Response:
    listed = await backends.ask("dicom-ingress", ListSopClasses(), SopClasses, within=5)
    return json_answer(listed.uids)


@GROUP.get(
    "/tools/generate-uid",
    "A new identifier: a UID, or for a patient a UUID",
    query=(LEVEL,),
    gives=TEXT,
    example="2.25.329800735698586629295641978511506172918",
)
async def new_uid(request: Request, _backends: Backends) -> Response:
    level = LEVEL.text(request)
    if level == "patient":
        return text_answer(str(uuid4()))
    return text_answer(f"2.25.{uuid4().int}") if level in UID_LEVELS else silent(404)


@GROUP.get("/tools/now", "The time, in UTC", gives=TEXT, example="20250102T030405")
async def now(_request: Request, _backends: Backends) -> Response:
    return text_answer(datetime.now(UTC).strftime(MOMENT))


@GROUP.get(
    "/tools/now-local", "The time where the gateway runs", gives=TEXT, example="20250102T040405"
)
async def now_local(_request: Request, _backends: Backends) -> Response:
    return text_answer(datetime.now().astimezone().strftime(MOMENT))


@GROUP.get(
    "/tools/dicom-conformance",
    "What the DICOM port answers, for people",
    gives=TEXT,
    example="DICOM conformance of Pons",
)
async def dicom_conformance(_request: Request, backends: Backends) -> Response:
    listed = await backends.ask("dicom-ingress", ListSopClasses(), SopClasses, within=5)
    return text_answer(conformance(listed.uids, backends.live.now))


def _patterns(body: str) -> Iterable[str]:
    if not body.startswith(("[", "{", '"')):
        return [body]
    try:
        named = read_json(body)
    except NotJson as error:
        raise BadJson("Cannot parse the JSON body", str(error)) from None
    if not isinstance(named, list):
        raise BadRequest("Expected an array of transfer syntaxes")
    return named
