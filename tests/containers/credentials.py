# SPDX-License-Identifier: Apache-2.0
"""Runs inside a store's network, with what its input says of two stores: who is let in where.

Prints JSON: for each door of this store, what came of this store's credentials and of the other's.
"""

import asyncio
import io
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import httpx
import nats
from minio import Minio
from minio.error import MinioException

Credentials = dict[str, str]


async def rest(given: Credentials) -> None:
    async with httpx.AsyncClient(auth=(given["user"], given["password"])) as client:
        (await client.get("http://gateway:8042/system")).raise_for_status()


async def render(given: Credentials) -> None:
    headers = {"authorization": f"Bearer {given['render_token']}"}
    async with httpx.AsyncClient(headers=headers) as client:
        answer = await client.get("http://render:8043/openapi.json")
        assert answer.status_code != 401, "401"


async def broker(given: Credentials) -> None:
    client = await nats.connect(
        "nats://nats:4222",
        user="pons",
        password=given["nats_password"],
        allow_reconnect=False,
        connect_timeout=5,
        error_cb=_silent,
    )
    await client.close()


async def reader(given: Credentials) -> None:
    connection = await asyncpg.connect(given["database_reader_url"], timeout=5)
    await connection.fetchval("SELECT count(*) FROM instances")
    await connection.close()


async def writing_as_reader(given: Credentials) -> None:
    connection = await asyncpg.connect(given["database_reader_url"], timeout=5)
    try:
        await connection.execute("SET default_transaction_read_only = off")
        await connection.execute("DELETE FROM instances")
    finally:
        await connection.close()


async def objects(given: Credentials) -> None:
    keys = given["s3_access_key"], given["s3_secret_key"]
    client = Minio("minio:9000", *keys, secure=False)
    client.put_object("pons", f"tried/{given['store']}", io.BytesIO(b"x"), 1)


async def _silent(_error: Exception) -> None:
    """Being refused is what is tried."""


async def neighbour(given: Credentials) -> None:
    """The other store's PostgreSQL by its address, which is in no network of ours."""
    _reader, writer = await asyncio.wait_for(asyncio.open_connection(given["address"], 5432), 3)
    writer.close()


REFUSALS = (
    OSError,
    AssertionError,
    httpx.HTTPError,
    asyncpg.PostgresError,
    MinioException,
    nats.errors.Error,
)


async def outcome(door: Callable[[Credentials], Awaitable[None]], given: Credentials) -> str:
    try:
        await door(given)
    except REFUSALS as error:
        return f"refused: {type(error).__name__}"
    return "let in"


async def main() -> None:
    own, other = json.load(sys.stdin)
    doors = (rest, render, broker, reader, writing_as_reader, objects, neighbour)
    found: dict[str, Any] = {
        door.__name__: [await outcome(door, given) for given in (own, other)] for door in doors
    }
    json.dump(found, sys.stdout)


asyncio.run(main())
