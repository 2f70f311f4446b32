"""``{audit}``: what `make audit` found of the evidence under each statement, from the table that it keeps."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from book_reproducing import table
from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

FOLDER = Path(__file__).parents[2] / "tests" / "audit"
TABLE = FOLDER / "table.json"
HEADER = ("statement", "functions asked", "wrong answers caught", "excused", "bounds")


class Audit(SphinxDirective):
    """The numbers of the whole book, a row for each statement, and the excuses."""

    def run(self) -> list[nodes.Node]:
        for path in (TABLE, *FOLDER.glob("said/*.yml")):
            self.env.note_dependency(str(path))
        found = json.loads(TABLE.read_text())
        return [
            nodes.paragraph("", summary(list(found.values()))),
            table(HEADER, self.rows(found)),
            nodes.paragraph("", "What these tests cannot notice, and why:"),
            table(("answer", "wrong how", "why not"), excuses()),
        ]

    def rows(self, found: dict[str, Any]) -> Iterator[tuple[str | nodes.Node, ...]]:
        """Yield a row for each statement."""
        for label, row in found.items():
            target = {"refdomain": "prf", "reftype": "ref", "reftarget": label, "refdoc": self.env.docname}
            yield (
                pending_xref("", nodes.inline("", label), refexplicit=False, refwarn=True, **target),
                f"{row['pairs'] - row['not asked']} of {row['pairs']}",
                f"{row['caught']} of {row['bends']}",
                str(row["excused"] or ""),
                "; ".join(f"{bound}: {seen}" for bound, seen in row["bounds"].items()),
            )


def summary(rows: list[dict[str, Any]]) -> str:
    """Return the numbers of the whole book in words."""
    pairs, silent, bends, caught, excused = (
        sum(row[key] for row in rows) for key in ("pairs", "not asked", "bends", "caught", "excused")
    )
    return (
        f"{len(rows)} statements name {pairs} functions, of which their tests ask {pairs - silent}. Of {bends} wrong "
        f"answers they catch {caught}; {excused} others are excused, {bends - caught - excused} are not."
    )


def excuses() -> Iterator[tuple[str | nodes.Node, ...]]:
    """Yield a row for each excuse."""
    given = [yaml.safe_load(path.read_text()).get("excused", []) for path in sorted(FOLDER.glob("said/*.yml"))]
    for each in [excuse for page in given for excuse in page]:
        yield nodes.literal("", each["answer"]), ", ".join(each.get("bends", ["in any way"])), each["why"]


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to Sphinx."""
    app.add_directive("audit", Audit)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
