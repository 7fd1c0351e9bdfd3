# SPDX-License-Identifier: Apache-2.0
"""`POST /archive`: a ZIP of what an `ArchiveRequest` names."""

import structlog
from fastapi import APIRouter, Response

from pons.errors import PonsError, log_text
from pons_render.archive.sending import send_archive
from pons_render.dependencies import ArchiveRequestDep, ResourcesDep
from pons_render.error_handlers import told

log = structlog.get_logger()

LONGEST_REQUEST = 16 << 20
"""Bytes of a request, which names resources; as many as a client may send to the gateway."""
REFUSED = 409
"""The status of every failure that is known before the answer begins; its body says which."""

router = APIRouter(tags=["Archives"])


@router.post("/archive", summary="Instances in a ZIP", max_body_size=LONGEST_REQUEST)
async def make_archive(asked: ArchiveRequestDep, resources: ResourcesDep) -> Response:
    """Sent while it is made, or made before, by setting."""
    try:
        return await send_archive(
            resources.archives, resources.objects, asked, stream=resources.stream
        )
    except PonsError as error:
        log.info("archive refused", reason=log_text(error))
        return told(error, REFUSED)
