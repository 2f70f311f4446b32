"""What is said of the audit, page by page: in ``<page>.yml``

excused:                      # a bend that no test can notice
- answer: InitialLaw.sample*  # as the audit calls it; * and ? stand for anything
  bends: [reversed, shifted]  # all, if not given
  statements: [prop-x]        # all of the page, if not given
  why: draws that are independent have no order
bounds:                       # of each statement that shows an inequality, [] if none of them is a bound
  prop-x:
  - bound: 2‖u‖_∞/n           # in short
    check: error <= bound     # the inequality that tests it, as the test says it
    loose: 3.1                # by what factor at its tightest, within 25 %; not given: attained
"""

from functools import cache
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent


@cache
def _of(page: str) -> dict[str, Any]:
    path = HERE / f"{page}.yml"
    return (path.exists() and yaml.safe_load(path.read_text())) or {}


def excuses(page: str) -> list[dict[str, Any]]:
    """Return for which answers which bends cannot be noticed on a page, and why."""
    return _of(page).get("excused", [])


def bounds(page: str) -> dict[str, list[dict[str, Any]]]:
    """Return of each statement its bounds, the inequality that tests each, and by what factor it is loose there."""
    return _of(page).get("bounds", {})
