# SPDX-License-Identifier: Apache-2.0
"""What comes in by `POST /instances`: a file, a gzip of one, a ZIP of many, a form, or chunks."""

import re
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Any

import structlog
from starlette.requests import Request

from pons.errors import InvalidInstance, PonsError
from pons.ingest import Stored
from pons.limits import MEGABYTE
from pons.messages.events import Origin, OriginKind
from pons.objects import Body
from pons.objects.bodies import beginning, freed, size_of
from pons_gateway.backends import Backends
from pons_gateway.bodies.gathering import gathered, gunzipped, limited
from pons_gateway.operation import metrics
from pons_gateway.uploads.chunks import chunked_file, take_chunk
from pons_gateway.uploads.multipart import boundary_of, form_parts
from pons_gateway.uploads.zip_files import is_zip, zip_files
from pons_gateway.uploads.zip_refusal import zip_refusal

log = structlog.get_logger()

BEGINNING = 512
"""Bytes in which a file says what it is: preamble, prefix, and the SOP class behind them."""
MEDIA_STORAGE_DIRECTORY = re.compile(
    rb"\x02\x00\x02\x00UI..1\.2\.840\.10008\.1\.3\.10(?![.\d])", re.DOTALL
)
"""The SOP class of a DICOMDIR in the meta header, padded or not."""


async def store_upload(request: Request, backends: Backends) -> Any:
    """Store what the request carries; its answer: an object, an array for a ZIP, None for a form.

    Raises `InvalidInstance` for what is no DICOM file, except inside a ZIP, where such files are
    passed over; and what `zip_refusal` gives for a ZIP of which some file could not be stored.
    """
    http = backends.settings.http
    received = Received()
    chunks = received.count(limited(request, http.max_body_mb * MEGABYTE))
    if request.headers.get("content-encoding", "").lower() == "gzip":
        chunks = gunzipped(
            chunks,
            http.max_zip_entry_mb * MEGABYTE,
            backends.settings.ingest.unpack_limit,
        )
    origin = origin_of(request, "RestApi")
    boundary = boundary_of(request.headers.get("content-type", ""))
    if boundary is None:
        return await store_chunks(chunks, origin, backends, received)
    limit = http.max_body_mb * MEGABYTE
    file = chunked_file(request, limit)
    store = partial(store_body, origin=origin, backends=backends, received=received)
    async with aclosing(form_parts(chunks, boundary, backends.objects, limit)) as parts:
        async for part in parts:
            if file is None:
                await store(part)
            else:
                await take_chunk(file, part, backends.partial_uploads, backends.objects, store)
    return None


async def store_chunks(
    chunks: AsyncIterator[bytes], origin: Origin, backends: Backends, received: "Received"
) -> Any:
    """Store one file or ZIP as it arrives; answer and errors as of `store_upload`."""
    limit = backends.settings.http.max_body_mb * MEGABYTE
    body = await gathered(chunks, backends.objects, limit)
    return await store_body(body, origin, backends, received)


@dataclass
class Received:
    """How much a client has sent: what was packed twice is measured by that."""

    size: int = 0

    async def count(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The chunks, counted as they pass."""
        async for chunk in chunks:
            self.size += len(chunk)
            yield chunk


def origin_of(request: Request, kind: OriginKind) -> Origin:
    """Where what a request carries comes from."""
    if request.scope.get("lua"):
        return Origin("Lua")
    client = request.scope["client"]
    return Origin(kind, remote_ip=client[0] if client else "", username=request.scope["user"])


async def store_body(body: Body, origin: Origin, backends: Backends, received: Received) -> Any:
    """Store one file or ZIP, which is freed; answer and errors as of `store_upload`."""
    with freed(body):
        if not size_of(body):
            raise InvalidInstance("Received an empty DICOM file")
        if is_zip(body):
            return await _store_zip(body, origin, backends, received.size)
        return await store_file(body, origin, backends)


async def _store_zip(
    body: Body, origin: Origin, backends: Backends, received: int
) -> list[dict[str, str]]:
    limit = backends.settings.http.max_zip_entry_mb * MEGABYTE
    unpacking = backends.settings.ingest.unpack_limit
    stored: list[dict[str, str]] = []
    refused: list[tuple[str, PonsError]] = []
    passed_over = 0
    files = zip_files(body, backends.objects, limit, unpacking, received)
    try:
        async with aclosing(files):
            async for name, file in files:
                if isinstance(file, PonsError):
                    refused.append((name, file))
                    continue
                is_image = _looks_like_an_instance(file)
                try:
                    with freed(file):
                        stored.append(await store_file(file, origin, backends))
                except InvalidInstance as error:
                    passed_over += not is_image
                    if is_image:
                        refused.append((name, error))
                except PonsError as error:
                    refused.append((name, error))
                    break  # the store is full or away: the others would not fare better
    except PonsError as error:
        refused.append(("", error))
    log.info("zip stored", instances=len(stored), passed_over=passed_over, refused=len(refused))
    if refused:
        raise zip_refusal(stored, refused)
    return stored


def _looks_like_an_instance(file: Body) -> bool:
    """Whether a file says that it is DICOM; a DICOMDIR is none of its instances (PS3.10 8.6)."""
    start = beginning(file, BEGINNING)
    return start[128:132] == b"DICM" and not MEDIA_STORAGE_DIRECTORY.search(start)


async def store_file(file: Body, origin: Origin, backends: Backends) -> dict[str, str]:
    """Store one DICOM file; what is told of it. A spool is consumed."""
    started, size = perf_counter(), size_of(file)
    try:
        stored = await backends.ingest.store(file, origin)
    except PonsError as error:
        metrics.INSTANCES.labels(type(error).__name__).inc()
        raise
    metrics.INSTANCES.labels(stored.status).inc()
    metrics.BYTES.inc(size)
    seconds = perf_counter() - started
    metrics.SLOWEST_STORE.add(seconds)
    log.info(
        "instance stored",
        instance=stored.ids.instance,
        outcome=stored.status,
        bytes=size,
        source=origin.remote_ip,
        ms=round(seconds * 1000, 1),
    )
    return _told(stored)


def _told(stored: Stored) -> dict[str, str]:
    ids = stored.ids
    return {
        "ID": ids.instance,
        "ParentPatient": ids.patient,
        "ParentSeries": ids.series,
        "ParentStudy": ids.study,
        "Path": f"/instances/{ids.instance}",
        "Status": stored.status,
    }
