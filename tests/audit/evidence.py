"""What the book says stands behind each statement."""

import itertools
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "book" / "_ext")]

import pages  # noqa: E402

INEQUALITY = re.compile(r"\\[lg]eq?\b|\\[lg]eqslant\b|\\lesssim\b|O\(")


class Statement(NamedTuple):
    """A statement, the functions that compute it, and the tests that verify it."""

    page: str
    label: str
    functions: list[str]
    tests: list[str]
    bounds: bool  # whether it shows an inequality


def statements(words: Sequence[str] = ()) -> Iterator[Statement]:
    """Yield the statements of the book, or those whose page or label is one of the words."""
    for page in pages.PAGES:
        for level in pages.levels(pages.source(page)):
            for before, here in itertools.pairwise(level):
                if here is None or here.name != "evidence" or before is None:
                    continue
                label = str(before.options["label"])
                if not words or page in words or label in words:
                    yield Statement(
                        page,
                        label,
                        listed(here, "computed-by"),
                        listed(here, "verified-by"),
                        bool(INEQUALITY.search(before.body)),
                    )


def listed(evidence: pages.Directive, option: str) -> list[str]:
    """Return the names that an option lists."""
    return [name.strip() for name in str(evidence.options[option]).split(",")]
