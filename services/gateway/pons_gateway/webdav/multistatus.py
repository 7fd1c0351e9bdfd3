# SPDX-License-Identifier: Apache-2.0
"""WebDAV's XML (RFC 4918): answers to PROPFIND, PROPPATCH and LOCK."""

from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime
from email.utils import format_datetime
from urllib.parse import quote
from xml.sax.saxutils import escape

from pons_gateway.webdav.nodes import Node

XML_TYPE = (b"content-type", b"application/xml; charset=utf-8")
BEGINNING = b'<?xml version="1.0" encoding="utf-8"?>\n<D:multistatus xmlns:D="DAV:">\n'
NO_CHARACTERS = dict.fromkeys((0xFFFE, 0xFFFF), "\ufffd")
"""What Unicode has and XML has not, beside the control characters that no name holds."""
END = b"</D:multistatus>\n"


def href(path: str) -> str:
    """A path as clients send it back: every character but the slash in its percent form."""
    return quote(path, safe="/")


def http_date(moment: datetime) -> str:
    return format_datetime(moment.astimezone(UTC), usegmt=True)


def properties(path: str, node: Node, now: datetime) -> bytes:
    """What a client learns of a folder or file at `path`."""
    modified = node.modified or now
    told = [
        f"<D:displayname>{escape(node.name.translate(NO_CHARACTERS))}</D:displayname>",
        f"<D:creationdate>{modified.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}</D:creationdate>",
        f"<D:getlastmodified>{http_date(modified)}</D:getlastmodified>",
    ]
    if node.listing is not None:
        told.append("<D:resourcetype><D:collection/></D:resourcetype>")
    else:
        told += [
            "<D:resourcetype/>",
            f"<D:getcontentlength>{node.size}</D:getcontentlength>",
            f"<D:getcontenttype>{escape(node.media_type)}</D:getcontenttype>",
        ]
    return _response(path, f"<D:prop>{''.join(told)}</D:prop><D:status>HTTP/1.1 200 OK</D:status>")


def patched(path: str) -> bytes:
    """Says yes to a change of properties, none of which is kept: clients of Windows insist."""
    status = "<D:prop/><D:status>HTTP/1.1 200 OK</D:status>"
    return BEGINNING + _response(path, status) + END


def listed(path: str, nodes: Iterable[Node], now: datetime) -> bytes:
    """Those in the folder at `path`."""
    return b"".join(properties(f"{path}{node.name}", node, now) for node in nodes)


async def multistatus(
    beginning: bytes, path: str, pages: AsyncIterator[list[Node]], now: datetime
) -> AsyncIterator[bytes]:
    """A list as it is read from the index, after `beginning`."""
    yield BEGINNING + beginning
    async for page in pages:
        yield listed(path, page, now)
    yield END


def locked(path: str, token: str, seconds: int) -> bytes:
    """A lock that nobody else heeds: each upload is a file of its own."""
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        '<D:prop xmlns:D="DAV:"><D:lockdiscovery><D:activelock>'
        "<D:locktype><D:write/></D:locktype><D:lockscope><D:exclusive/></D:lockscope>"
        f"<D:depth>0</D:depth><D:timeout>Second-{seconds}</D:timeout>"
        f"<D:lockroot><D:href>{escape(href(path))}</D:href></D:lockroot>"
        f"<D:locktoken><D:href>{escape(token)}</D:href></D:locktoken>"
        "</D:activelock></D:lockdiscovery></D:prop>\n"
    ).encode()


def _response(path: str, propstat: str) -> bytes:
    return (
        f"<D:response><D:href>{escape(href(path))}</D:href>"
        f"<D:propstat>{propstat}</D:propstat></D:response>\n"
    ).encode()
