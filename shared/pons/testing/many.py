# SPDX-License-Identifier: Apache-2.0
"""A store of very many rows, made by the server itself within seconds, for plans and benches."""

from pathlib import Path
from typing import Any

from pons.sql import load_statements

STATEMENTS = load_statements(Path(__file__).with_name("many.sql"))


async def fill(connection: Any, studies: int, instances: int) -> None:
    """Write `studies` studies of two series of `instances` instances, half as many patients."""
    values: dict[str, tuple[int, ...]] = {
        "patients": (studies,),
        "studies": (studies,),
        "series": (studies, instances),
        "instances": (instances,),
    }
    for name, statement in STATEMENTS.items():
        await connection.execute(statement, *values.get(name, ()), timeout=3600)
