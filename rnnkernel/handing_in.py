"""`hand_in`: the answers that were given in a notebook, in one file for the teacher."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np

from rnnkernel import _checks
from rnnkernel.exercises import Verdict, given

_LONGEST = 200  # name of a file, which systems have bounds for


def hand_in(page: str, name: str) -> Verdict:
    """Write the last answer to each question of a page to ``<page>-<name>.json``, beside the notebook.

    Parameters
    ----------
    page : str
        The page's slug.
    name : str
        Whose answers these are; letters and digits of it go into the name of the file.

    Returns
    -------
    Verdict
        True if there is a file now; its text says which, or what is missing.

    Examples
    --------
    >>> hand_in("ergodic-data", name="")
    Whose answers are these? Put your name between the quotes and run this again.
    """
    page, short = _checks.text("page", page), "-".join(re.findall(r"\w+", _checks.text("name", name).lower()))
    if len(page + short) > _LONGEST:
        raise ValueError(f"page and name must have at most {_LONGEST} letters together, not {len(page + short)}")
    if not short:
        return Verdict("unclear", "Whose answers are these? Put your name between the quotes and run this again.")
    if not given:
        return Verdict("unclear", "No answer was given yet: run the cells with rk.check first.")
    answers = {label: _plain(answer) for label, answer in given.items()}
    path = Path(f"{page}-{short}.json")
    path.write_text(json.dumps({"page": page, "name": name, "answers": answers}, indent=1), encoding="utf-8")
    return Verdict(
        "right", f"{path} has your answers to {len(given)} question{'s' * (len(given) > 1)}. Send this file."
    )


def _plain(answer: Any) -> Any:
    """Return an answer as JSON has it; what is no number, word or truth value only as it prints."""
    try:
        array = np.asarray(answer)
    except Exception:  # whatever a student's object may do when it is read
        return repr(answer)
    array = array.astype(float) if array.dtype.kind == "f" else array  # JSON knows no other
    return array.tolist() if array.dtype.kind in "biufU" else repr(answer)
