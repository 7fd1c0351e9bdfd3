# SPDX-License-Identifier: Apache-2.0
"""What values settings may have, and mistakes as sentences that say which setting it is."""

import json
import re
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from pydantic import ValidationError

from pons.dicom.metadata import (
    FIRST_USER_NUMBER,
    LAST_USER_NUMBER,
    SYSTEM_ATTACHMENTS,
    SYSTEM_METADATA,
    is_users,
)

SECRET = re.compile(r"users|url|key|peers|token|http_proxy|traces\.(endpoint|headers)")
"""Settings whose value no message repeats."""


def sentences(error: ValidationError) -> Iterable[str]:
    """One sentence for each mistake that pydantic found."""
    for problem in error.errors():
        where = ".".join(str(part) for part in problem["loc"])
        what = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            what = "there is no such setting"
        elif problem["type"] in ("model_type", "dict_type"):
            what = "this is a table of settings, not a value"
        elif where:
            shown = isinstance(problem["input"], str | int | float) and not SECRET.search(where)
            what = f"{what} (it is {problem['input']!r})" if shown else what
        yield f"{where}: {what}" if where else what


def not_json(tables: Iterable[str], environment: Mapping[str, str]) -> Iterable[str]:
    """One sentence for each variable among `tables` whose value is not JSON."""
    for name in tables:
        try:
            json.loads(environment.get(name, "{}"))
        except ValueError as error:
            yield f"{name} is not JSON: {error}"


def text_codec(name: str) -> str:
    """`name`, when Python has a codec for text of that name."""
    try:
        b"a".decode(name, "replace")
    except LookupError as error:
        raise ValueError(str(error)) from None
    return name


def user_number(name: str, number: int) -> int:
    """`number`, when users may give their metadata or attachments this name and number."""
    if (
        name in SYSTEM_METADATA
        or name in SYSTEM_ATTACHMENTS
        or not name.strip()
        or name.isdecimal()
    ):
        raise ValueError(f"{name!r} cannot be a name of your own")
    if not is_users(number):
        bounds = f"from {FIRST_USER_NUMBER} to {LAST_USER_NUMBER}"
        raise ValueError(f"the number of {name!r} is {number}, not {bounds}")
    return number


def postgresql_address(url: str) -> str:
    """`url`, when it is empty or begins as the address of a PostgreSQL."""
    if url and not url.startswith(("postgresql://", "postgres://")):
        raise ValueError("a PostgreSQL address begins with postgresql://")
    return url


def nats_addresses(urls: str) -> str:
    """`urls`, when it is empty or NATS could be reached there."""
    if urls and not all(_is_nats_address(url.strip()) for url in urls.split(",")):
        raise ValueError("a NATS address is nats://host:port or nats://user:pass@host:port")
    return urls


def proxy_address(url: str) -> str:
    """`url`, when it is empty or an HTTP proxy could be reached there."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if url and not (good and parts.path in ("", "/")):
        raise ValueError("a proxy's address is http://host:port or http://user:pass@host:port")
    return url


def _is_nats_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("nats", "tls") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, or too large
        return False
