"""What the audit found, judged: what goes unnoticed and is not excused, and what is said wrongly of a bound."""

import fnmatch
from collections import Counter
from collections.abc import Iterator
from typing import Any

from . import bounds, said
from .audit import Found, Row
from .evidence import statements

MISSED = ("unnoticed", "crashes")


def bent(found: Found) -> Iterator[tuple[str, str, str, str]]:
    """Yield statement, answer, bend and verdict, excuses taken into account."""
    for label, row in found.items():
        for function in row.functions.values():
            for answer, bends in function["bends"].items():
                for bend, verdict in bends.items():
                    forgiven = verdict in MISSED and _excuse(row.page, label, answer, bend)
                    yield label, answer, bend, "excused" if forgiven else verdict


def _excuse(page: str, label: str, answer: str, bend: str) -> dict[str, Any] | None:
    """Return the excuse for a bend that is not noticed, if there is one."""
    for each in said.excuses(page):
        here = fnmatch.fnmatchcase(answer, each["answer"]) and bend in each.get("bends", [bend])
        if here and label in each.get("statements", [label]):
            return each
    return None


def faults(found: Found) -> Iterator[str]:
    """Yield what is wrong with the evidence of these statements, one line each."""
    for label, row in found.items():
        for name, function in row.functions.items():
            if not function["asked"]:
                yield f"{label}: {name} is asked by none of its tests"
            elif not function["bends"]:
                yield f"{label}: {name} is asked, but its tests look at no answer of it"
        missed: dict[str, list[str]] = {}
        for _, answer, bend, verdict in bent({label: row}):
            if verdict in MISSED:
                missed.setdefault(answer, []).append(bend if verdict == "unnoticed" else f"{bend} (only crashes)")
        yield from (f"{label}: {answer} goes unnoticed {', '.join(bends)}" for answer, bends in missed.items())
        yield from _wrongly_said(label, row)


def _wrongly_said(label: str, row: Row) -> Iterator[str]:
    """Yield what is not, or wrongly, said of the bounds that a statement shows."""
    entries = said.bounds(row.page).get(label)
    if entries is None and row.bounded:
        yield f"{label}: said/{row.page}.yml does not say how its tests see its bounds"
    for entry in entries or []:
        yield from (f"{label}: {fault}" for fault in bounds.fault(entry, row.bounds))


def needless(found: Found) -> list[str]:
    """Return the excuses that nothing needs, and the bounds of no statement, of pages that were tried as a whole."""
    lines = []
    partly = {each.page for each in statements() if each.label not in found}
    for page in sorted({row.page for row in found.values()} - partly):
        here = {label: row for label, row in found.items() if row.page == page}
        used = [_excuse(page, *each) for each in _missed(here)]
        lines += [f"{page}: nothing needs this excuse: {each}" for each in said.excuses(page) if each not in used]
        lines += [f"{page}: there is no statement {label}" for label in said.bounds(page) if label not in here]
    return lines


def _missed(found: Found) -> Iterator[tuple[str, str, str]]:
    """Yield statement, answer and bend of what goes unnoticed, excused or not."""
    for label, row in found.items():
        for function in row.functions.values():
            for answer, bends in function["bends"].items():
                yield from ((label, answer, bend) for bend, verdict in bends.items() if verdict in MISSED)


def counts(found: Found) -> dict[str, int]:
    """Count pairs of statements and functions, and what became of the bends."""
    functions = [each for row in found.values() for each in row.functions.values()]
    tally = Counter(verdict for *_, verdict in bent(found))
    return {
        "statements": len(found),
        "pairs": len(functions),
        "not asked": sum(not each["asked"] for each in functions),
        "bends": tally.total() - tally["void"],
        **{verdict: tally[verdict] for verdict in ("caught", *MISSED, "excused")},
    }
