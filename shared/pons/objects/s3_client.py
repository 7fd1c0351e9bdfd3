# SPDX-License-Identifier: Apache-2.0
"""A minio client with bounded waits, and its errors in our words."""

import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self
from xml.etree.ElementTree import ParseError

import certifi
import urllib3
from minio import Minio
from minio.error import InvalidResponseError, MinioException, S3Error, ServerError
from prometheus_client import Counter
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    MaxRetryError,
    NameResolutionError,
    NewConnectionError,
    ProtocolError,
    ReadTimeoutError,
    ResponseError,
)
from urllib3.util import Retry, Timeout

from pons.errors import NotFound, OutOfResources, StorageUnavailable
from pons.objects.s3_connections import Connections, SecureConnections
from pons.tls.contexts import Terms
from pons.tls.servers import S3, asking_context, no_tls

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 2.0
"""Seconds before a request is repeated, twice as long each time, and a little more by chance."""
BUSY = (408, 429, 500, 502, 503, 504)
"""Statuses of a server that may do better in a moment."""

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
    "SlowDown": "it has more to do than it can: see to its load",
    "PermanentRedirect": "see to storage.s3_region and storage.s3_endpoint",
}


CAUSES: dict[type[HTTPError], str] = {
    NameResolutionError: "its name is not known",
    NewConnectionError: "nobody listens there",
    ConnectTimeoutError: "the connection timed out",
    ReadTimeoutError: "its answer timed out",
    ResponseError: "it is busy",
    ProtocolError: "it ended the connection",
}
"""What urllib3's errors mean, the narrower before the wider."""
REPEATED = Counter("pons_s3_repeated", "Requests that were sent to the S3 server again")


class _Repeated(Retry):
    """Repeats a request until its time is over, instead of a number of times."""

    deadline = 0.0

    def new(self, **changes: Any) -> Self:
        following = super().new(**changes)
        following.deadline = self.deadline
        return following

    def increment(self, *known: Any, **told: Any) -> Self:
        following = super().increment(*known, **told)
        if time.monotonic() + following.get_backoff_time() >= self.deadline:
            reason = told.get("error") or ResponseError("it is busy")
            raise MaxRetryError(told["_pool"], told.get("url") or known[1], reason)
        REPEATED.inc()
        return following


class _Pool(urllib3.PoolManager):
    """Bounds the time of each request, and calls XML what is XML: minio reads errors only as
    application/xml, rclone sends text/xml."""

    def __init__(self, patience: float, **options: Any) -> None:
        super().__init__(**options)
        self.pool_classes_by_scheme = {"http": Connections, "https": SecureConnections}
        self._patience = patience

    def urlopen(  # type: ignore[override]
        self, method: str, url: str, redirect: bool = True, **options: Any
    ) -> urllib3.BaseHTTPResponse:
        repeated = _Repeated(
            total=None,
            backoff_factor=FIRST_PAUSE,
            backoff_max=LONGEST_PAUSE,
            backoff_jitter=FIRST_PAUSE,
            status_forcelist=BUSY,
            # POST too: each request of ours may come twice.
            allowed_methods=None,
            raise_on_status=False,
            respect_retry_after_header=False,
        )
        repeated.deadline = time.monotonic() + self._patience
        response = super().urlopen(method, url, redirect, retries=repeated, **options)
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
    timeout: float,
    patience: float,
    ca_file: str = "",
    connections: int = 32,
) -> Minio:
    """A client of the S3 server at `endpoint` (host:port). Nothing is sent yet.

    An attempt fails after `timeout` seconds of silence; a request is not repeated after
    `patience` seconds, so that nobody waits for longer than both. Raises
    `Unavailable` where `ca_file` has no certificates.
    """
    context = trust(ca_file) if secure else None
    silence = min(timeout, patience)
    pool = _Pool(
        patience,
        maxsize=connections,
        timeout=Timeout(connect=silence, read=silence),
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


def trust(ca_file: str) -> ssl.SSLContext:
    """Believes those in `ca_file`; empty: the system's authorities (hospitals have their own) and
    those that come with Python."""
    context = asking_context(Terms(S3, trusted=ca_file))
    if not ca_file:
        context.load_verify_locations(certifi.where())
    return context


@contextmanager
def s3_errors(name: str = "") -> Iterator[None]:
    """Turn what minio and urllib3 raise into NotFound (of `name`), OutOfResources, Unavailable."""
    try:
        yield
    except S3Error as error:
        raise _in_our_words(error, name) from error
    except (InvalidResponseError, ParseError) as error:
        raise StorageUnavailable(
            "what answers is not an S3 server", "see to storage.s3_endpoint and storage.s3_secure"
        ) from error
    except ServerError as error:
        # The answer to HEAD has no body that says more.
        what = WHAT_TO_DO["SlowDown"] if error.status_code in BUSY else "see its log"
        raise StorageUnavailable(f"the S3 server answers {error.status_code}", what) from error
    except MinioException as error:
        raise StorageUnavailable("the S3 server failed", "see the log") from error
    except HTTPError as error:
        if told := no_tls(_server(error), error, S3):
            raise StorageUnavailable(told) from error
        why = _why(error)
        raise StorageUnavailable(
            "the S3 server does not answer", f"{why}: see to storage.s3_endpoint"
        ) from error


def _server(error: HTTPError) -> str:
    """Whom the error is about."""
    pool = getattr(error, "pool", None)
    return f"S3 at {pool.host}:{pool.port}" if pool else "S3"


def _in_our_words(error: S3Error, name: str) -> Exception:
    code = error.code or ""
    if code == "NoSuchKey":
        return NotFound(f"there is no object {name}")
    if code in NO_ROOM:
        return OutOfResources(f"no room for objects in the bucket: {code}", error.message or "")
    return StorageUnavailable(
        f"the S3 server refused: {code}", WHAT_TO_DO.get(code, error.message or "")
    )


def _why(error: BaseException) -> str:
    """What is behind a request that failed, in our words; urllib3 has it within others."""
    while isinstance(reason := getattr(error, "reason", None), BaseException):
        error = reason
    if isinstance(error, ProtocolError) and isinstance(error.args[-1], TimeoutError):
        return "it stopped taking what was sent to it"
    return next(
        (words for kind, words in CAUSES.items() if isinstance(error, kind)), "it broke off"
    )
