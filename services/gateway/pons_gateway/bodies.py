# SPDX-License-Identifier: Apache-2.0
"""Bodies that are no files: JSON, and single values as text."""

from typing import Any, TypeVar

from starlette.requests import Request

from pons.dicom.levels import LEVELS, Level
from pons.limits import json_text
from pons.limits.json_text import NotJson
from pons_gateway.errors import BadJson
from pons_gateway.gathering import MEGABYTE, whole
from pons_gateway.parameters import FLAGS, BadParameter

Body = TypeVar("Body")

MAX_BODY = 16 * MEGABYTE
LEVEL_WORDS: dict[str, Level] = {
    word: level for level in LEVELS for word in (level.lower(), f"{level.lower()}s")
} | {"studies": "Study", "series": "Series"}


async def json_body(request: Request, otherwise: Any = None) -> Any:
    """The body as JSON; `otherwise` when it is empty, if that is given. Raises `BadJson`."""
    body = await whole(request, MAX_BODY)
    if not body.strip() and otherwise is not None:
        return otherwise
    return _decoded(body, Any)


async def read_json(request: Request, kind: type[Body]) -> Body:
    """The body, which must be JSON of this type. Raises `BadJson`, `TooLarge`."""
    decoded: Body = _decoded(await whole(request, MAX_BODY), kind)
    return decoded


async def object_body(request: Request) -> dict[str, Any]:
    """The body as a JSON object, empty for an empty body. Raises `BadJson`."""
    value = await json_body(request, otherwise={})
    if not isinstance(value, dict):
        raise BadJson("Expected a JSON object")
    return value


def flag_of(body: dict[str, Any], name: str) -> bool:
    """A boolean field of an object, false where it is missing. Raises `BadJson`."""
    value = body.get(name, False)
    if not isinstance(value, bool):
        raise BadJson(f"{name} is true or false, not {value!r}")
    return value


async def text_body(request: Request) -> str:
    """The body's text, without spaces around it. Raises `BadJson` for what is no UTF-8."""
    try:
        return (await whole(request, MAX_BODY)).decode().strip()
    except UnicodeDecodeError as error:
        raise BadJson("The body is no UTF-8 text", f"from byte {error.start} on") from None


async def flag_body(request: Request) -> bool:
    """The body as a boolean: 0, 1, true or false, as text. Raises `BadParameter`."""
    word = (await whole(request, MAX_BODY)).strip().decode("utf-8", "replace").lower()
    if not word or word not in FLAGS:
        raise BadParameter(f"The body is 0, 1, true or false, not {word[:40]!r}")
    return FLAGS[word]


def _decoded(body: bytes, kind: Any) -> Any:
    try:
        return json_text.read_json(body, kind)
    except NotJson as error:
        raise BadJson("The body is not the JSON that is expected", str(error)) from None


def level_of(word: Any) -> Level:
    """A level by its name in any case, singular or plural. Raises `BadJson`."""
    level = LEVEL_WORDS.get(word.lower()) if isinstance(word, str) else None
    if level is None:
        raise BadJson(f"{word!r} is none of the levels {', '.join(LEVELS)}")
    return level
