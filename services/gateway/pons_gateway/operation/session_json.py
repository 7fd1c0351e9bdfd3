# SPDX-License-Identifier: Apache-2.0
"""What the page is told of who asks, what he may do, and what this store has."""

from datetime import UTC, datetime
from typing import Any

from starlette.types import Scope

import pons
from pons.settings import Settings
from pons_gateway.models.session import SessionState
from pons_gateway.sessions.token import Session

ALWAYS = (
    "jobs",
    "modalities",
    "peers",
    "queries",
    "retention",
    "routing",
    "transfers",
    "worklists",
)


def session_json(
    settings: Settings, scope: Scope, session: Session | None, user: str | None
) -> dict[str, Any]:
    """The object of `/explorer/api/session` for a user; None is told what a form needs."""
    has_users, known = bool(settings.http.users), user is not None
    return SessionState(
        user=user,
        signed_in_by="session" if session else "basic" if user else "none",
        login=has_users,
        minutes=settings.http.session_minutes if session else 0,
        ends_at=_moment(session.limit) if session else None,
        actions=scope["app"].state.actions if known else [],
        read_only=settings.store.read_only and known,
        features=features(settings) if known else [],
        locale=settings.http.language,
        store=settings.store.name if known else "",
        title=settings.store.title,
        aet=settings.dicom.aet if known else "",
        dicom_port=settings.dicom.port if known else 0,
        version=pons.__version__ if known else "",
    ).model_dump(by_alias=True)


def features(settings: Settings) -> list[str]:
    """What a store with these settings has, sorted."""
    depending = {
        "patients": settings.store.patient_level,
        "webdav": settings.webdav.enabled,
        "lua": settings.lua.execute or bool(settings.lua.scripts),
    }
    return sorted([*ALWAYS, *(name for name, there in depending.items() if there)])


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
