"""What the audit found, said and kept for the book."""

import hashlib
import json
from pathlib import Path
from typing import Any

import book_evidence

from . import bounds, said, verdicts
from .audit import Found, Row
from .evidence import Statement, statements

ROOT = Path(__file__).parents[2]
TABLE = Path(__file__).parent / "table.json"
SHOWN = ("pairs", "not asked", "bends", "caught", "excused")


def text(found: Found, inequalities: bool) -> str:
    """Return what was found, page by page, also how tight the tests see each inequality if that is wanted."""
    pages: dict[str, Found] = {}
    for statement in statements():
        if statement.label in found:
            pages.setdefault(statement.page, {})[statement.label] = found[statement.label]
    lines = []
    for page, here in pages.items():
        lines += ["", f"{page}: {_numbers(here)}"]
        lines += [f"  {fault}" for fault in verdicts.faults(here)]
        if inequalities:
            for label, row in here.items():
                measured = sorted(row.bounds.items(), key=lambda each: each[1])
                lines += [f"  {label}: loose by {quotient:.3g}: {check}" for check, quotient in measured]
    return "\n".join([*lines, "", f"in all: {_numbers(found)}"])


def _numbers(found: Found) -> str:
    return ", ".join(f"{n} {what}" for what, n in verdicts.counts(found).items())


def digest(statement: Statement) -> str:
    """Return a short hash of a statement's evidence: the names, and the source of each test."""
    sources = [book_evidence.source_of(test) for test in statement.tests]
    return hashlib.sha256(repr((statement.functions, statement.tests, sources)).encode()).hexdigest()[:16]


def save(found: Found, whole: bool) -> None:
    """Keep what was found for the book: all of it, or only what was tried anew."""
    kept = {} if whole or not TABLE.exists() else load()
    rows = {}
    for statement in statements():
        if statement.label in found:
            rows[statement.label] = {"evidence": digest(statement), **_row(statement.label, found[statement.label])}
        elif statement.label in kept:
            rows[statement.label] = kept[statement.label]
    TABLE.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n")


def _row(label: str, row: Row) -> dict[str, Any]:
    """Return what the book shows of a statement."""
    numbers = verdicts.counts({label: row})
    seen = bounds.looseness(said.bounds(row.page).get(label, []), row.bounds)
    return {"page": row.page} | {key: numbers[key] for key in SHOWN} | {"bounds": seen}


def load() -> dict[str, Any]:
    """Return the table that was kept."""
    return json.loads(TABLE.read_text())


def stale() -> list[str]:
    """Return the statements whose evidence is another than when the table was made."""
    kept = load()
    now = {statement.label: digest(statement) for statement in statements()}
    return sorted({label for label in now | kept if now.get(label) != kept.get(label, {}).get("evidence")})
