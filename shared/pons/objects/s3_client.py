# SPDX-License-Identifier: Apache-2.0
"""A minio client with bounded waits, and its errors in our words."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from xml.etree.ElementTree import ParseError

import certifi
import urllib3
from minio import Minio
from minio.error import InvalidResponseError, MinioException, S3Error
from urllib3.exceptions import HTTPError
from urllib3.util import Retry, Timeout

from pons.errors import NotFound, OutOfResources, Unavailable

CONNECT_SECONDS = 3.0
READ_SECONDS = 20.0
RETRIES = 2
"""Further attempts of one request: a server that is gone costs 10 s, one that hangs 60 s."""

NO_ROOM = frozenset(
    {
        "InsufficientStorage",
        "QuotaExceeded",
        "XMinioStorageFull",
        "XMinioAdminBucketQuotaExceeded",
    }
)
WHAT_TO_DO = {
    "NoSuchBucket": "create the bucket, or set storage.s3_bucket to one that exists",
    "AccessDenied": "the keys need to read, write, delete and list in the bucket of "
    "storage.s3_bucket, and to create it where it is missing",
    "InvalidAccessKeyId": "see to storage.s3_access_key",
    "SignatureDoesNotMatch": "see to storage.s3_secret_key",
    "RequestTimeTooSkewed": "set the clock of this machine",
    "AuthorizationHeaderMalformed": "see to storage.s3_region",
    "PermanentRedirect": "see to storage.s3_region and storage.s3_endpoint",
}


class _Pool(urllib3.PoolManager):
    """Calls XML what is XML: minio reads errors only as application/xml, rclone sends text/xml."""

    def urlopen(  # type: ignore[override]
        self, method: str, url: str, redirect: bool = True, **options: Any
    ) -> urllib3.BaseHTTPResponse:
        response = super().urlopen(method, url, redirect, **options)
        if response.headers.get("content-type", "").startswith("text/xml"):
            response.headers["content-type"] = "application/xml"
        return response


def connect(
    endpoint: str,
    access_key: str,
    secret_key: str,
    *,
    secure: bool,
    region: str,
    connections: int = 16,
) -> Minio:
    """A client of the S3 server at `endpoint` (host:port). Nothing is sent yet."""
    context = None
    if secure:
        # The system's authorities (hospitals have their own) and those that come with Python.
        context = ssl.create_default_context()
        context.load_verify_locations(certifi.where())
    pool = _Pool(
        maxsize=connections,
        timeout=Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS),
        retries=Retry(
            total=RETRIES,
            backoff_factor=0.2,
            status_forcelist=(500, 502, 503, 504),
            # POST too: each request of ours may come twice.
            allowed_methods=None,
            raise_on_status=False,
            respect_retry_after_header=False,
        ),
        ssl_context=context,
    )
    return Minio(
        endpoint,
        access_key or None,
        secret_key or None,
        secure=secure,
        region=region or None,
        http_client=pool,
    )


@contextmanager
def s3_errors(name: str = "") -> Iterator[None]:
    """Turn what minio and urllib3 raise into NotFound (of `name`), OutOfResources, Unavailable."""
    try:
        yield
    except S3Error as error:
        raise _in_our_words(error, name) from error
    except (InvalidResponseError, ParseError) as error:
        raise Unavailable(
            "what answers is not an S3 server", "see to storage.s3_endpoint and storage.s3_secure"
        ) from error
    except MinioException as error:
        raise Unavailable("the S3 server failed", "see the log") from error
    except HTTPError as error:
        raise Unavailable(
            "the S3 server does not answer", "see to storage.s3_endpoint; the log has the cause"
        ) from error


def _in_our_words(error: S3Error, name: str) -> Exception:
    code = error.code or ""
    if code == "NoSuchKey":
        return NotFound(f"there is no object {name}")
    if code in NO_ROOM:
        return OutOfResources(f"no room for objects in the bucket: {code}", error.message or "")
    return Unavailable(f"the S3 server refused: {code}", WHAT_TO_DO.get(code, error.message or ""))
