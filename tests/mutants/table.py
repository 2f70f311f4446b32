"""What came of the faults, said and kept for the book."""

import json
from collections import Counter
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


def unexplained(found: dict[str, str]) -> list[str]:
    """Return the faults that survive without a reason, and the reasons that nothing needs."""
    survived = [name for name, outcome in found.items() if outcome == "survived"]
    needless = [f"explained, but caught: {name}" for name in explained() if found.get(name) == "caught"]
    return [name for name in survived if name not in explained()] + needless


def text(found: dict[str, str]) -> str:
    """Return the survivors and how many faults were caught."""
    lines = [f"{outcome} {name}" for name, outcome in found.items() if outcome == "survived"]
    return "\n".join([*lines, *unexplained(found), f"{Counter(found.values())}"])


def save(found: dict[str, str]) -> None:
    """Keep for the book what came of each fault, and of those that were planted earlier and still can be."""
    earlier = json.loads(TABLE.read_text())["faults"] if TABLE.exists() else {}
    known = {name: outcome for name, (_, outcome) in earlier.items()} | found
    faults = {fault.name: (fault.kind, known[fault.name]) for fault in chosen() if fault.name in known}
    survivors = {name: explained().get(name, "") for name, (_, outcome) in faults.items() if outcome == "survived"}
    TABLE.write_text(json.dumps({"faults": faults, "survivors": survivors}, indent=1, ensure_ascii=False) + "\n")
