# SPDX-License-Identifier: Apache-2.0
"""What the supervisor sees of a service: a health port, an end on SIGTERM, a line in the log."""

import json
import os
import signal
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

service: str = globals()["name_of_service"]
"""Which of the five this is: given by whoever runs this file."""


class Health(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path.startswith("/health/") else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing about requests."""


def end(*_: object) -> None:
    print(f"ended {time.time()}", flush=True)
    os._exit(0)


if service == os.environ.get("STAND_IN_FAILS"):
    print(json.dumps({"event": "service cannot run", "error": "the moon is full"}), file=sys.stderr)
    sys.exit(1)
signal.signal(signal.SIGTERM, end)
print(json.dumps({k: v for k, v in os.environ.items() if k.startswith("PONS_")}), flush=True)
ThreadingHTTPServer(("127.0.0.1", int(os.environ["PONS_HEALTH_PORT"])), Health).serve_forever()
