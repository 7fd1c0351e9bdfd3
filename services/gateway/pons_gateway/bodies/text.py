# SPDX-License-Identifier: Apache-2.0
"""Bodies that are single values as text, as Orthanc's settings and flags are."""

from typing import Annotated, Any

from fastapi import Depends, Request

from pons.errors import BadRequest
from pons.limits.json_text import NotJson, read_json
from pons_gateway.errors import BadJson, BadParameter
from pons_gateway.query import FLAGS

LONGEST_SHOWN = 40
"""Characters of a wrong value that its error tells."""


async def text_body(request: Request) -> str:
    """The body's text, without spaces around it. Raises `BadJson` for what is no UTF-8."""
    try:
        return (await request.body()).decode()
    except UnicodeDecodeError as error:
        raise BadJson("The body is no UTF-8 text", f"from byte {error.start} on") from None


async def flag_body(request: Request) -> bool:
    """The body as a boolean: 0, 1, true or false, as text. Raises `BadParameter`."""
    word = (await request.body()).decode("utf-8", "replace").lower()
    if not word or word not in FLAGS:
        raise BadParameter(f"The body is 0, 1, true or false, not {word[:LONGEST_SHOWN]!r}")
    return FLAGS[word]


async def words_body(text: Annotated[str, Depends(text_body)]) -> list[Any]:
    """The body as a list: a JSON array, or one word as text. Raises `BadJson`, `BadRequest`.

    What is in the array is checked by whoever knows the words.
    """
    if not text.startswith(("[", "{", '"')):
        return [text]
    try:
        words = read_json(text)
    except NotJson as error:
        raise BadJson("Cannot parse the JSON body", str(error)) from None
    if not isinstance(words, list):
        raise BadRequest("Expected a JSON array, or one word as text")
    return words


TextBody = Annotated[str, Depends(text_body)]
"""The body's text, without spaces around it."""
FlagBody = Annotated[bool, Depends(flag_body)]
"""The body as a boolean: 0, 1, true or false, as text."""
WordsBody = Annotated[list[Any], Depends(words_body)]
"""The body as a list: a JSON array, or one word as text."""
