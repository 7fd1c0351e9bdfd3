# SPDX-License-Identifier: Apache-2.0
"""A received file made right before it is stored, so that all who open it read it alike.

The bytes of its data set stay as they are. Ordinary files do not come here.
"""

import asyncio

import structlog

from pons.errors import InvalidInstance
from pons.header import Correction
from pons.header.correct import corrected_meta, kept_ranges
from pons.objects import PIECE, Body, Objects, Spool
from pons.objects.bodies import opened

log = structlog.get_logger()


async def corrected(
    objects: Objects, body: Body, correction: Correction, sop_instance_uid: str
) -> Body:
    """The file with the correction that it needs; of a spool a new one, which is the caller's.

    Raises `InvalidInstance` for a file that cannot be corrected.
    """
    if correction.impossible:
        raise InvalidInstance(
            f"The data set does not fit transfer syntax {correction.transfer_syntax}",
            f"{correction.impossible}; send it as its transfer syntax says",
        )
    log.warning(
        "file corrected",
        sop_instance_uid=sop_instance_uid,
        transfer_syntax=correction.transfer_syntax,
        dropped_bytes=sum(end - start for start, end in correction.misplaced),
    )
    if isinstance(body, Spool):
        return await asyncio.to_thread(_correct_spool, objects, body, correction)
    return _correct_bytes(body, correction)


def _correct_bytes(body: bytes | bytearray | memoryview, correction: Correction) -> bytes:
    content = memoryview(body)
    beginning = bytes(content[: correction.meta_end])
    kept = [content[start:end] for start, end in kept_ranges(correction, len(content))]
    return b"".join([corrected_meta(beginning, correction.transfer_syntax), *kept])


def _correct_spool(objects: Objects, body: Spool, correction: Correction) -> Spool:
    made = objects.spool()
    try:
        with opened(body) as file:
            beginning = file.read(correction.meta_end)
            made.write(corrected_meta(beginning, correction.transfer_syntax))
            for start, end in kept_ranges(correction, body.size):
                file.seek(start)
                while start < end and (piece := file.read(min(PIECE, end - start))):
                    made.write(piece)
                    start += len(piece)
    except BaseException:
        made.close()
        raise
    return made
