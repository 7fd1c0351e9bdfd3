# SPDX-License-Identifier: Apache-2.0
"""What an engine leaves in the machine's firewall, and how it goes."""

import subprocess


def rules(table: str) -> list[str]:
    done = subprocess.run(
        ["iptables", "-t", table, "-S"], capture_output=True, text=True, check=False
    )
    return done.stdout.splitlines()


def is_of_engine(rule: str, networks: str) -> bool:
    """Whether an engine has added a rule; its containers' addresses begin with `networks`.

    For a published port whose container ended with the engine, the rule by which the container
    reaches that port itself names its address and nothing else of the engine.
    """
    marks = ("DOCKER", "docker0", "br-", f"-s {networks}")
    return rule.startswith("-A") and any(mark in rule for mark in marks)


def remove_rules(policy: list[str], networks: str) -> None:
    """The engine leaves its chains, its bridge, and a firewall that forwards nothing."""
    for table in ("nat", "filter"):
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
    subprocess.run(["iptables", "-t", table, *words], capture_output=True, check=False)
