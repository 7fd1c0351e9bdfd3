# SPDX-License-Identifier: Apache-2.0
"""What the first page tells: what is stored, where to send, which services are there."""

import asyncio
from functools import cache
from html import escape
from pathlib import Path
from string import Template

import httpx

import pons
from pons.catalog import Totals
from pons.errors import PonsError, Unavailable
from pons.messages.services import Done, Ping
from pons.settings import Settings
from pons_gateway.backends import Backends
from pons_gateway.pages.explorer import is_built, why_not_built

PAGES = Path(__file__).parent
SERVICES = {
    "gateway": "answers over HTTP",
    "dicom-ingress": "receives over DICOM",
    "index": "keeps the index",
    "render": "makes pictures",
    "egress": "sends to others",
}
PATIENTS = '<a href="../patients?expand">Patients</a>'
READ_ONLY = {"read-only": "takes and changes nothing (setting store.read_only)"}
PING_SECONDS = 1.0
UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB")


async def home_page(backends: Backends, host: str) -> str:
    """The page for people; it also tells what does not answer, and takes about a second at most."""
    totals, failures, states = await asyncio.gather(
        _totals(backends), backends.health.failures(), _services(backends)
    )
    settings = backends.settings
    return Template(_read("home.html")).substitute(
        style=_read("style.css"),
        bridge=_read("bridge.svg"),
        title=escape(settings.store.title),
        store=escape(settings.store.name),
        version=escape(pons.__version__),
        aet=escape(settings.dicom.aet),
        dicom_port=str(settings.dicom.port),
        http_port=str(settings.http.port),
        host=escape(host),
        counts=_counts(totals),
        size=_size(totals.stored_size) if totals else "",
        patients=PATIENTS if settings.store.patient_level else "",
        services=_states(states),
        notes=_notes(
            failures
            | backends.health.told()
            | backends.health.shortages()
            | (READ_ONLY if settings.store.read_only else {})
            | _explorer(settings)
        ),
    )


@cache
def _read(part: str) -> str:
    return (PAGES / part).read_text(encoding="utf-8")


async def _totals(backends: Backends) -> Totals | None:
    try:
        return await backends.catalog.totals()
    except Unavailable:
        return None


async def _services(backends: Backends) -> dict[str, bool]:
    answers = await asyncio.gather(*(_answers(backends, service) for service in SERVICES))
    return dict(zip(SERVICES, answers, strict=True))


async def _answers(backends: Backends, service: str) -> bool:
    try:
        if service == "render":  # it takes requests instead of commands, and any answer will do
            await backends.render.get("/", timeout=PING_SECONDS)
        elif service != "gateway":
            await backends.ask(service, Ping(), Done, within=PING_SECONDS)
    except (PonsError, httpx.TransportError):
        return False
    return True


def _counts(totals: Totals | None) -> str:
    numbers = {
        ("patient", "patients"): totals and totals.patients,
        ("study", "studies"): totals and totals.studies,
        ("series", "series"): totals and totals.series,
        ("instance", "instances"): totals and totals.instances,
    }
    return "".join(
        f"<div><b>{'–' if number is None else f'{number:,}'}</b>"
        f"<span>{one if number == 1 else many}</span></div>"
        for (one, many), number in numbers.items()
    )


def _size(size: float) -> str:
    for unit in UNITS:
        if size < 1000 or unit == UNITS[-1]:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    raise AssertionError("unreachable")


def _states(states: dict[str, bool]) -> str:
    return "".join(
        f'<li class="{"up" if up else "down"}"><b>{escape(name)}</b>'
        f"<span>{escape(SERVICES[name])}</span><em>{'running' if up else 'no answer'}</em></li>"
        for name, up in states.items()
    )


def _explorer(settings: Settings) -> dict[str, str]:
    """Why this page is shown and not Explorer, where somebody wants to know."""
    why = "" if is_built(settings) else why_not_built(settings)
    return {"explorer": why} if why else {}


def _notes(failures: dict[str, str]) -> str:
    return "".join(
        f'<p class="note"><b>{escape(name)}</b> {escape(why)}</p>' for name, why in failures.items()
    )
