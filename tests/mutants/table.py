"""What came of the faults, said and kept for the book."""

import json
from functools import cache
from pathlib import Path

import yaml

from .faults import chosen

TABLE = Path(__file__).parent / "table.json"
SURVIVORS = Path(__file__).parent / "survivors.yml"


@cache
def explained() -> dict[str, str]:
    """Return of each survivor that is known why no test can or need catch it."""
    return yaml.safe_load(SURVIVORS.read_text()) or {}


def noticed() -> dict[str, str]:
    """Return by what each fault was noticed when it was last planted: a test, an error, or nothing."""
    return {name: by for name, (_, by) in _kept().items()}


def unexplained(found: dict[str, str]) -> list[str]:
    """Return the faults that survive without a reason, and the reasons that nothing needs."""
    needless = [f"explained, but caught: {name}" for name in explained() if found.get(name)]
    return [name for name, by in found.items() if not by and name not in explained()] + needless


def text(found: dict[str, str]) -> str:
    """Return the survivors and how many faults were caught."""
    survivors = [f"survived: {name}" for name, by in found.items() if not by]
    return "\n".join([*survivors, *unexplained(found), f"{len(found) - len(survivors)} of {len(found)} are caught."])


def save(found: dict[str, str]) -> None:
    """Keep for the book what came of each fault, and of those that were planted earlier and still can be."""
    known = noticed() | found
    faults = {fault.name: (fault.kind, known[fault.name]) for fault in chosen() if fault.name in known}
    survivors = {name: explained().get(name, "") for name, (_, by) in faults.items() if not by}
    TABLE.write_text(json.dumps({"faults": faults, "survivors": survivors}, indent=1, ensure_ascii=False) + "\n")


def _kept() -> dict[str, tuple[str, str]]:
    return json.loads(TABLE.read_text())["faults"] if TABLE.exists() else {}
