# SPDX-License-Identifier: Apache-2.0
"""Sending spans in the background: work never waits for it, and memory is bounded."""

import logging
import threading
from collections import deque

import structlog
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from pons.traces.metrics import SPANS

log = structlog.get_logger()

ROOM = 4096
"""Spans that wait at most: some 10 MB."""
TOGETHER = 512
"""Spans in one request at most."""
PAUSE = 1.0
"""Seconds that spans gather, unless there is a request full of them before."""
FAREWELL = 1.0
"""Seconds in which the last spans leave when a process ends."""
EXPORTERS = "opentelemetry.exporter"
"""Who logs in the name of exporters."""


class Sender(SpanProcessor):
    """Takes spans that have ended, and gives them to `exporter` in a thread of its own.

    What finds no room, or is still there when the process ends, is counted as dropped.
    """

    def __init__(self, exporter: SpanExporter, room: int = ROOM) -> None:
        self._exporter = exporter
        self._room = room
        self._waiting: deque[ReadableSpan] = deque()
        self._lock = threading.Lock()
        self._full_enough = threading.Event()
        self._ending = threading.Event()
        self._lost = 0
        """Since spans were sent last."""
        self._words = _Words()
        self._thread = threading.Thread(target=self._send_forever, name="traces", daemon=True)
        self._thread.start()

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Nothing: spans are taken when they end."""

    def on_end(self, span: ReadableSpan) -> None:
        """Take a span, or count it where there is no room."""
        with self._lock:
            full = len(self._waiting) >= self._room or self._ending.is_set()
            if full:
                self._lost += 1
            else:
                self._waiting.append(span)
            enough = len(self._waiting) >= TOGETHER
        if full:
            SPANS.labels("dropped").inc()
        if enough:
            self._full_enough.set()

    def shutdown(self) -> None:
        """Send what waits, for `FAREWELL` seconds at most."""
        self._ending.set()
        self._full_enough.set()
        self._thread.join(FAREWELL)
        with self._lock:
            left = len(self._waiting)
            self._waiting.clear()
        if left:
            SPANS.labels("dropped").inc(left)
            log.warning("the last spans are not sent", spans=left)
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Nobody waits for spans to leave."""
        return True

    def _send_forever(self) -> None:
        with self._words.heard():
            while not self._ending.is_set():
                self._full_enough.wait(PAUSE)
                self._full_enough.clear()
                self._send()
            while self._send():
                pass

    def _send(self) -> bool:
        """Send one request full of spans; says whether there was anything to send."""
        with self._lock:
            batch = [self._waiting.popleft() for _ in range(min(TOGETHER, len(self._waiting)))]
        if not batch:
            return False
        try:
            sent = self._exporter.export(batch) is SpanExportResult.SUCCESS
        except Exception:  # the edge: a bug of an exporter must not end the sending
            log.exception("spans cannot be sent")
            sent = False
        with self._lock:
            before, self._lost = self._lost, 0 if sent else self._lost + len(batch)
        if sent:
            SPANS.labels("sent").inc(len(batch))
            if before:
                log.info("spans are sent again", lost=before)
        else:
            SPANS.labels("refused").inc(len(batch))
            if not before:
                log.warning(
                    "spans cannot be sent: see traces.endpoint; pons_traces_spans_total counts "
                    "those that are lost",
                    error=self._words.last,
                )
        return True


class _Words(logging.Handler):
    """What exporters last said went wrong, which they say anew for each request."""

    def __init__(self) -> None:
        super().__init__()
        self.last = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.last = record.getMessage()

    def heard(self) -> "_Hearing":
        """What they say in this block is kept here, and said nowhere else."""
        return _Hearing(self)


class _Hearing:
    def __init__(self, words: _Words) -> None:
        self._words = words
        self._logger = logging.getLogger(EXPORTERS)

    def __enter__(self) -> None:
        self._logger.addHandler(self._words)
        self._logger.propagate = False

    def __exit__(self, *_: object) -> None:
        self._logger.removeHandler(self._words)
        self._logger.propagate = True
