# SPDX-License-Identifier: Apache-2.0
"""What services that serve HTTP load when they start, so that no first request waits for it."""

import anyio
import anyio.lowlevel


async def preload_http() -> None:
    """Load what httpx and starlette use of anyio, which loads its parts where they are used."""
    _ = anyio.connect_tcp, anyio.create_memory_object_stream, anyio.create_task_group
    await anyio.lowlevel.checkpoint()  # its half that is for asyncio
