# SPDX-License-Identifier: Apache-2.0
"""Users who log in: what tests of sessions share."""

from argon2 import PasswordHasher

from pons.settings import HttpSettings, Settings

HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("secret")
USERS = Settings(http=HttpSettings(users={"alice": HASH, "bob": HASH}))
ALICE = {"user": "alice", "password": "secret"}
LOGIN, LOGOUT, SESSION = (f"/explorer/api/{one}" for one in ("login", "logout", "session"))


def cookies(jar: dict[str, str]) -> dict[str, str]:
    return {"Cookie": "; ".join(f"{name}={value}" for name, value in jar.items())}
