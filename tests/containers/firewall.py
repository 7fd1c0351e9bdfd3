# SPDX-License-Identifier: Apache-2.0
"""What an engine leaves in the machine's firewall, and how it goes."""

import random
import subprocess
from ipaddress import IPv4Network

TABLES = ("nat", "filter")
SECOND_BYTES = range(64, 251)
"""Of the networks 10.N that engines of tests may have."""


def rules(table: str) -> list[str]:
    return _said("iptables", "-t", table, "-S").splitlines()


def unused_networks() -> str:
    """How addresses begin that neither an interface, a route nor a rule of this machine has.

    So whatever names such an address later is of the engine that is given these networks.
    """
    known = [_said("ip", "-4", what) for what in ("address", "route")]
    return unused_in(" ".join([*known, *(rule for table in TABLES for rule in rules(table))]))


def unused_in(known: str) -> str:
    """The beginning of addresses that are not in a text; engines that start at once get others."""
    taken = [network for word in known.split() for network in networks_in(word)]
    free = [
        number
        for number in SECOND_BYTES
        if not any(IPv4Network(f"10.{number}.0.0/16").overlaps(network) for network in taken)
    ]
    assert free, "this machine has addresses in every network that an engine of the tests may have"
    return f"10.{random.choice(free)}."


def networks_in(word: str) -> list[IPv4Network]:
    """The network that a word names, or the address; but none for that of all addresses."""
    try:
        network = IPv4Network(word, strict=False)
    except ValueError:
        return []
    return [network] if network.prefixlen else []


def is_of_engine(rule: str, networks: str) -> bool:
    """Whether an engine has added a rule; its containers' addresses begin with `networks`.

    For a published port whose container ended with the engine, the rule by which the container
    reaches that port itself names its address and nothing else of the engine.
    """
    marks = ("DOCKER", "docker0", "br-", f"-s {networks}")
    return rule.startswith("-A") and any(mark in rule for mark in marks)


def remove_rules(policy: list[str], networks: str) -> None:
    """The engine leaves its chains, its bridge, and a firewall that forwards nothing."""
    for table in TABLES:
        for rule in rules(table):
            if is_of_engine(rule, networks):
                _iptables(table, "-D", *rule.split()[1:])
        for rule in rules(table):
            if rule.startswith("-N DOCKER"):
                _iptables(table, "-F", rule.split()[1])
        for rule in rules(table):
            if rule.startswith("-N DOCKER"):
                _iptables(table, "-X", rule.split()[1])
    if "-P FORWARD ACCEPT" in policy or not policy:
        _iptables("filter", "-P", "FORWARD", "ACCEPT")
    subprocess.run(["ip", "link", "delete", "docker0"], capture_output=True, check=False)


def _iptables(table: str, *words: str) -> None:
    _said("iptables", "-t", table, *words)


def _said(*words: str) -> str:
    return subprocess.run(words, capture_output=True, text=True, check=False).stdout
