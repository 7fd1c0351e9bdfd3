# SPDX-License-Identifier: Apache-2.0
"""`docs/configuration.md`, written from the settings themselves.

`python -m pons.settings.document` prints it; `--write PATH` writes it there, and `--check PATH`
ends with exit code 1 when the file at PATH says something else.
"""

import argparse
import json
import sys
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from pons.settings.load import sections, variable
from pons.settings.model import Settings
from pons.settings.section import Section

COMMAND = "python -m pons.settings.document --write docs/configuration.md"

INTRODUCTION = f"""\
# Configuration

<!-- Written by `{COMMAND}`: change the settings, not this page. -->

Every setting has a default, a place in one file, `pons.toml`, and an environment variable.

- **The file**: `./pons up` reads `pons.toml` beside the launcher where there is one, or the file
  that `--config` or the variable `PONS_CONFIG` names. A service that is started without the
  launcher reads the file that `PONS_CONFIG` names, or none. A file whose name ends in `.json` is
  the same tree as JSON.
- **Orthanc's configuration file** can be read, too:
  [orthanc-configuration.md](orthanc-configuration.md).
- **The variable** of a setting is `PONS_`, its section and its name: `port` in `[http]` is
  `PONS_HTTP_PORT`. True and false are `true` and `false`; a table or a list is JSON, as in
  `PONS_MODALITIES='{{"ct": ["CT1", "192.0.2.7", 104]}}'`.
- **The file of a variable**: with `_FILE` behind its name, a variable names a file that holds the
  value, as orchestrators hand over secrets: `PONS_DATABASE_URL_FILE=/run/secrets/database_url`.
  Line ends behind the value are no part of it. It is a mistake to set both.
- **What wins**: options of the launcher (`--store`, `--http-port`, …) over variables, variables
  over the file, the file over the defaults. Tables are merged key by key.
- **A wrong setting** ends the start with one sentence that names it and says what it may be, such
  as `http.port: Input should be less than or equal to 65535 (it is '70000')`. A setting in the file
  that Pons does not know is wrong too, and so is a variable that is nearly spelt like one. Other
  `PONS_*` variables, such as Kubernetes makes for a service named `pons-gateway`, are ignored with
  one line of warning. Passwords and keys are not repeated in messages.
- A change takes effect with the next start.

```toml
[store]
name = "main"

[http]
port = 8042

[dicom]
aet = "PONS"
port = 4242
```
"""

MODALITIES = """\
## `[modalities]`: DICOM peers

{description} Variable: `PONS_MODALITIES`.

```toml
[modalities]
ct = ["CT1", "192.0.2.7", 104]

[modalities.archive]
AET = "ARCHIVE"
Host = "archive.example.org"
Port = 11112
Timeout = 30            # seconds, in place of egress.timeout
```

A name has letters, digits, `-` and `_`. The keys are those of the REST API
(`PUT /modalities/{{id}}`).
"""

PEERS = """\
## `[peers]`: other stores

{description} Variable: `PONS_PEERS`.

```toml
[peers.archive]
Url = "https://archive.example.org/"
Username = "pons"
Password = "..."
```

A name has letters, digits, `-` and `_`. The keys are those of the REST API (`PUT /peers/{{id}}`).
"""

NUMBERS = {int: "integer", float: "number"}
PLAIN = {str: "text", bool: "true or false", Path: "path", dict: "table", list: "list"}


def configuration_document() -> str:
    """The page, as Markdown."""
    parts = [INTRODUCTION]
    parts += [_section(name, kind) for name, kind in sections().items()]
    for name, chapter in {"modalities": MODALITIES, "peers": PEERS}.items():
        parts.append(chapter.format(description=Settings.model_fields[name].description))
    return "\n".join(parts)


def _section(section: str, kind: type[Section]) -> str:
    lines = [
        f"## `[{section}]`: {kind.__doc__}",
        "",
        "| setting | variable | type | default | description |",
        "|---|---|---|---|---|",
    ]
    for name, field in kind.model_fields.items():
        cells = (
            f"`{name}`",
            f"`{variable(section, name)}`",
            _type(field),
            _default(field.get_default()),
            field.description or "",
        )
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join([*lines, ""])


def _type(field: FieldInfo) -> str:
    annotation: Any = field.annotation
    if get_origin(annotation) in (Union, UnionType):
        annotation = next(kind for kind in get_args(annotation) if kind is not type(None))
    if get_origin(annotation) is Literal:
        return " or ".join(f"`{choice}`" for choice in get_args(annotation))
    plain = get_origin(annotation) or annotation
    return PLAIN.get(plain) or NUMBERS[plain] + _bounds(field.metadata)


def _bounds(metadata: list[Any]) -> str:
    words = {"ge": "from", "gt": "above", "le": "to", "lt": "below"}
    return "".join(
        f" {word} {getattr(bound, kind)}"
        for bound in metadata
        for kind, word in words.items()
        if hasattr(bound, kind)
    )


def _default(value: Any) -> str:
    """The default as it would stand in the file."""
    if value is None:
        return "none"
    return f"`{json.dumps(value)}`"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m pons.settings.document")
    parser.add_argument("--write", type=Path, metavar="PATH")
    parser.add_argument("--check", type=Path, metavar="PATH")
    choice = parser.parse_args()
    document = configuration_document()
    if choice.write:
        choice.write.write_text(document, encoding="utf-8")
    elif choice.check is None:
        sys.stdout.write(document)
    elif not choice.check.is_file() or choice.check.read_text(encoding="utf-8") != document:
        print(f"{choice.check} does not say what the settings say: {COMMAND}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
