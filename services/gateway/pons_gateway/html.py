# SPDX-License-Identifier: Apache-2.0
"""Pages for people: each one file without anything from elsewhere, every value escaped."""

import shlex
from html import escape
from pathlib import Path
from string import Template
from typing import Any

import orjson

PAGES = Path(__file__).with_name("pages")
STYLE = (PAGES / "style.css").read_text(encoding="utf-8")
FAVICON = (PAGES / "favicon.ico").read_bytes()
UNSUPPORTED = (PAGES / "unsupported.png").read_bytes()
BRIDGE = (PAGES / "bridge.svg").read_text(encoding="utf-8")


def fill(page: str, **parts: str) -> str:
    """The page with its parts put in; they are HTML, so escape what is text."""
    template = Template((PAGES / page).read_text(encoding="utf-8"))
    return template.substitute(parts, style=STYLE, bridge=BRIDGE)


def documentation(document: dict[str, Any]) -> str:
    """The page of `/docs`, from the OpenAPI document."""
    chapters, contents = [], []
    for tag in document["tags"]:
        name = tag["name"]
        anchor = name.lower().replace(" ", "-")
        operations = [
            _operation(method, path, operation)
            for path, operations in document["paths"].items()
            for method, operation in operations.items()
            if name in operation["tags"]
        ]
        contents.append(f'<a href="#{anchor}">{escape(name)} <i>{len(operations)}</i></a>')
        chapters.append(
            f'<section id="{anchor}"><h2>{escape(name)}</h2>'
            f"<p>{escape(tag['description'])}</p>{''.join(operations)}</section>"
        )
    return fill(
        "docs.html",
        title=escape(document["info"]["title"]),
        version=escape(document["info"]["version"]),
        description=escape(document["info"]["description"]),
        contents="".join(contents),
        chapters="".join(chapters),
    )


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    parts = [
        _table(operation["parameters"]),
        _examples("Body", operation.get("requestBody", {}).get("content", {})),
        _examples("Answer", operation["responses"]["200"].get("content", {})),
        f"<h4>Try</h4><pre>{escape(curl(method, path, operation))}</pre>",
    ]
    return (
        f'<details><summary><b class="method {method}">{method.upper()}</b>'
        f"<code>{escape(path)}</code><span>{escape(operation['summary'])}</span></summary>"
        f"<div>{''.join(parts)}</div></details>"
    )


def curl(method: str, path: str, operation: dict[str, Any], base: str = "$PONS") -> str:
    """A command line that asks for this operation; $PONS is the store's address."""
    words = ["curl"]
    if method != "get":
        words.append(f"-X {method.upper()}")
    body = operation.get("requestBody", {}).get("content", {})
    if "application/json" in body:
        example = orjson.dumps(body["application/json"]["example"]).decode()
        words.append(f"-d {shlex.quote(example)}")
    elif body:
        words.append("--data-binary @file.dcm")
    return " ".join([*words, f'"{base}{path}"'])


def _table(parameters: list[dict[str, Any]]) -> str:
    if not parameters:
        return ""
    rows = (
        f"<tr><td><code>{escape(p['name'])}</code></td><td>{escape(p['in'])}, "
        f"{escape(p['schema']['type'])}</td><td>{escape(p['description'])}</td></tr>"
        for p in parameters
    )
    return f"<h4>Parameters</h4><table>{''.join(rows)}</table>"


def _examples(title: str, content: dict[str, Any]) -> str:
    if not content:
        return ""
    kinds = ", ".join(f"<code>{escape(kind)}</code>" for kind in content)
    shown = "".join(
        f"<pre>{escape(orjson.dumps(c['example'], option=orjson.OPT_INDENT_2).decode())}</pre>"
        for c in content.values()
        if c.get("example") is not None
    )
    return f"<h4>{title}: {kinds}</h4>{shown}"
