# SPDX-License-Identifier: Apache-2.0
"""Pages for people: each one file without anything from elsewhere, every value escaped."""

from pathlib import Path
from string import Template

PAGES = Path(__file__).parent
STYLE = (PAGES / "style.css").read_text(encoding="utf-8")
FAVICON = (PAGES / "favicon.ico").read_bytes()
UNSUPPORTED = (PAGES / "unsupported.png").read_bytes()
BRIDGE = (PAGES / "bridge.svg").read_text(encoding="utf-8")


def fill(page: str, **parts: str) -> str:
    """The page with its parts put in; they are HTML, so escape what is text."""
    template = Template((PAGES / page).read_text(encoding="utf-8"))
    return template.substitute(parts, style=STYLE, bridge=BRIDGE)
