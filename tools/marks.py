"""Judge the answers that a class handed in, once more: python tools/marks.py <checks.js> <file> ... > marks.csv.

Each row is a student, each column a question; the last column counts what is right.
"""

import csv
import json
import sys
from pathlib import Path
from typing import TextIO

from rnnkernel.exercises import check


def table(checks: Path, files: list[Path], out: TextIO) -> None:
    """Write the verdicts as a table, a row for each file."""
    handed = [json.loads(file.read_text(encoding="utf-8")) for file in files]
    labels = sorted({label for each in handed for label in each["answers"]})
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["name", "page", *labels, "right"])
    for each in sorted(handed, key=lambda each: (each["page"], each["name"])):
        answers = each["answers"]
        kinds = [check(label, answers[label], checks=checks).kind if label in answers else "" for label in labels]
        writer.writerow([each["name"], each["page"], *kinds, kinds.count("right")])


if __name__ == "__main__":
    place, *given = map(Path, sys.argv[1:])
    table(place, given, sys.stdout)
