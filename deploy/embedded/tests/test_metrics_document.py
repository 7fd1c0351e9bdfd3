# SPDX-License-Identifier: Apache-2.0
"""docs/metrics.md tells of every metric there is, and of no other."""

import re

import pytest

from pons_embedded.folder import CHECKOUT
from pons_embedded.metrics.document import COMMAND, QUESTIONS, metrics_document
from pons_embedded.metrics.known import SERVICES, Known, faults_of, known_metrics

PAGE = CHECKOUT / "docs" / "metrics.md"
SOME = [
    Known("pons_a_seconds", "histogram", "a", ("step",)),
    Known("pons_b", "counter", "b", ("status",)),
]


@pytest.fixture(scope="module")
def known() -> list[Known]:
    return known_metrics()


def test_the_page_says_what_the_services_tell(known: list[Known]) -> None:
    """A metric that comes, goes or has another label changes the page."""
    assert PAGE.read_text(encoding="utf-8") == metrics_document(known), COMMAND
    assert "| `pons_ingest_step_seconds` | histogram | `step` |" in PAGE.read_text()


def test_a_metric_without_a_chapter_is_said() -> None:
    """Nothing is left out silently."""
    with pytest.raises(
        ValueError, match=r"no chapter of docs/metrics.md has pons_a_seconds, pons_b"
    ):
        metrics_document(SOME)


def test_names_are_as_prometheus_has_them(known: list[Known]) -> None:
    """Base units at the end, no kind of metric in the name, and a sentence for each."""
    for one in known:
        if one.name.startswith("pons_"):
            assert re.fullmatch(r"pons_[a-z0-9_]+", one.name)
            assert not one.name.endswith(("_ms", "_mb", "_count", "_sum", "_bucket", "_total"))
            assert len(one.about) > 10


def test_the_queries_of_the_page_ask_what_there_is(known: list[Known]) -> None:
    """Each example."""
    queries = list(QUESTIONS.values())
    assert [fault for query in queries for fault in faults_of(query, known)] == []
    assert all(f"`{query}`" in PAGE.read_text(encoding="utf-8") for query in queries)


@pytest.mark.parametrize(
    ("expression", "fault"),
    [
        ("rate(pons_b_total[5m])", ""),
        ('sum by (status) (rate(pons_b_total{status=~"5.."}[5m]))', ""),
        ("histogram_quantile(0.9, sum by (le) (rate(pons_a_seconds_bucket[5m])))", ""),
        ("rate(pons_b[5m])", "there is no pons_b"),
        ("max(pons_a_seconds)", "there is no pons_a_seconds"),
        ("pons_b_total / pons_c", "there is no pons_c"),
        ('pons_b_total{step="x"}', "nothing in it has the label step"),
        ("sum by (step) (pons_b_total)", "nothing in it has the label step"),
        ("up == 0", "no metric of ours is in it"),
    ],
)
def test_what_an_expression_asks_in_vain_is_said(expression: str, fault: str) -> None:
    found = list(faults_of(expression, SOME))
    assert any(fault in one for one in found) if fault else found == []


def test_every_service_is_asked() -> None:
    """A new service's metrics are in the page as well."""
    found = {path.parent.name for path in CHECKOUT.glob("services/*/pons_*/service.py")}
    assert found == set(SERVICES)
