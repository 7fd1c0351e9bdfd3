# SPDX-License-Identifier: Apache-2.0
"""Turning traces on, for as long as a process works."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pons
from pons.traces.metrics import OUTCOMES, SPANS
from pons.traces.spans import PROCESS

PATIENCE = 10.0
"""Seconds that an endpoint has for a request, tries of it included."""
MOST_ATTRIBUTES, LONGEST_TEXT = 32, 256


@dataclass(frozen=True, slots=True)
class Destination:
    """Where spans go, and of which traces."""

    endpoint: str
    """Address of OTLP over HTTP, with its path; empty: traces are off."""
    sample: float = 1.0
    """Share of the traces that begin here, 0 to 1."""
    headers: Mapping[str, str] = field(default_factory=dict)
    ca_file: str = ""


@contextmanager
def tracing(destination: Destination, service: str, store: str) -> Iterator[None]:
    """Spans of this process are recorded and sent while the block runs, if there is an endpoint.

    Begins a thread: to be called after a process was forked.
    """
    if not destination.endpoint:
        yield
        return
    for outcome in OUTCOMES:  # so that a first loss is seen as one
        SPANS.labels(outcome)
    # 60 ms and 6 MB, for those who want it.
    import requests
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import SpanLimits, TracerProvider
    from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

    from pons.traces.recorded import SdkRecorder
    from pons.traces.sender import Sender

    session = requests.Session()
    session.trust_env = False  # no proxies of others, as everything that asks here
    session.hooks["response"].append(_refuse_redirects)
    sender = Sender(
        OTLPSpanExporter(
            destination.endpoint,
            certificate_file=destination.ca_file or None,
            headers=destination.headers,
            timeout=PATIENCE,
            session=session,
        )
    )
    provider = TracerProvider(
        sampler=ParentBased(TraceIdRatioBased(destination.sample)),
        resource=Resource.create(
            {
                "service.name": f"pons-{service}",
                "service.namespace": store,
                "service.version": pons.__version__,
                "service.instance.id": str(uuid4()),
            }
        ),
        shutdown_on_exit=False,
        span_limits=SpanLimits(
            max_span_attributes=MOST_ATTRIBUTES, max_span_attribute_length=LONGEST_TEXT
        ),
    )
    provider.add_span_processor(sender)
    PROCESS.recorder = SdkRecorder(provider.get_tracer("pons", pons.__version__))
    try:
        yield
    finally:
        PROCESS.recorder = None
        provider.shutdown()


def _refuse_redirects(response: Any, **_: Any) -> None:
    """Raise for an endpoint that sends spans elsewhere: the exporter takes that for success."""
    if 300 <= response.status_code < 400:
        response.close()
        raise ValueError(f"it answers {response.status_code}, and spans follow no redirect")
