# SPDX-License-Identifier: Apache-2.0
"""`./pons password`: the line of `pons.toml` for a user."""

import getpass
import sys

from argon2 import PasswordHasher

from pons_embedded.errors import Refusal


def print_password_line() -> int:
    """Ask for a user and a password and print their line; piped, they are two lines of input."""
    try:
        line = password_line(*_asked())
    except (EOFError, KeyboardInterrupt):
        raise Refusal("nothing was made: no user and password were given") from None
    except UnicodeError:
        raise Refusal("the user and the password have to be UTF-8") from None
    print("[http.users]")
    print(line)
    return 0


def _asked() -> tuple[str, str]:
    if not sys.stdin.isatty():
        user, password = (sys.stdin.readline().rstrip("\r\n") for _ in range(2))
        return user, password
    user = input("User: ")
    password = getpass.getpass("Password: ")
    if password != getpass.getpass("Again: "):
        raise Refusal("the two passwords differ: try again")
    return user, password


def password_line(user: str, password: str) -> str:
    """`"user" = "argon2 hash"`, for the table `[http.users]`."""
    if not user or not user.isprintable() or set(user) & set(':"\\'):
        raise Refusal("a user name has at least one character, and no colon, quote or backslash")
    if not password:
        raise Refusal("the password is empty: choose one")
    return f'"{user}" = "{PasswordHasher().hash(password)}"'
