# SPDX-License-Identifier: Apache-2.0
"""The name under which a client saves what it gets, as a header that nobody can break out of."""

import re
from urllib.parse import quote

FALLBACK = "download"
HARMLESS = re.compile(r"[\w.-]+", re.ASCII)
"""Most names, which need no look at each of their characters."""


def content_disposition(name: str) -> str:
    """`filename="…"` in Orthanc's form, without what could end it: quotes, backslashes, controls.

    A name of other characters than ASCII's has them in a second form besides (RFC 6266 4.3).
    """
    if HARMLESS.fullmatch(name):
        return f'filename="{name}"'
    clean = "".join(c for c in name if c.isprintable() and c not in '"\\').strip()
    plain = clean.encode("ascii", "ignore").decode().strip() or FALLBACK
    if not clean or clean.isascii():
        return f'filename="{plain}"'
    return f"filename=\"{plain}\"; filename*=UTF-8''{quote(clean, safe='')}"
