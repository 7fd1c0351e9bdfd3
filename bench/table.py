# SPDX-License-Identifier: Apache-2.0
"""Figures of several stores side by side."""

from collections.abc import Mapping, Sequence

WIDTH = 24
Figures = Mapping[str, Mapping[str, Sequence[float]]]
"""Store to row to figures, in the order of the columns."""


def print_table(columns: Sequence[str], found: Figures) -> None:
    """One line for each row; with two stores, how many times the first column is the other's."""
    stores = list(found)
    heads = "".join(f"{store + columns[0]:>14}" + _cells(columns[1:], "") for store in stores)
    print("\n" + " " * WIDTH + heads + ("   ratio" if len(stores) > 1 else ""))
    for row in found[stores[0]]:
        figures = [found[store][row] for store in stores]
        cells = "".join(f"{first:14.1f}" + _cells(others, ".2f") for first, *others in figures)
        ratio = f"{figures[0][0] / figures[1][0]:8.2f}" if len(stores) > 1 else ""
        print(f"{row:{WIDTH}}{cells}{ratio}")


def _cells(values: Sequence[str] | Sequence[float], form: str) -> str:
    return "".join(f"{format(value, form):>9}" for value in values)
