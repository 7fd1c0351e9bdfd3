# SPDX-License-Identifier: Apache-2.0
"""The object store: DICOM files and large headers, in a folder or in an S3 bucket."""

from functools import partial

from pons.objects.bodies import PIECE, Body
from pons.objects.file import FileObjects
from pons.objects.free_space import FreeSpace
from pons.objects.keys import (
    SHARDS,
    Kind,
    key_folder,
    key_from_path,
    key_path,
    key_period,
    key_time,
    kind_of,
    new_key,
    period_keys,
)
from pons.objects.notes import Notes
from pons.objects.protocol import SPOOL_ABOVE, ObjectEntry, Objects
from pons.objects.spool import Spool
from pons.settings import StorageSettings

__all__ = [
    "PIECE",
    "SHARDS",
    "SPOOL_ABOVE",
    "Body",
    "FileObjects",
    "Kind",
    "Notes",
    "ObjectEntry",
    "Objects",
    "Spool",
    "key_folder",
    "key_from_path",
    "key_path",
    "key_period",
    "key_time",
    "kind_of",
    "new_key",
    "open_objects",
    "period_keys",
]


def open_objects(storage: StorageSettings, store: str, *, room: FreeSpace | None = None) -> Objects:
    """The object store that `storage` configures, for the store named `store`.

    `room`: see `FileObjects`; without effect on S3.
    """
    if storage.kind == "s3":
        # minio, urllib3 and what they import cost 11 MB: only where they are used.
        from pons.objects.s3 import S3Objects
        from pons.objects.s3_bucket import PROMPT, S3Bucket
        from pons.objects.s3_client import connect

        client = partial(
            connect,
            storage.s3_endpoint,
            storage.s3_access_key,
            storage.s3_secret_key,
            secure=storage.s3_secure,
            region=storage.s3_region,
            timeout=storage.s3_timeout,
            ca_file=storage.s3_ca,
        )
        bucket = S3Bucket(
            client(patience=storage.s3_patience),
            storage.s3_bucket,
            storage.s3_patience,
            # Whoever asks whether it is ready wants to know at once.
            checking=client(patience=min(PROMPT, storage.s3_patience), connections=1),
        )
        return S3Objects(bucket, store, storage.path)
    if storage.path is None:
        raise ValueError("storage.kind = 'file' needs storage.path")
    return FileObjects(storage.path, store, fsync=storage.fsync, room=room)
