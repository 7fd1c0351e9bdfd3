# SPDX-License-Identifier: Apache-2.0
"""Copies of stored files on the server."""

import asyncio
import shutil
from pathlib import Path

from pons.catalog import StoredObject
from pons.errors import BadRequest
from pons.objects.stored_file import local_file
from pons_gateway.backends import Backends


async def copy_file(stored: StoredObject, path: Path, backends: Backends) -> None:
    """Write the DICOM file to an absolute path. Raises `BadRequest` where that cannot be."""
    if not path.is_absolute() or "\0" in str(path):
        raise BadRequest("The body is the absolute path of a file to write")
    try:
        async with local_file(backends.objects, stored) as source:
            await asyncio.to_thread(shutil.copyfile, source, path)
    except OSError as error:
        raise BadRequest(f"{path} cannot be written", error.strerror or "") from error
