"""What is measured, as tables: medians and quartiles, as text and as Markdown."""

from typing import Any, NamedTuple

import numpy as np


class Spread(NamedTuple):
    """A median and its quartiles."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Any) -> "Spread":
        """Take the median and the quartiles of repeats."""
        low, median, high = np.quantile(values, [0.25, 0.5, 0.75])
        return cls(float(median), float(low), float(high))

    def __format__(self, spec: str) -> str:
        return f"{self.median:{spec}} ({self.low:{spec}} to {self.high:{spec}})"


class Table(NamedTuple):
    """A title, the heads of columns, rows, and a sentence on how to read them."""

    title: str
    head: list[str]
    rows: list[list[Any]]
    note: str


def as_text(table: Table) -> str:
    """Lay a table out for the terminal."""
    cells = [table.head, *([f"{cell:.3g}" if isinstance(cell, Spread) else cell for cell in r] for r in table.rows)]
    sizes = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ["  ".join(cell.ljust(size) for cell, size in zip(row, sizes, strict=True)).rstrip() for row in cells]
    return "\n".join(["", table.title, "", *lines, "", table.note])


def as_markdown(table: Table) -> str:
    """Lay a table out in Markdown."""
    rows = [[f"{cell:.3g}" if isinstance(cell, Spread) else cell for cell in row] for row in table.rows]
    body = ["| " + " | ".join(row) + " |" for row in (table.head, ["---"] * len(table.head), *rows)]
    return "\n".join([f"### {table.title}", "", *body, "", table.note, ""])
