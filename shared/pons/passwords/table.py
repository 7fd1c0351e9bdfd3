# SPDX-License-Identifier: Apache-2.0
"""`http.users` for one user, as JSON: what PONS_HTTP_USERS holds, or the file of it.

python -m pons.passwords.table alice < password.txt
"""

import json
import sys

from argon2 import PasswordHasher


def users_table(user: str, password: str) -> str:
    """`{"alice": "argon2 hash"}`. Raises `ValueError` for what cannot be a user or a password."""
    if not user or ":" in user or not user.isprintable():
        raise ValueError("a user name has at least one character, and no colon")
    if not password:
        raise ValueError("the password is empty: give it on the standard input")
    return json.dumps({user: PasswordHasher().hash(password)})


def main(words: list[str]) -> int:
    if len(words) != 1:
        print("name one user: python -m pons.passwords.table USER < PASSWORD", file=sys.stderr)
        return 2
    try:
        print(users_table(words[0], sys.stdin.readline().rstrip("\r\n")))
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
