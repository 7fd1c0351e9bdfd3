# SPDX-License-Identifier: Apache-2.0
"""Rules: what may be written, and what conditions hold of."""

from typing import Any

import orjson
import pytest

from pons.errors import BadRequest
from pons.routing.conditions import DEEPEST, Condition, Seen
from pons.routing.rules import Rule, parse_rule
from pons.routing.webhooks import parse_webhook, shown

HEADER = orjson.dumps(
    {
        "00080008": {"vr": "CS", "Value": ["ORIGINAL", "PRIMARY", "AXIAL"]},
        "00080020": {"vr": "DA", "Value": ["20240131"]},
        "00080060": {"vr": "CS", "Value": ["CT"]},
        "00180050": {"vr": "DS", "Value": ["1.25"]},
        "00200013": {"vr": "IS", "Value": ["12"]},
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": "DOE^JANE"}]},
        "00081140": {"vr": "SQ", "Value": []},
        "00090010": {"vr": "LO", "Value": ["MAKER [1]"]},
        "00080090": {"vr": "PN"},
    }
)
SEEN = Seen(HEADER, "NM1", frozenset({"research", "cbct"}))


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ({"Tag": "Modality", "Is": "CT"}, True),
        ({"Tag": "0008,0060", "Is": ["MR", "ct"]}, True),
        ({"Tag": "Modality", "Is": "MR"}, False),
        ({"Tag": "Modality", "Is": "C"}, False),
        ({"Tag": "Modality", "Is": "C?"}, True),
        ({"Tag": "PatientName", "Is": "doe*"}, True),
        ({"Tag": "ImageType", "Is": "AXIAL"}, True),
        ({"Tag": "ImageType", "Is": "*LOCALIZER"}, False),
        ({"Tag": "0009,0010", "Is": "MAKER [1]"}, True),
        ({"Tag": "0009,0010", "Is": "MAKER [12]"}, False),
        ({"Tag": "SliceThickness", "Max": 1.5}, True),
        ({"Tag": "SliceThickness", "Min": 1.5, "Max": 3}, False),
        ({"Tag": "InstanceNumber", "Min": 9}, True),
        ({"Tag": "Modality", "Min": 9}, False),
        ({"Tag": "StudyDate", "Min": "20240101", "Max": "20241231"}, True),
        ({"Tag": "StudyDate", "Min": "20240201"}, False),
        ({"Tag": "StudyDate", "Exists": True}, True),
        ({"Tag": "AccessionNumber", "Exists": True}, False),
        ({"Tag": "ReferringPhysicianName", "Exists": False}, True),
        ({"Tag": "AccessionNumber", "Is": "*"}, True),
        ({"Origin": "nm*"}, True),
        ({"Origin": "CT*"}, False),
        ({"Label": ["film", "cbct"]}, True),
        ({"Label": "film"}, False),
        ({"Not": {"Label": "film"}}, True),
        ({"All": [{"Label": "cbct"}, {"Origin": "CT*"}]}, False),
        ({"Any": [{"Label": "film"}, {"Origin": "NM1"}]}, True),
        ({"All": []}, True),
        ({"Any": []}, False),
    ],
)
def test_conditions(condition: dict[str, Any], holds: bool) -> None:
    """Texts without regard to case, with wildcards and by value; numbers; dates as texts."""
    assert Condition.model_validate(condition).holds(SEEN) is holds


def test_the_first_condition_that_does_not_hold() -> None:
    """A dry run can say what kept a rule from applying."""
    rule = Rule.model_validate(
        {
            "On": "NewInstance",
            "When": [{"Tag": "Modality", "Is": "CT"}, {"Not": {"Origin": "NM1"}}],
            "To": ["modality:a"],
        }
    )
    unmet = rule.condition.unmet(SEEN)
    assert unmet is not None
    assert unmet.as_written() == {"Not": {"Origin": ["NM1"]}}
    assert rule.condition.unmet(Seen(HEADER, "CT1")) is None


DEEP: dict[str, Any] = {"Label": "x"}
for _ in range(DEEPEST):
    DEEP = {"Not": DEEP}


@pytest.mark.parametrize(
    ("condition", "says"),
    [
        ({}, "a condition has one of Tag, Origin, Label, All, Any, Not, not 0"),
        ({"Tag": "Modality"}, "has Is, Min and Max, or Exists"),
        ({"Origin": "A", "Label": "b"}, "not 2"),
        ({"Origin": "A", "Is": "b"}, "and no other, has Is"),
        ({"Tag": "Modality", "Is": "CT", "Exists": True}, "go together"),
        ({"Tag": "Modality", "Min": 1, "Max": "2"}, "two numbers, or two texts"),
        ({"Tag": "NoSuchTag", "Is": "x"}, "Unknown DICOM tag: NoSuchTag"),
        ({"Tag": "ReferencedImageSequence", "Exists": True}, "sequences have no text"),
        ({"Tag": "Modality", "Is": []}, "at least 1 item"),
        ({"Tag": "Modality", "Matches": "C.*"}, "Matches"),
        (DEEP, "deeper in each other"),
    ],
)
def test_mistakes_in_conditions(condition: dict[str, Any], says: str) -> None:
    """What is not in the language is refused, in words that say what is."""
    with pytest.raises(BadRequest, match=r"rule 'r': When\.0") as raised:
        parse_rule({"On": "NewInstance", "When": [condition], "To": ["modality:a"]}, "r")
    assert says in str(raised.value)


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ({"On": "DeletedStudy", "To": ["modality:a"]}, "On"),
        ({"On": "StableStudy"}, "To"),
        ({"On": "StableStudy", "Label": []}, "Label"),
        ({"On": "StableStudy", "Label": ["two words"]}, "1 to 64 letters"),
        ({"On": "StableStudy", "To": []}, "To"),
        (
            {"On": "StableStudy", "To": ["http://x"]},
            "expected modality:NAME or peer:NAME or webhook:NAME",
        ),
        ({"On": "StableStudy", "To": ["modality:a"], "Priority": 1}, "Priority"),
    ],
)
def test_mistakes_in_rules(rule: dict[str, Any], says: str) -> None:
    """A rule that cannot be is refused, naming the field."""
    with pytest.raises(BadRequest, match=says):
        parse_rule(rule, "r")


def test_a_rule_as_it_is_kept() -> None:
    """It is shown as it was written, with what was left out, and each destination counts once."""
    kept = parse_rule({"On": "StableStudy", "To": ["modality:a", "modality:a"]})
    assert kept == {
        "On": "StableStudy",
        "When": [],
        "To": ["modality:a", "modality:a"],
        "Enabled": True,
    }
    assert Rule.model_validate(kept).destinations == ["modality:a"]
    sorts = parse_rule({"On": "StableSeries", "Label": ["cbct"]})
    assert sorts == {
        "On": "StableSeries",
        "When": [],
        "To": [],
        "Label": ["cbct"],
        "Enabled": True,
    }


def test_a_webhook_keeps_its_secret() -> None:
    """What is wrong with a webhook is told without its values."""
    with pytest.raises(BadRequest, match="webhook 'w': Url") as raised:
        parse_webhook({"Url": "ftp://user:hidden@h/", "Secret": "0123456789abcdef"}, "w")
    assert "hidden" not in str(raised.value)
    with pytest.raises(BadRequest, match="webhook 'w': Secret") as raised:
        parse_webhook({"Url": "https://h/x?y=1", "Secret": "tooshort"}, "w")
    assert "tooshort" not in str(raised.value)
    assert parse_webhook({"Url": "https://h/x?y=1", "Secret": "0123456789abcdef"}).url


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://h:8443/x", "https://h:8443/x"),
        ("https://h/x?token=hidden&to=", "https://h/x?token=***&to=***"),
        ("https://h/x?hidden", "https://h/x?***"),
    ],
)
def test_a_webhook_is_shown_without_secrets(url: str, told: str) -> None:
    """Many services take a token in the address; a webhook with one is shown without it."""
    headers = {"X-Token": "hidden"}
    webhook = parse_webhook({"Url": url, "Secret": "0123456789abcdef", "HttpHeaders": headers})
    assert webhook.url == url
    assert shown(webhook) == {"Url": told, "HttpHeaders": ["X-Token"]}
