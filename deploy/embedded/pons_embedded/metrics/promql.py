# SPDX-License-Identifier: Apache-2.0
"""Queries of Prometheus in a few words: rates, means and quantiles."""

WINDOW = "5m"
"""What rates are taken over where nobody draws."""


def rate(counter: str, *by: str, where: str = "", window: str = WINDOW) -> str:
    """How many a second of a counter, added up over all replicas; apart for each value of `by`."""
    return f"sum{_by(by)} (rate({counter}{_braces(where)}[{window}]))"


def mean(histogram: str, *by: str, where: str = "", window: str = WINDOW) -> str:
    """The mean of what a histogram has seen."""
    seconds, times = (
        rate(histogram + suffix, *by, where=where, window=window) for suffix in ("_sum", "_count")
    )
    return f"{seconds} / {times}"


def quantile(share: float, histogram: str, *by: str, where: str = "", window: str = WINDOW) -> str:
    """What a share of the values is not above, 0 to 1."""
    buckets = rate(f"{histogram}_bucket", "le", *by, where=where, window=window)
    return f"histogram_quantile({share:g}, {buckets})"


def total(gauge: str, *by: str, where: str = "") -> str:
    """A gauge, added up over all replicas."""
    return f"sum{_by(by)} ({gauge}{_braces(where)})"


def greatest(gauge: str, *by: str, where: str = "") -> str:
    """A gauge that every replica tells alike, or of which the worst counts."""
    return f"max{_by(by)} ({gauge}{_braces(where)})"


def _by(labels: tuple[str, ...]) -> str:
    return f" by ({', '.join(labels)})" if labels else ""


def _braces(matchers: str) -> str:
    return f"{{{matchers}}}" if matchers else ""
