# SPDX-License-Identifier: Apache-2.0
"""Archives and media as answers: a ZIP that render makes at once, or the job that makes it."""

import httpx
import msgspec
from starlette.responses import Response

from pons.errors import NotFound
from pons.jobs import ArchiveOrder, submit_archive
from pons.runtime.render import render_timeout
from pons_gateway.backends import Backends
from pons_gateway.render.client import Relayed, refusal, send
from pons_gateway.responses.answers import json_answer
from pons_gateway.responses.disposition import content_disposition
from pons_gateway.responses.media_types import ZIP


async def archive_answer(order: ArchiveOrder, backends: Backends) -> Response:
    """What is ordered. Raises `NotFound` for an unknown resource, and what render raises."""
    known = await backends.catalog.known(order.request.resources)
    for resource in order.request.resources:
        if resource not in known:
            raise NotFound("Unknown resource", resource)
    if not order.synchronous:
        job_id = await submit_archive(backends.jobs, order)
        return json_answer({"ID": job_id, "Path": f"/jobs/{job_id}"})
    return await _relay(order, backends)


async def _relay(order: ArchiveOrder, backends: Backends) -> Response:
    """The ZIP as render sends it; a failure in its midst breaks the connection."""
    client = backends.archives
    asked = client.build_request(
        "POST", "/archive", content=msgspec.json.encode(order.request), timeout=_timeout(backends)
    )
    answer = await send(client, asked)
    if answer.status_code != 200:
        raise await refusal(answer)
    headers = {
        "content-disposition": content_disposition(order.filename),
        "x-content-type-options": "nosniff",
    }
    if "content-length" in answer.headers:
        headers["content-length"] = answer.headers["content-length"]
    return Relayed(answer, media_type=ZIP, headers=headers)


def _timeout(backends: Backends) -> httpx.Timeout:
    """A ZIP that is made before it is sent takes its time; one that is streamed begins at once."""
    settings = backends.settings
    silence = settings.render.timeout + 5 if settings.archive.stream else None
    return render_timeout(silence)
