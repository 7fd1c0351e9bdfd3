# SPDX-License-Identifier: Apache-2.0
"""Operation: how much is logged, what is measured, the store's end and new start."""

from typing import get_args

from starlette.requests import Request
from starlette.responses import Response

from pons.errors import BadRequest
from pons.remotes.live import CATEGORIES, Verbosity
from pons.runtime.exit_codes import RESTART_STORE, STOP_STORE
from pons_gateway.answers import Answer, done, json_answer, text_answer
from pons_gateway.backends import Backends
from pons_gateway.bodies import flag_body, text_body
from pons_gateway.legacy import TEXT, Group, Handler
from pons_gateway.prometheus import exposition

EXPOSITION_TYPE = (b"content-type", b"text/plain; version=0.0.4")

GROUP = Group("Operation", "How much is logged, what is measured, and the store's end.")


def _reading(category: str) -> Handler:
    async def read(_request: Request, backends: Backends) -> Response:
        return text_answer(backends.live.now.verbosity.get(category, "default"))

    return read


def _writing(categories: tuple[str, ...]) -> Handler:
    async def write(request: Request, backends: Backends) -> Response:
        verbosity = await text_body(request)
        if verbosity not in get_args(Verbosity):
            expected = ", ".join(get_args(Verbosity))
            raise BadRequest(f"The verbosity is one of {expected}, not {verbosity[:40]!r}")
        levels = backends.live.now.verbosity | dict.fromkeys(categories, verbosity)
        await backends.live.put(verbosity=levels)
        return done()

    return write


def _add_log_level(path: str, read: str, written: tuple[str, ...], of: str) -> None:
    summary = f"How much is logged {of}: default, verbose or trace"
    GROUP.add("GET", path, _reading(read), summary, gives=TEXT, example="default")
    GROUP.add(
        "PUT", path, _writing(written), f"Change how much is logged {of}", takes=TEXT,
        body="verbose", gives="",
    )  # fmt: skip


_add_log_level("/tools/log-level", "generic", CATEGORIES, "by every service")
for _category in CATEGORIES:
    _add_log_level(
        f"/tools/log-level-{_category}", _category, (_category,), f"of category {_category}"
    )


@GROUP.get(
    "/tools/metrics", "Whether /tools/metrics-prometheus has values", gives=TEXT, example="1"
)
async def metrics(_request: Request, backends: Backends) -> Response:
    return text_answer(str(int(backends.live.now.metrics)))


@GROUP.put("/tools/metrics", "Turn the metrics on or off", takes=TEXT, body="1", gives="")
async def put_metrics(request: Request, backends: Backends) -> Response:
    await backends.live.put(metrics=await flag_body(request))
    return done()


@GROUP.get(
    "/tools/metrics-prometheus",
    "What is stored and under way, for Prometheus (more: /metrics of each health port)",
    gives=TEXT,
    example="orthanc_count_studies 12 1735689600000\n",
)
async def metrics_prometheus(_request: Request, backends: Backends) -> Response:
    text = await exposition(backends) if backends.live.now.metrics else ""
    return Answer(text.encode(), 200, EXPOSITION_TYPE)


@GROUP.post(
    "/tools/reset",
    "Forget what REST changed of the settings, and start the services again",
    example={},
)
async def reset(_request: Request, backends: Backends) -> Response:
    await backends.live.reset()
    backends.health.end(RESTART_STORE)
    return json_answer({})


@GROUP.post(
    "/tools/shutdown",
    "Stop the store; where services are supervised one by one, the gateway starts again",
    example={},
)
async def shutdown(_request: Request, backends: Backends) -> Response:
    backends.health.end(STOP_STORE)
    return json_answer({})
