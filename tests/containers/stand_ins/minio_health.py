# SPDX-License-Identifier: Apache-2.0
"""`minio_health.py PORT BEHIND`: MinIO's health, wherever the S3 server behind has begun to listen.

Every connection that asks for something else is handed on to that server.
"""

import asyncio
import sys

PORT, BEHIND = map(int, sys.argv[1:])
PIECE = 1 << 18


async def hand_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(PIECE):
        writer.write(piece)
        await writer.drain()
    writer.write_eof()


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        first = await reader.read(PIECE)
        upstream, downstream = await asyncio.open_connection("127.0.0.1", BEHIND)
        try:
            if first.startswith(b"GET /minio/health/"):
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                await writer.drain()
            else:
                downstream.write(first)
                async with asyncio.TaskGroup() as both_ways:
                    both_ways.create_task(hand_on(reader, downstream))
                    both_ways.create_task(hand_on(upstream, writer))
        finally:
            downstream.close()
    except* OSError:
        pass  # one end has gone, and so do both; who asks for the health takes that as no
    finally:
        writer.close()


async def main() -> None:
    server = await asyncio.start_server(serve, "0.0.0.0", PORT)
    await server.serve_forever()


asyncio.run(main())
