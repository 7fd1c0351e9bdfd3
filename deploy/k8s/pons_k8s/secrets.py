# SPDX-License-Identifier: Apache-2.0
"""The Secrets of one store: random, made once, and kept whatever is applied later.

Those whose keys are variables are read by the services; the others by the servers beside them.
"""

import json
import secrets
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pons_k8s.refusal import Refusal

PONS = Path(__file__).resolve().parents[3] / "pons"
USER = "admin"
BASIC = "kubernetes.io/basic-auth"
"""The type of Secret that CloudNativePG asks for."""

Hash = Callable[[str, str], str]


@dataclass(frozen=True)
class Bucket:
    """An S3 store that is there already."""

    endpoint: str
    bucket: str
    access_key: str
    secret_key: str
    region: str = ""
    secure: bool = True


def make_secrets(bucket: Bucket | None, hash_password: Hash) -> dict[str, dict[str, Any]]:
    """Every Secret by its name: `stringData`, and the `type` where that matters.

    Without a bucket the store has PostgreSQL, NATS and MinIO of its own; with one, the database
    and NATS of the production overlay.
    """
    owner, reader, nats, admin = _word(), _word(), _word(), _word()
    database = "postgresql" if bucket is None else "database-rw"
    found: dict[str, dict[str, Any]] = {
        "pons-database-owner": _told(
            PONS_DATABASE_URL=f"postgresql://pons:{owner}@{database}:5432/pons"
        ),
        "pons-database": _told(
            PONS_DATABASE_READER_URL=f"postgresql://pons_reader:{reader}@{database}:5432/pons"
        ),
        "pons-nats": _told(PONS_NATS_URL=f"nats://pons:{nats}@nats:4222"),
        "nats": _told(NATS_PASSWORD=nats, ROUTE_PASSWORD=_word()),
        "pons-tokens": _told(PONS_RENDER_TOKEN=_word(), PONS_LUA_TOKEN=_word()),
        "pons-admin": _told(username=USER, password=admin),
        "pons-users": _told(PONS_HTTP_USERS=json.dumps({USER: hash_password(USER, admin)})),
    }
    if bucket is None:
        key, secret = _word(), _word()
        found["postgresql"] = _told(
            POSTGRES_PASSWORD=_word(), OWNER_PASSWORD=owner, READER_PASSWORD=reader
        )
        found["minio"] = _told(MINIO_ROOT_USER=key, MINIO_ROOT_PASSWORD=secret)
        bucket = Bucket("minio:9000", "pons", key, secret, secure=False)
    else:
        found["database-owner"] = {"type": BASIC} | _told(username="pons", password=owner)
        found["database-reader"] = {"type": BASIC} | _told(username="pons_reader", password=reader)
        found["database-backups"] = _told(
            ACCESS_KEY_ID=bucket.access_key, ACCESS_SECRET_KEY=bucket.secret_key
        )
    found["pons-objects"] = _told(
        PONS_STORAGE_S3_ENDPOINT=bucket.endpoint,
        PONS_STORAGE_S3_BUCKET=bucket.bucket,
        PONS_STORAGE_S3_ACCESS_KEY=bucket.access_key,
        PONS_STORAGE_S3_SECRET_KEY=bucket.secret_key,
        PONS_STORAGE_S3_REGION=bucket.region,
        PONS_STORAGE_S3_SECURE=str(bucket.secure).lower(),
    )
    return found


def password_hash(user: str, password: str) -> str:
    """The argon2 hash, which `./pons password` makes: Python alone has none."""
    done = subprocess.run(  # noqa: S603 our own program
        [PONS, "password"],
        input=f"{user}\n{password}\n",
        capture_output=True,
        text=True,
        check=False,
    )
    line = done.stdout.strip().rpartition("\n")[2]
    if done.returncode or " = " not in line:
        raise Refusal(f"./pons password made no hash: {done.stderr.strip() or line}")
    return str(json.loads(line.partition(" = ")[2]))


def _told(**data: str) -> dict[str, Any]:
    return {"stringData": data}


def _word() -> str:
    """A secret that needs no quoting anywhere, and that NATS takes for no number."""
    return "p" + secrets.token_hex(24)
