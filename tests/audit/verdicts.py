"""What the audit found, judged: what goes unnoticed and is not excused, and what is said wrongly of a bound."""

import fnmatch
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from . import bounds
from .audit import Found
from .evidence import statements

EXCUSED = Path(__file__).parent / "excused.yml"
MISSED = ("unnoticed", "crashes")


@cache
def excuses() -> list[dict[str, Any]]:
    """Return for which answers which bends cannot be noticed, and why."""
    return yaml.safe_load(EXCUSED.read_text()) or []


def excused(label: str, answer: str, bend: str) -> dict[str, Any] | None:
    """Return the excuse for a bend that is not noticed, if there is one."""
    for each in excuses():
        here = fnmatch.fnmatchcase(answer, each["answer"]) and bend in each.get("bends", [bend])
        if here and label in each.get("statements", [label]):
            return each
    return None


def bent(found: Found) -> Iterator[tuple[str, str, str, str]]:
    """Yield statement, answer, bend and verdict, excuses taken into account."""
    for label, row in found.items():
        for function in row["functions"].values():
            for answer, bends in function["bends"].items():
                for bend, verdict in bends.items():
                    forgiven = verdict in MISSED and excused(label, answer, bend)
                    yield label, answer, bend, "excused" if forgiven else verdict


def faults(found: Found) -> list[str]:
    """Return what is wrong with the evidence of these statements, one line each."""
    lines = []
    for label, row in found.items():
        for name, function in row["functions"].items():
            if not function["asked"]:
                lines.append(f"{label}: {name} is asked by none of its tests")
            elif not function["bends"]:
                lines.append(f"{label}: {name} is asked, but its tests look at no answer of it")
        missed: dict[str, list[str]] = {}
        for _, answer, bend, verdict in bent({label: row}):
            if verdict in MISSED:
                missed.setdefault(answer, []).append(bend if verdict == "unnoticed" else f"{bend} (only crashes)")
        lines += [f"{label}: {answer} goes unnoticed {', '.join(bends)}" for answer, bends in missed.items()]
        lines += bounds.faults(label, row["bounds"])
    return lines


def needless(found: Found) -> list[str]:
    """Return the excuses and the entries of bounds that are about nothing in the whole book."""
    used = [
        excused(label, answer, bend)
        for label, row in found.items()
        for function in row["functions"].values()
        for answer, bends in function["bends"].items()
        for bend, verdict in bends.items()
        if verdict in MISSED
    ]
    return [f"excused.yml: this excuses nothing: {each}" for each in excuses() if each not in used] + [
        f"constants.yml: there is no statement {label}" for label in bounds.constants() if label not in found
    ]


def unsaid(found: Found) -> list[str]:
    """Return the statements that show an inequality and have no entry in `constants.yml`."""
    return [
        f"{each.label}: constants.yml does not say how its tests see its bounds"
        for each in statements()
        if each.label in found and each.bounds and each.label not in bounds.constants()
    ]


def counts(found: Found) -> dict[str, int]:
    """Count pairs of statements and functions, and what became of the bends."""
    functions = [each for row in found.values() for each in row["functions"].values()]
    tally = Counter(verdict for *_, verdict in bent(found))
    return {
        "statements": len(found),
        "pairs": len(functions),
        "not asked": sum(not each["asked"] for each in functions),
        "bends": tally.total() - tally["void"],
        **{verdict: tally[verdict] for verdict in ("caught", *MISSED, "excused")},
    }
