"""Tables for the page of tests: what `make audit` found of the evidence, and `make mutants` of the whole suite."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from book_reproducing import table
from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective, SphinxRole

TESTS = Path(__file__).parents[2] / "tests"
AUDIT, MUTANTS = TESTS / "audit" / "table.json", TESTS / "mutants" / "table.json"
SAID = TESTS / "audit" / "said"
STATEMENTS = ("statement", "functions asked", "wrong answers caught", "excused", "bounds")
COUNTS = ("pairs", "not asked", "bends", "caught", "excused")


class Audit(SphinxDirective):
    """``{audit}``: the numbers of the whole book, a row for each statement, and the excuses."""

    def run(self) -> list[nodes.Node]:
        for path in (AUDIT, *SAID.glob("*.yml")):
            self.env.note_dependency(str(path))
        found = json.loads(AUDIT.read_text())
        pairs, silent, bends, caught, excused = (sum(row[key] for row in found.values()) for key in COUNTS)
        numbers = (
            f"{len(found)} statements name {pairs} functions, of which their tests ask {pairs - silent}. "
            f"Of {bends} wrong answers they catch {caught}; {excused} are excused, {bends - caught - excused} are not."
        )
        return [
            nodes.paragraph("", numbers),
            table(STATEMENTS, self.rows(found)),
            nodes.paragraph("", "What the tests of a page cannot notice, and why:"),
            table(("page", "answer", "wrong how", "why not"), excuses()),
        ]

    def rows(self, found: dict[str, Any]) -> Iterator[tuple[str | nodes.Node, ...]]:
        """Yield a row for each statement."""
        for label, row in found.items():
            yield (
                self.statement(label) if f"book/{row['page']}" in self.env.found_docs else label,
                f"{row['pairs'] - row['not asked']} of {row['pairs']}",
                f"{row['caught']} of {row['bends']}",
                str(row["excused"] or ""),
                "; ".join(f"{bound}: {seen}" for bound, seen in row["bounds"].items()),
            )

    def statement(self, label: str) -> nodes.Node:
        """Return a link to a statement."""
        target = {"refdomain": "prf", "reftype": "ref", "reftarget": label, "refdoc": self.env.docname}
        return pending_xref("", nodes.inline("", label), refexplicit=False, refwarn=True, **target)


def excuses() -> Iterator[tuple[str | nodes.Node, ...]]:
    """Yield a row for each excuse."""
    for path in sorted(SAID.glob("*.yml")):
        for each in yaml.safe_load(path.read_text()).get("excused", []):
            how = ", ".join(each.get("bends", ["in any way"]))
            yield path.stem, nodes.literal("", each["answer"]), how, each["why"]


class Loose(SphinxRole):
    """``{loose}`` and a statement: by what factor its bound is too large where it is tested, or from which to which."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        self.env.note_dependency(str(AUDIT))
        seen = json.loads(AUDIT.read_text())[self.text]["bounds"].values()
        factors = sorted((each.removeprefix("loose by ") for each in seen if each != "attained"), key=float)
        return [nodes.Text(" to ".join(dict.fromkeys([factors[0], factors[-1]])))], []


class Mutants(SphinxDirective):
    """``{mutants}``: how many faults of each kind were caught, and those that were not."""

    def run(self) -> list[nodes.Node]:
        self.env.note_dependency(str(MUTANTS))
        if not MUTANTS.exists():
            return [nodes.paragraph("", "They have not been planted in this state of the package yet.")]
        found = json.loads(MUTANTS.read_text())
        planted = Counter(kind for kind, _ in found["faults"].values())
        caught = Counter(kind for kind, by in found["faults"].values() if by)
        kinds = [(kind, str(caught[kind]), str(planted[kind])) for kind in sorted(planted)]
        survivors = [(nodes.literal("", name), why) for name, why in found["survivors"].items()]
        return [
            nodes.paragraph("", f"Of {planted.total()} faults the suite catches {caught.total()}."),
            table(("fault", "caught", "planted"), kinds),
            nodes.paragraph("", "Those that no test catches:"),
            table(("fault", "why not"), survivors),
        ]


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to Sphinx."""
    app.add_directive("audit", Audit)
    app.add_directive("mutants", Mutants)
    app.add_role("loose", Loose())
    return {"parallel_read_safe": True, "parallel_write_safe": True}
