# SPDX-License-Identifier: Apache-2.0
"""What is wrong with a rule or a webhook, as this store is: what can never work is refused.

Modalities, peers and webhooks may come after the rules that name them, and a store that is
read-only may take changes again: this is told, and not refused.
"""

import socket
from contextlib import suppress
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from pons.dicom.tag_names import parse_tag
from pons.dicom.vocabulary import attribute
from pons.errors import BadRequest
from pons.http.addresses import Address, is_denied, parse_networks
from pons.messages.destinations import parts
from pons.remotes.registry import Registry, check_new_name
from pons.routing.conditions import Condition
from pons.routing.own import OwnDoors
from pons.routing.rules import Rule
from pons.routing.webhooks import Webhook
from pons_gateway.backends import Backends

WITHOUT_TEXT = frozenset(("OB", "OD", "OF", "OL", "OV", "OW"))
"""Value representations of bytes and of binary numbers, which no condition can read."""

EMPTY = {"All": "it always holds", "Any": "it never holds"}
"""What lists of no conditions say."""


def require_possible(rule: Rule, backends: Backends) -> list[str]:
    """Doubts about the rule, a sentence each. Raises `BadRequest` for one that can never work."""
    for condition in rule.When:
        _require_satisfiable(condition)
    doors = OwnDoors(backends.modalities, backends.peers, backends.settings)
    for destination in rule.destinations:
        kind, name = parts(destination)
        check_new_name(name, kind)
        if doors.has(destination):
            raise BadRequest(
                f"{destination} is this store itself: what a rule sends there would come in again",
                "name another destination, or give the rule a Label alone",
            )
    doubts = [
        f"{one} is not known yet: until it is, what the rule sends there fails, and is listed by "
        f"GET /jobs/dead-letters?destination={one}"
        for one in rule.destinations
        if not is_known(one, backends)
    ]
    if rule.Label and backends.settings.store.read_only:
        doubts.append(
            "The store is read-only (setting store.read_only): until it takes changes, the rule "
            "labels nothing, and what it would have labelled is not labelled later"
        )
    return doubts


def is_known(destination: str, backends: Backends) -> bool:
    """Whether there is a modality, a peer or a webhook of this name."""
    kind, name = parts(destination)
    known: dict[str, Registry[Any]] = {
        "modality": backends.modalities,
        "peer": backends.peers,
        "webhook": backends.routing.webhooks,
    }
    return name in known[kind].list()


def _require_satisfiable(condition: Condition) -> None:
    for one in condition.below:
        _require_satisfiable(one)
    for kind in ("All", "Any"):
        if getattr(condition, kind) == []:
            raise BadRequest(
                f"{kind} is empty", f"{EMPTY[kind]}: name a condition, or leave it out"
            )
    least, most = condition.Min, condition.Max
    if least is not None and most is not None and least > most:  # type: ignore[operator]
        raise BadRequest(
            f"{condition.Tag}: Min is {least!r} and Max is {most!r}, and nothing is in between",
            "Min has to be the smaller one, or the earlier one as text",
        )
    if condition.Tag is not None:
        known = attribute(int(parse_tag(condition.Tag), 16))
        if known is not None and set(known.vr.split(" or ")) <= WITHOUT_TEXT:
            raise BadRequest(
                f"{condition.Tag} has bytes (VR {known.vr}), and no text that a condition could "
                "ask about",
                "ask about an attribute of the header, such as Rows or Modality",
            )


def require_reachable(webhook: Webhook, backends: Backends) -> None:
    """Raises `BadRequest` for an address, in digits, where no webhook may be.

    What a name means is seen when the webhook is told of something.
    """
    address = _in_digits(urlsplit(webhook.Url).hostname or "")
    if address is not None and is_denied(
        address, parse_networks(backends.settings.routing.denied_networks)
    ):
        raise BadRequest(
            f"No webhook may be at {address}",
            "it is in a network of links, of a cloud's metadata, or of routing.denied_networks",
        )


def _in_digits(host: str) -> Address | None:
    """The address that a host is written as, also as `0xa9fe0001` or `2851995649`; None for a name.

    Such numbers mean IPv4 addresses wherever names are resolved.
    """
    with suppress(ValueError):
        return ip_address(host.partition("%")[0])
    with suppress(OSError, UnicodeError):
        return ip_address(socket.inet_aton(host))
    return None
