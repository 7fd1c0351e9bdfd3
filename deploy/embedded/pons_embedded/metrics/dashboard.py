# SPDX-License-Identifier: Apache-2.0
"""`deploy/grafana/pons.json`: a dashboard for Grafana, drawn from `panels.py`.

`python -m pons_embedded.metrics.dashboard` prints it; `--write PATH` writes it there, and
`--check PATH` ends with exit code 1 when the file at PATH says something else.
"""

import json
import sys
from itertools import count
from typing import Any

from pons_embedded.metrics.panels import ROWS, Panel
from pons_embedded.metrics.written import run

WIDTH, HEIGHT, COLUMNS = 8, 8, 3
"""Of a panel, in Grafana's units, of which 24 are a line."""
SOURCE = {"type": "prometheus", "uid": "${source}"}

VARIABLES: list[dict[str, Any]] = [
    {"name": "source", "label": "Prometheus", "type": "datasource", "query": "prometheus"},
    {
        "name": "namespace",
        "label": "Store",
        "type": "query",
        "datasource": SOURCE,
        "query": {"query": "label_values(pons_ready, namespace)", "refId": "namespaces"},
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",  # a store outside Kubernetes has no such label
        "current": {"text": "All", "value": "$__all"},
    },
]


def dashboard() -> dict[str, Any]:
    """What Grafana imports."""
    numbers, line, panels = count(1), 0, []
    for title, row in ROWS.items():
        place = {"x": 0, "y": line, "w": WIDTH * COLUMNS, "h": 1}
        panels.append(
            {"id": next(numbers), "type": "row", "title": title, "gridPos": place, "panels": []}
        )
        line += 1
        for at, panel in enumerate(row):
            down, right = divmod(at, COLUMNS)
            place = {"x": WIDTH * right, "y": line + HEIGHT * down, "w": WIDTH, "h": HEIGHT}
            panels.append({"id": next(numbers), "gridPos": place, **_drawn(panel)})
        line += HEIGHT * -(-len(row) // COLUMNS)
    return {
        "uid": "pons-stores",
        "title": "Pons: stores",
        "tags": ["pons", "dicom"],
        "schemaVersion": 39,
        "editable": True,
        "refresh": "1m",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": VARIABLES},
        "panels": panels,
    }


def dashboard_document() -> str:
    """The file."""
    return json.dumps(dashboard(), indent=1) + "\n"


def _drawn(panel: Panel) -> dict[str, Any]:
    targets = [
        {"refId": chr(ord("A") + at), "datasource": SOURCE, "expr": query, "legendFormat": legend}
        for at, (legend, query) in enumerate(panel.queries.items())
    ]
    return {
        "type": "timeseries",
        "title": panel.title,
        "description": panel.about,
        "datasource": SOURCE,
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "options": {"legend": {"displayMode": "list"}, "tooltip": {"mode": "multi"}},
        "targets": targets,
    }


if __name__ == "__main__":
    sys.exit(run("pons_embedded.metrics.dashboard", dashboard_document(), sys.argv[1:]))
