# SPDX-License-Identifier: Apache-2.0
"""Which rules of the machine's firewall go with an engine; no engine is needed."""

import pytest

from firewall import SECOND_BYTES, is_of_engine, unused_in


@pytest.mark.parametrize(
    "rule",
    [
        "-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER",
        "-A POSTROUTING -s 10.151.0.0/24 ! -o docker0 -j MASQUERADE",
        "-A FORWARD -i br-9cc4f5d94d3b -o br-9cc4f5d94d3b -j ACCEPT",
        "-A POSTROUTING -s 10.151.131.2/32 -d 10.151.131.2/32 -p tcp --dport 4242 -j MASQUERADE",
    ],
)
def test_what_an_engine_has_added_goes_with_it(rule: str) -> None:
    """By each of the marks: one rule that stays is one more after each run."""
    assert is_of_engine(rule, "10.151.")


@pytest.mark.parametrize(
    "rule",
    [
        "-P FORWARD ACCEPT",
        "-N DOCKER",
        "-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT",
        "-A POSTROUTING -s 10.15.131.2/32 -d 10.15.131.2/32 -p tcp -m tcp --dport 22 -j MASQUERADE",
        "-A POSTROUTING -s 192.168.1.0/24 -o eth0 -j MASQUERADE",
    ],
)
def test_rules_of_others_stay(rule: str) -> None:
    """Those of the machine's administrator, and chains, which are removed once they are empty."""
    assert not is_of_engine(rule, "10.151.")


def test_an_engine_gets_networks_that_the_machine_does_not_have() -> None:
    """An administrator's address, route or rule would go with the engine, or lead to it."""
    taken = [number for number in SECOND_BYTES if number not in (77, 99)]
    known = [f"inet 10.{number}.0.1/24 brd" for number in taken]
    known.append("-A POSTROUTING -s 10.99.0.0/16 -o eth0 -j MASQUERADE")
    assert unused_in("\n".join(known)) == "10.77."
    known.append("10.77.3.0/24 via 192.168.0.1 dev eth1")
    with pytest.raises(AssertionError, match="every network"):
        unused_in("\n".join(known))
