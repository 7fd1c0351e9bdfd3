# SPDX-License-Identifier: Apache-2.0
"""Writes `tables.py`: what pydicom's modules `charset` and `valuerep` list.

They cannot be read without the whole of pydicom, which is too much for each service to load.
"""

import argparse
from collections.abc import Iterable, Mapping
from pathlib import Path

from pydicom import charset, valuerep

COMMAND = "python -m pons.header.tables_source --write shared/pons/header/tables.py"
Value = str | bytes | int


def tables() -> str:
    """The text of `tables.py`."""
    return "\n".join(
        (
            "# SPDX-License-Identifier: Apache-2.0",
            f'"""Lists of pydicom about text and VRs, written by\n`{COMMAND}`.\n"""',
            "",
            f"DEFAULT_ENCODING = {_literal(charset.default_encoding)}",
            '"""Of data sets that name no character set, in Python\'s words."""',
            "",
            *_mapping("ENCODINGS", charset.python_encoding),
            '"""Defined terms (PS3.3 C.12.1.1.2) to Python\'s encodings."""',
            "",
            *_mapping("ESCAPED_ENCODINGS", charset.CODES_TO_ENCODINGS),
            '"""Escape sequences (PS3.3 tables C.12-3 and C.12-4) to Python\'s encodings."""',
            "",
            *_set("LONG_VRS", map(str, valuerep.EXPLICIT_VR_LENGTH_32)),
            '"""VRs whose length has four bytes (PS3.5 7.1.2)."""',
            "",
        )
    )


def _mapping(name: str, entries: Mapping[str, str] | Mapping[bytes, str]) -> list[str]:
    lines = (f"    {_literal(key)}: {_literal(value)}," for key, value in entries.items())
    return [f"{name} = {{", *lines, "}"]


def _set(name: str, values: Iterable[Value]) -> list[str]:
    lines = (f"        {_literal(value)}," for value in sorted(set(values)))
    return [f"{name} = frozenset(", "    (", *lines, "    )", ")"]


def _literal(value: Value) -> str:
    return repr(value).replace("'", '"')


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m pons.header.tables_source")
    parser.add_argument("--write", type=Path, metavar="PATH", required=True)
    parser.parse_args().write.write_text(tables(), encoding="utf-8")
