"""Who measured, on what machine; and where it is kept: as Markdown for the book, as JSON for programs."""

import json
import os
import platform
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from .tables import Spread, Table, as_markdown

RESULTS = Path(__file__).with_name("results.md")
NUMBERS = Path(__file__).parents[2] / "_build" / "bench" / "benchmarks.json"
PACKAGES = ("rnnkernel", "numba", "llvmlite", "numpy", "scipy", "jax", "jaxlib", "torch", "quantecon", "scikit-learn")
SPREAD = (
    "Median of the repeats, in brackets the quartiles. All on one core and in processor time unless said. "
    "Implementations take turns within each round, and ratios are taken round by round: they hold better than times, "
    "which other programs disturb."
)


def machine() -> dict[str, str]:
    """Name the processor, the system, and how busy it is."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())
    busy = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
    return {"processor": model, "cores": str(os.cpu_count()), "system": platform.platform(), "load at the start": busy}


def versions() -> dict[str, str]:
    """Give the versions of all that takes part."""
    found = {"Python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    if shutil.which("gcc"):
        said = subprocess.run(["gcc", "-dumpfullversion"], check=True, capture_output=True, text=True)
        found["gcc"] = said.stdout.strip()
    return found


def save(tables: list[Table], about: dict[str, Any]) -> None:
    """Write results.md, and _build/bench/benchmarks.json."""
    facts = [f"- {part}: " + ", ".join(f"{key} {value}" for key, value in about[part].items()) for part in about]
    RESULTS.write_text("\n".join([SPREAD, "", *facts, "", *map(as_markdown, tables)]), encoding="utf-8")
    found = [
        {
            "title": table.title,
            "note": table.note,
            "rows": [
                dict(zip(table.head, (c._asdict() if isinstance(c, Spread) else c for c in row), strict=True))
                for row in table.rows
            ],
        }
        for table in tables
    ]
    NUMBERS.parent.mkdir(parents=True, exist_ok=True)
    NUMBERS.write_text(
        json.dumps({**about, "spread": SPREAD, "tables": found}, indent=1, ensure_ascii=False), encoding="utf-8"
    )
