# SPDX-License-Identifier: Apache-2.0
"""Where webhooks may be, and what scripts ask: not where a machine or a cloud keeps what only it
should ask for.

A name is resolved here, and what it means is what is connected to: between the look and the
connection it cannot come to mean something else.
"""

import asyncio
import socket
from collections.abc import Sequence
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

from pons.errors import Forbidden, RemoteFailure

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

ALWAYS_DENIED: tuple[Network, ...] = tuple(
    ip_network(network)
    for network in (
        "0.0.0.0/8",  # this host (RFC 1122)
        "169.254.0.0/16",  # links (RFC 3927), and the metadata of most clouds
        "100.100.100.200/32",  # metadata of Alibaba Cloud
        "192.0.0.192/32",  # metadata of Oracle Cloud
        "168.63.129.16/32",  # Azure's own services
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
        "::/128",
        "fe80::/10",  # links (RFC 4291)
        "fd00:ec2::/32",  # metadata of AWS
        "fd20:ce::254/128",  # metadata of Google Cloud
        "ff00::/8",  # multicast
    )
)
NAT64 = ip_network("64:ff9b::/96")
"""IPv6 addresses whose last 32 bits are one of IPv4 (RFC 6052)."""


def parse_networks(text: str) -> tuple[Network, ...]:
    """The networks of a setting, separated by commas."""
    return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())


async def resolve(host: str, port: int, denied: Sequence[Network]) -> list[str]:
    """The addresses of a host, which may be connected to.

    Raises `Forbidden` when one of them is in a denied network, `RemoteFailure` for a name that
    means nothing.
    """
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise RemoteFailure(f"host {host!r} is not known") from error
    addresses = list(dict.fromkeys(str(one[4][0]).partition("%")[0] for one in found))
    for text in addresses:
        if is_denied(ip_address(text), denied):
            raise Forbidden(
                f"{host!r} is {text}, where no webhook may be, and no script may ask",
                "it is in a network of links, of a cloud's metadata, or of routing.denied_networks",
            )
    return addresses


def is_denied(address: Address, denied: Sequence[Network]) -> bool:
    """Whether it is, or stands for, an address in a denied network, or in `ALWAYS_DENIED`."""
    networks = (*ALWAYS_DENIED, *denied)
    return any(one in network for one in meanings(address) for network in networks)


def meanings(address: Address) -> list[Address]:
    """An address, and the IPv4 address that it stands for, if it does."""
    if isinstance(address, IPv4Address):
        return [address]
    inner = address.ipv4_mapped or address.sixtofour
    if address.teredo is not None:
        inner = address.teredo[1]
    if address in NAT64:
        inner = IPv4Address(int(address) & 0xFFFFFFFF)
    return [address] if inner is None else [address, inner]
