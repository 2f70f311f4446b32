"""What the audit found: judged against the excuses, counted, said, and kept for the book."""

import fnmatch
import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from .audit import Found
from .evidence import Statement, statements

HERE = Path(__file__).parent
TABLE = HERE / "table.json"
EXCUSED = HERE / "excused.yml"


def excuses() -> list[dict[str, Any]]:
    """Return for which answers which bends cannot be noticed, and why."""
    return yaml.safe_load(EXCUSED.read_text()) or []


def excused(label: str, answer: str, bend: str) -> dict[str, Any] | None:
    """Return the excuse for a bend that is not noticed, if there is one."""
    for each in excuses():
        here = fnmatch.fnmatch(answer, each["answer"]) and bend in each.get("bends", [bend])
        if here and label in each.get("statements", [label]):
            return each
    return None


def verdicts(found: Found) -> Iterator[tuple[str, str, str, str, str]]:
    """Yield statement, function, answer, bend and verdict, excuses taken into account."""
    for label, functions in found.items():
        for name, seen in functions.items():
            for answer, bent in seen["bends"].items():
                for bend, verdict in bent.items():
                    forgiven = verdict in ("unnoticed", "crashes") and excused(label, answer, bend)
                    yield label, name, answer, bend, "excused" if forgiven else verdict


def faults(found: Found) -> list[str]:
    """Return what is wrong with the evidence, one line each."""
    lines = [
        f"{label}: {name} is asked by none of its tests"
        for label, functions in found.items()
        for name, seen in functions.items()
        if not seen["asked"]
    ]
    lines += [
        f"{label}: {name} is asked, but its tests look at no answer of it"
        for label, functions in found.items()
        for name, seen in functions.items()
        if seen["asked"] and not seen["bends"]
    ]
    unnoticed: dict[tuple[str, str], list[str]] = {}
    for label, _, answer, bend, verdict in verdicts(found):
        if verdict in ("unnoticed", "crashes"):
            bends = unnoticed.setdefault((label, answer), [])
            bends.append(bend if verdict == "unnoticed" else f"{bend} (only crashes)")
    lines += [f"{label}: {answer} goes unnoticed {', '.join(bends)}" for (label, answer), bends in unnoticed.items()]
    return lines


def needless(found: Found) -> list[str]:
    """Return the excuses that excuse nothing, if the whole book was audited."""
    used = [
        excused(label, answer, bend)
        for label, functions in found.items()
        for seen in functions.values()
        for answer, bent in seen["bends"].items()
        for bend, verdict in bent.items()
        if verdict in ("unnoticed", "crashes")
    ]
    return [f"this excuse excuses nothing: {each}" for each in excuses() if each not in used]


def counts(found: Found, labels: set[str]) -> dict[str, int]:
    """Count pairs of statements and functions, and what became of the bends."""
    here = {label: functions for label, functions in found.items() if label in labels}
    pairs = [seen for functions in here.values() for seen in functions.values()]
    tally = Counter(verdict for *_, verdict in verdicts(here))
    return {
        "statements": len(here),
        "pairs": len(pairs),
        "not asked": sum(not seen["asked"] for seen in pairs),
        "bends": tally.total() - tally["void"],
    } | {key: tally[key] for key in ("caught", "unnoticed", "crashes", "excused")}


def text(found: Found) -> str:
    """Return what was found, page by page, faults first."""
    labels = {statement.label: statement.page for statement in statements() if statement.label in found}
    lines = []
    for page in dict.fromkeys(labels.values()):
        here = {label for label in labels if labels[label] == page}
        numbers = ", ".join(f"{n} {what}" for what, n in counts(found, here).items())
        lines += ["", f"{page}: {numbers}"]
        lines += [f"  {line}" for line in faults({label: found[label] for label in here & set(found)})]
    return "\n".join(
        [*lines, "", "in all: " + ", ".join(f"{n} {what}" for what, n in counts(found, set(found)).items())]
    )


def digest(statement: Statement) -> str:
    """Return a short hash of a statement's evidence: the names, and the source of each test."""
    import book_evidence

    sources = [book_evidence.source_of(test) for test in statement.tests]
    return hashlib.sha256(repr((statement.functions, statement.tests, sources)).encode()).hexdigest()[:16]


def save(found: Found, whole: bool) -> None:
    """Keep what was found for the book: all of it, or only what was tried anew."""
    kept = {} if whole or not TABLE.exists() else load()
    rows = {}
    for statement in statements():
        if statement.label in found:
            rows[statement.label] = {"evidence": digest(statement), "functions": found[statement.label]}
        elif statement.label in kept:
            rows[statement.label] = kept[statement.label]
    TABLE.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n")


def load() -> dict[str, Any]:
    """Return the table that was kept."""
    return json.loads(TABLE.read_text())


def stale() -> list[str]:
    """Return the statements whose evidence is another than when the table was made."""
    kept = load()
    now = {statement.label: digest(statement) for statement in statements()}
    return sorted({label for label in now | kept if now.get(label) != kept.get(label, {}).get("evidence")})
