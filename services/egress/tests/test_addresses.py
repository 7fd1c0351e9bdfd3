# SPDX-License-Identifier: Apache-2.0
"""Where webhooks may be."""

import pytest

from pons.errors import Forbidden, RemoteFailure
from pons.http.addresses import parse_networks, resolve

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "0xa9fea9fe",
        "2852039166",
        "::ffff:a9fe:a9fe",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::1",
        "fe80::1",
        "fd00:ec2::254",
        "0.0.0.0",
        "::",
        "224.0.0.1",
        "255.255.255.255",
        "100.100.100.200",
        "168.63.129.16",
    ],
)
async def test_denied(host: str) -> None:
    """Links and metadata are denied however they are written, also inside of IPv6."""
    with pytest.raises(Forbidden, match="where no webhook may be"):
        await resolve(host, 80, ())


async def test_allowed() -> None:
    """Loopback and private networks are where hospitals have systems; a setting may differ."""
    assert await resolve("10.1.2.3", 80, ()) == ["10.1.2.3"]
    assert await resolve("127.0.0.1", 80, ()) == ["127.0.0.1"]
    denied = parse_networks("192.0.2.0/24, 10.0.0.0/8,")
    with pytest.raises(Forbidden, match=r"10\.1\.2\.3"):
        await resolve("10.1.2.3", 80, denied)
    with pytest.raises(Forbidden):
        await resolve("::ffff:10.1.2.3", 80, denied)
    assert await resolve("192.0.3.1", 80, denied) == ["192.0.3.1"]


async def test_a_name_that_means_nothing() -> None:
    """It may mean something another time, so it is no refusal."""
    with pytest.raises(RemoteFailure, match=r"'no-such-host\.invalid' is not known") as raised:
        await resolve("no-such-host.invalid", 80, ())
    assert not raised.value.final
