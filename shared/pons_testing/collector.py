# SPDX-License-Identifier: Apache-2.0
"""A collector of traces: OTLP over HTTP, on a port of loopback, in threads of this process."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span as ToldSpan


@dataclass(frozen=True)
class Told:
    """A span, as it arrived."""

    service: str
    store: str
    name: str
    kind: str
    trace_id: str
    span_id: str
    parent_id: str
    """Empty for the first of a trace."""
    attributes: Mapping[str, str | int | float]
    failed: bool


class Collector:
    """Takes spans. Its other `moods`: it refuses them, or lets who sends them wait."""

    def __init__(self) -> None:
        self.mood = 200
        """The status that is answered; 0: none is, until `close`."""
        self.requests = 0
        self.headers: list[dict[str, str]] = []
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._bodies: list[bytes] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1/traces"

    @property
    def wire(self) -> bytes:
        """All that was taken, as it was on the wire."""
        with self._lock:
            return b"".join(self._bodies)

    @property
    def spans(self) -> list[Told]:
        """What was taken so far; what was sent again, for want of an answer, is told once."""
        with self._lock:
            bodies = list(self._bodies)
        return list({one.span_id: one for body in bodies for one in _told(body)}.values())

    def named(self, name: str) -> list[Told]:
        return [one for one in self.spans if one.name == name]

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._closed.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        collector = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                status = collector._take(dict(self.headers.items()), body)
                if not status:
                    self.close_connection = True
                    return
                answer = ExportTraceServiceResponse().SerializeToString()
                self.send_response(status)
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                """Nobody reads it."""

        return Handler

    def _take(self, headers: dict[str, str], body: bytes) -> int:
        with self._lock:
            self.requests += 1
            self.headers.append({name.lower(): value for name, value in headers.items()})
            if self.mood == 200:
                self._bodies.append(body)
        if not self.mood:
            self._closed.wait()
        return self.mood


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector that works while the block runs."""
    collector = Collector()
    collector.start()
    try:
        yield collector
    finally:
        collector.close()


def _told(body: bytes) -> Iterator[Told]:
    for of_process in ExportTraceServiceRequest.FromString(body).resource_spans:
        process = _values(of_process.resource.attributes)
        for scope in of_process.scope_spans:
            for span in scope.spans:
                yield Told(
                    service=str(process["service.name"]),
                    store=str(process["service.namespace"]),
                    name=span.name,
                    kind=ToldSpan.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_").lower(),
                    trace_id=span.trace_id.hex(),
                    span_id=span.span_id.hex(),
                    parent_id=span.parent_span_id.hex(),
                    attributes=_values(span.attributes),
                    failed=span.status.code == 2,
                )


def _values(pairs: Any) -> dict[str, str | int | float]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in pairs}
