# SPDX-License-Identifier: Apache-2.0
"""Logging in on the page and out, and what a session opens."""

import re
import time
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest

from pons.settings import HttpSettings, LuaSettings, Settings, StoreSettings
from pons_gateway.middleware.in_session import InSession
from pons_gateway.sessions.sessions import Sessions
from pons_testing.buckets import MemoryBus

from ..conftest import Open, Store, known_sessions
from .logins import ALICE, HASH, LOGIN, LOGOUT, SESSION, USERS, cookies

pytestmark = pytest.mark.anyio

PAGE = {"X-Requested-With": "pons-explorer"}


async def test_logging_in_and_out(open_client: Open) -> None:
    """A session opens every route until it is ended, and tells who asks."""
    async with open_client(USERS) as client:
        before = (await client.get(SESSION)).json()
        assert (before["user"], before["login"], before["actions"]) == (None, True, [])
        answer = await client.post(LOGIN, json=ALICE)
        assert answer.status_code == 200
        assert re.fullmatch(
            r"pons-[0-9a-f]{8}=[\w.-]+; Path=/; HttpOnly; SameSite=Strict",
            answer.headers["set-cookie"],
        )
        assert answer.headers["cache-control"] == "no-store"
        for path in ("/system", "/studies", "/docs", "/changes", "/docs/swagger-ui.css"):
            assert (await client.get(path)).status_code == 200, path
        state = (await client.get(SESSION)).json()
        assert state == answer.json()
        assert (state["user"], state["signedInBy"], state["minutes"]) == ("alice", "session", 30)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", state["endsAt"])
        cookie = dict(client.cookies)
        answer = await client.post(LOGOUT)
        assert (answer.status_code, answer.json()) == (200, {})
        assert "Max-Age=0" in answer.headers["set-cookie"]
        assert not client.cookies
        assert (await client.get("/system")).status_code == 401
        again = await client.get("/system", headers=cookies(cookie))
        assert again.status_code == 401, "a cookie that somebody kept opens nothing any more"
        assert (await client.post(LOGOUT)).status_code == 200


async def test_what_a_user_stores_in_a_session_is_his(open_client: Open, store: Store) -> None:
    async with open_client(USERS) as client:
        await client.post(LOGIN, json={"user": "bob", "password": "secret"})
        await client.post("/instances", content=b"DICOM")
    assert store.ingest.origins[0].username == "bob"


async def test_a_session_comes_before_what_a_browser_remembers(open_client: Open) -> None:
    """A browser adds the password of another user to what a page asks; scripts need no session."""
    async with open_client(USERS) as client:
        state = (await client.get(SESSION, auth=("bob", "secret"))).json()
        assert (state["user"], state["signedInBy"], state["endsAt"]) == ("bob", "basic", None)
        await client.post(LOGIN, json=ALICE)
        for auth in (("bob", "secret"), ("bob", "wrong")):
            state = (await client.get(SESSION, auth=auth)).json()
            assert (state["user"], state["signedInBy"]) == ("alice", "session")


async def test_who_logs_in_again_leaves_the_session_before(open_client: Open) -> None:
    """A login never goes on with a session that was there: each is its own."""
    async with open_client(USERS) as client:
        await client.post(LOGIN, json=ALICE)
        first = dict(client.cookies)
        await client.post(LOGIN, json={"user": "bob", "password": "secret"})
        assert (await client.get(SESSION)).json()["user"] == "bob"
        client.cookies.clear()
        assert (await client.get("/system", headers=cookies(first))).status_code == 401


@pytest.mark.parametrize(
    "headers",
    [PAGE, {"Referer": "http://store/explorer/studies?q=x"}, {**PAGE, "Cookie": "a=b"}],
)
async def test_no_box_for_the_page(open_client: Open, headers: dict[str, str]) -> None:
    """What the page asks for is refused without a challenge, and says what is wrong; everything
    else is challenged as ever."""
    async with open_client(USERS) as client:
        for path in ("/system", "/instances/x/preview", "/nope"):
            answer = await client.get(path, headers=headers)
            assert answer.status_code == 401
            assert "www-authenticate" not in answer.headers
            assert answer.json()["OrthancStatus"] == 29
            for others in (
                {},
                {"X-Requested-With": "XMLHttpRequest"},
                {"Referer": "http://store/docs"},
            ):
                answer = await client.get(path, headers=others)
                assert (answer.status_code, answer.content) == (401, b"")
                assert answer.headers["www-authenticate"].startswith("Basic ")


@dataclass
class Clock:
    now: float

    def __call__(self) -> float:
        return self.now


def timed() -> tuple[Sessions, Clock]:
    clock = Clock(time.time())
    sessions = Sessions(MemoryBus(), USERS, USERS.http.users, clock)  # type: ignore[arg-type]
    sessions.take_key(b"k" * 32)
    return sessions, clock


async def test_it_is_renewed_while_somebody_asks(open_client: Open) -> None:
    """Each request shows that somebody is there."""
    sessions, clock = timed()
    async with open_client(USERS, sessions=sessions) as client:
        await client.post(LOGIN, json=ALICE)
        (first,) = client.cookies.values()
        assert "set-cookie" not in (await client.get("/system")).headers
        clock.now += 20 * 60
        answer = await client.get("/system")
        assert "SameSite=Strict" in answer.headers["set-cookie"]
        (second,) = client.cookies.values()
        assert second != first
        clock.now += 20 * 60
        assert (await client.get(SESSION)).json()["user"] == "alice"
        clock.now += 30 * 60
        answer = await client.get("/system", headers=PAGE)
        assert answer.status_code == 401


@pytest.mark.parametrize(
    ("told", "renewed"),
    [
        ("public, max-age=31536000, immutable", False),
        ("no-cache", False),
        ("private, max-age=86400, immutable", True),
        ("no-store", True),
    ],
)
@pytest.mark.parametrize("ended", [False, True])
async def test_no_proxy_keeps_a_cookie(told: str, renewed: bool, ended: bool) -> None:
    """An answer that is kept for others carries nobody's session, and takes nobody's back."""
    sessions, clock = timed()
    session, _ = sessions.begin("alice")
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    app: Any = SimpleNamespace(state=SimpleNamespace(backends=SimpleNamespace(sessions=sessions)))
    answer = InSession({"app": app, "scheme": "http"}, send, session)
    clock.now += 20 * 60
    if ended:
        await sessions.end(session)
    headers = [(b"content-type", b"text/html"), (b"cache-control", told.encode())]
    await answer({"type": "http.response.start", "status": 200, "headers": headers})
    assert (b"set-cookie" in dict(sent[0]["headers"])) == renewed


@pytest.mark.parametrize("why", ["logged out", "nobody asked"])
async def test_events_end_with_the_session(why: str) -> None:
    """Not one comes after it, and the answer is complete: the browser asks again. Events do not
    renew a session, since a page that nobody looks at follows them."""
    sessions, clock = timed()
    session, _ = sessions.begin("alice")
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    app: Any = SimpleNamespace(state=SimpleNamespace(backends=SimpleNamespace(sessions=sessions)))
    answer = InSession({"app": app, "scheme": "http"}, send, session)
    clock.now += 20 * 60
    kind = (b"content-type", b"text/event-stream; charset=utf-8")
    start = {"type": "http.response.start", "status": 200, "headers": [kind]}
    event = {"type": "http.response.body", "body": b"data: 1\n\n", "more_body": True}
    await answer(start)
    await answer(event)
    assert sent == [start, event]
    if why == "logged out":
        await sessions.end(session)
    else:
        clock.now += 10 * 60
    with pytest.raises(OSError, match="the session has ended"):
        await answer(event)
    assert sent == [start, event, {"type": "http.response.body", "body": b""}]


async def test_where_the_others_cannot_be_told(
    open_client: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Logging out says so, takes the cookie back, and holds here."""
    sessions = known_sessions(MemoryBus(), USERS)

    async def away(_key: str, _value: bytes) -> int:
        raise TimeoutError

    bucket = await sessions._ends._bucket()
    monkeypatch.setattr(bucket, "put", away)
    async with open_client(USERS, sessions=sessions) as client:
        await client.post(LOGIN, json=ALICE)
        jar = dict(client.cookies)
        answer = await client.post(LOGOUT)
        assert answer.status_code == 503
        assert "Max-Age=0" in answer.headers["set-cookie"]
        assert (await client.get("/system", headers=cookies(jar))).status_code == 401


async def test_without_users(open_client: Open) -> None:
    """Everybody may do everything, and nobody can log in."""
    async with open_client() as client:
        state = (await client.get(SESSION)).json()
        assert (state["user"], state["signedInBy"], state["login"]) == ("", "none", False)
        assert "delete" in state["actions"]
        assert (await client.post(LOGIN, json=ALICE)).status_code == 409
        assert (await client.post(LOGOUT)).status_code == 200


async def test_what_is_told(open_client: Open) -> None:
    """Who is known hears what the store is and has; a stranger what a form to log in shows."""
    settings = Settings(
        http=HttpSettings(users={"alice": HASH}, language="fr"),
        store=StoreSettings(name="nm", title="Nuclear <medicine>", patient_level=False),
        lua=LuaSettings(execute=True),
    )
    async with open_client(settings) as client:
        assert (await client.get(SESSION)).json() == {
            "user": None,
            "signedInBy": "none",
            "login": True,
            "minutes": 0,
            "endsAt": None,
            "actions": [],
            "readOnly": False,
            "features": [],
            "locale": "fr",
            "store": "",
            "title": "Nuclear <medicine>",
            "aet": "",
            "dicomPort": 0,
            "version": "",
        }
        told = (await client.post(LOGIN, json=ALICE)).json()
        assert (told["store"], told["aet"], told["dicomPort"]) == ("nm", "PONS", 4242)
        assert {"lua", "webdav", "worklists"} <= set(told["features"])
        assert "patients" not in told["features"]
        assert "scripts" in told["actions"]
        assert "protect" not in told["actions"], "it has no route without a level of patients"


async def test_without_the_page(open_client: Open) -> None:
    """A store without pages for people has no sessions either."""
    settings = Settings(http=HttpSettings(users={"alice": HASH}, explorer=False))
    async with open_client(settings) as client:
        assert (await client.post(LOGIN, json=ALICE)).status_code == 401
        answer = await client.post(LOGIN, json=ALICE, auth=("alice", "secret"))
        assert answer.status_code == 404
