# SPDX-License-Identifier: Apache-2.0
"""What is loaded when the gateway starts, and what would be only in somebody's first request."""

import subprocess
import sys

FIRST_REQUEST = """
import asyncio, sys
import pons_gateway.service
import httpx
from starlette.responses import StreamingResponse
from pons.http.preload import preload_http

async def answer(reader, writer):
    await reader.readuntil(b"\\r\\n\\r\\n")
    writer.write(b"HTTP/1.1 200 OK\\r\\ncontent-length: 2\\r\\n\\r\\nok")
    await writer.drain()
    writer.close()

async def pieces():
    yield b"a"

async def streamed(scope, receive, send):
    await StreamingResponse(pieces())(scope, receive, send)

async def main():
    await preload_http()
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    transport = httpx.ASGITransport(streamed)
    async with (
        httpx.AsyncClient(trust_env=False) as client,
        httpx.AsyncClient(transport=transport, base_url="http://here") as itself,
    ):
        before = set(sys.modules)
        await client.get(f"http://127.0.0.1:{port}/")
        await itself.get("/")
    print(*sorted(set(sys.modules) - before))
    print("sniffio" in sys.modules)

asyncio.run(main())
"""


def test_the_first_request_loads_nothing() -> None:
    """Neither of a client nor of a stream; and what httpx looks for in each request is there."""
    command = [sys.executable, "-c", FIRST_REQUEST]
    told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert told.stdout == "\nTrue\n"
