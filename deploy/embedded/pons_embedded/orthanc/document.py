# SPDX-License-Identifier: Apache-2.0
"""`docs/orthanc-configuration.md`, written from the table of options.

`python -m pons_embedded.orthanc.document` prints it.
"""

import json
import sys
from collections.abc import Iterator

from pons_embedded.orthanc.options import UNSAID, Chapter, Joint, Option, Same
from pons_embedded.orthanc.table import CHAPTERS

COMMAND = "python -m pons_embedded.orthanc.document > docs/orthanc-configuration.md"

INTRODUCTION = f"""\
# Orthanc's configuration file

<!-- Written by `{COMMAND}`: change the table, not this page. -->

```
./pons up --orthanc-config orthanc.json
```

reads Orthanc's own file and starts a store that does what it says. The option may be repeated, and
may name a folder, of which every `*.json` is read.

- **The file** is read as Orthanc reads it: C and C++ comments, trailing commas, `${{NAME}}` and
  `${{NAME:-default}}` from the environment. The same option in two files ends the start.
- **What has no counterpart** is told at the start, one line each, with the reason; so is an option
  that nobody knows. A value that asks for what Pons does anyway is not worth a line.
- **A wrong value** ends the start with one sentence that names the option.
- **What wins**: options of the launcher over `PONS_*` variables, over `pons.toml`, over Orthanc's
  file, over the defaults. Tables, such as modalities and users, are merged key by key.
- **Passwords** of `RegisteredUsers` become argon2 hashes at the start. What the services are told
  is kept in `settings.json` in the data folder, which only its owner can read.
- **The DICOM port** listens on every interface, as Orthanc's does; REST only where
  `RemoteAccessAllowed` says so. A server that Orthanc's file turns off stays on loopback.
- **TLS** is spoken as the file says, by DICOM and by REST; certificates are looked for from its
  folder on.
- **Images** stay where they are: Orthanc's storage and index are not opened. Send its studies to
  the new store, or upload the files of its storage folder.
"""


def orthanc_document() -> str:
    """The page, as Markdown."""
    return "\n".join([INTRODUCTION, *(line for one in CHAPTERS for line in _chapter(one))])


def _chapter(chapter: Chapter) -> Iterator[str]:
    yield from (f"## {chapter.title}", "", "| option | here | |", "|---|---|---|")
    for option in chapter.options:
        here, more = _cells(option)
        yield f"| `{option.name}` | {here} | {more} |"
    yield ""


def _cells(option: Option) -> tuple[str, str]:
    match option:
        case Same(settings=settings, default=default, note=note):
            left_out = "" if default is UNSAID else f"Left out, it is `{json.dumps(default)}`."
            return ", ".join(f"`{one}`" for one in settings), " ".join(
                filter(None, (note, left_out))
            )
        case Joint(note=note):
            return "with others", note
    fits = " or ".join(f"`{json.dumps(value)}`" for value in option.fits)
    why = option.why[0].upper() + option.why[1:] + "."
    return "–", why + (f" No warning for {fits}." if fits else "")


if __name__ == "__main__":
    sys.stdout.write(orthanc_document())
