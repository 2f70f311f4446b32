"""Answers to exercises: `Check` is what an author defines, `check` is what a reader calls.

A check becomes a specification, plain data which `_judging` judges by, here and in the pages of the book.
"""

import difflib
import html
import json
from collections.abc import Callable, Mapping, Sequence
from os.path import isfile
from pathlib import Path
from typing import Any

import numpy as np

from rnnkernel import _checks
from rnnkernel._judging import Judgement, Spec, judge, judge_text, unclear
from rnnkernel._types import Array

_TELLING = 0.05  # relative difference from which on a usual slip explains an answer: 1 is not "one over" 0.998
_FIELDS = 5  # values that an answer gives of a curve
_PLACES = ("checks.js", "_static/checks.js", "_build/html/_static/checks.js")
_MARKS = {"right": "✓", "close": "≈", "wrong": "✗", "unclear": "?"}
_SHIFTED = str.maketrans({33 + i: 33 + (i + 47) % 94 for i in range(94)})

_SLIPS: list[tuple[str, Callable[[Any], Any]]] = [
    ("the sign is flipped", lambda e: -e),
    ("it is twice as large as it should be", lambda e: 2 * e),
    ("it is half as large as it should be", lambda e: e / 2),
    ("it is one minus what it should be", lambda e: 1 - e),
    ("it is one over what it should be", lambda e: 1 / e),
    ("it is the square of what it should be", lambda e: e**2),
    ("it is the square root of what it should be", np.sqrt),
    ("it is the logarithm of what it should be", np.log),
    ("it is the exponential of what it should be", np.exp),
    ("it is transposed", np.transpose),
    ("it is in reverse order", np.flip),
    ("it is too large by a factor that is the number of entries: a sum in place of a mean?", lambda e: e * e.size),
    ("it is too small by a factor that is the number of entries: a mean in place of a sum?", lambda e: e / e.size),
]


class Verdict:
    """What is said of an answer: true if it is right; `kind` is right, close, wrong or unclear."""

    def __init__(self, kind: str, message: str) -> None:
        self.kind = kind
        self.message = message

    def __bool__(self) -> bool:
        return self.kind == "right"

    def __repr__(self) -> str:
        return self.message

    def _repr_html_(self) -> str:
        mark, text = _MARKS[self.kind], html.escape(self.message)
        return f'<p class="rk-verdict" data-verdict="{self.kind}"><span aria-hidden="true">{mark}</span> {text}</p>'


class Check:
    """A check of an exercise, to be called with an answer.

    A number a is right for the expected e if ``|a − e| <= atol + rtol |e| + 3 spread``, or, where e is not a whole
    number, if it differs by at most half a unit of the third digit of e; an array is right if each entry is.  Typed
    numbers may have names and units: ``q ≈ 0.4 minutes``.  Words and truth values
    must be equal.  A curve is compared at five of its places: it is right if it is within a tenth of the height of the
    axes on average and no slip is nearer, and close within a fifth.  No answer raises: whatever is wrong with it
    stands in the verdict, which says how far off it is and what slip would explain it, but not the expected value.

    Parameters
    ----------
    expected : number, str, bool or array_like of them
        The right answer, or the values of a curve.
    rtol : float
        Relative tolerance, above zero.
    atol : float
        Absolute tolerance; needed where zero is expected.
    hint : str, optional
        Shown with every wrong answer.
    spread : float or array_like
        Standard deviation of a right answer that is random.
    slips : dict, optional
        Answers by what they give away: ``{"you gave the second eigenvalue, not the gap": 0.6}``.
    units : dict, optional
        Other units in which the answer is right, by name, with the factor: ``{"percent": 100}``.
    at : array_like, optional
        Where a curve has the expected values; makes `expected` a curve, which needs `ylim`.
    log : {"", "x", "y", "xy"}
        Which axes of a curve are logarithmic.
    ylim : pair of floats, optional
        Range of the axis of a curve.

    Attributes
    ----------
    spec : dict
        The check as plain data.
    passed : bool
        Whether some answer was right.

    Raises
    ------
    TypeError, ValueError
        If `expected` is not finite or empty, or is zero while `atol` and `spread` are, or a tolerance is negative.

    Examples
    --------
    >>> check = Check(0.4, slips={"you gave the second eigenvalue, not the gap": 0.6})
    >>> check(-0.4)
    Not yet: it looks as if the sign is flipped.
    >>> check(0.6)
    Not yet: you gave the second eigenvalue, not the gap.
    >>> check(0.41)
    Not yet: it is too high, by about 2 %.
    >>> check(None)
    No answer yet: one number is asked for, such as 0.25 or 1/3.
    >>> check.passed
    False
    >>> check(2 / 5)
    Correct: relative error 0.
    >>> check.passed
    True
    """

    def __init__(
        self,
        expected: Any,
        *,
        rtol: float = 1e-6,
        atol: float = 0.0,
        hint: str | None = None,
        spread: Any = 0.0,
        slips: Mapping[str, Any] | None = None,
        units: Mapping[str, float] | None = None,
        at: Any = None,
        log: str = "",
        ylim: tuple[float, float] | None = None,
    ) -> None:
        self.passed = False
        answer = _answer("expected", expected)
        named = [(text, _answer(f"slips[{text!r}]", slip)) for text, slip in _checks.named("slips", slips).items()]
        hint = None if hint is None else _checks.text("hint", hint)
        for text, slip in named:
            if slip.shape != answer.shape or slip.dtype.kind != answer.dtype.kind:
                raise ValueError(f"slips[{text!r}] must be like the expected answer, of shape {answer.shape}")
        common = {"shape": list(answer.shape), "values": answer.ravel().tolist(), "hint": hint}
        if answer.dtype.kind != "f":
            kind = "truth" if answer.dtype.kind == "b" else "words"
            pairs = [[text, slip.ravel().tolist()] for text, slip in named]
            self.spec: dict[str, Any] = {**common, "kind": kind, "slips": pairs}
        elif at is not None:
            self.spec = {**common, "kind": "curve", **_axes(answer, at, log, ylim), "slips": _listed(named)}
        else:
            atol, rtol = _checks.number("atol", atol, least=0), _checks.number("rtol", rtol, least=0)
            around = _checks.array("spread", spread, ndim=(0, answer.ndim))
            if around.shape not in ((), answer.shape):
                raise ValueError(f"spread must be one number, or of shape {answer.shape}, not {around.shape}")
            around = np.broadcast_to(around, answer.shape)
            if not answer.any() and not atol and not around.any():
                raise ValueError("atol must be above zero where the expected answer is zero")
            given = _checks.named("units", units)
            factors = [[name, _checks.number(f"units[{name!r}]", factor)] for name, factor in given.items()]
            self.spec = {**common, "kind": "numbers", "rtol": rtol, "atol": atol, "units": factors}
            self.spec["spread"] = around.ravel().tolist() if around.any() else None
            usual = [each for each in _usual_slips(answer) if not np.allclose(each[1], answer, rtol=_TELLING)]
            self.spec["slips"] = _listed(named) + [each for each in _listed(usual) if self._refuses(each[1])]
        for text, slip in named:
            if at is None and not self._refuses(slip.ravel().tolist()):  # of two curves the nearer one counts
                raise ValueError(f"slips[{text!r}] must not be right, but within atol, rtol, spread or units it is")

    def __call__(self, answer: Any) -> Verdict:
        """Return the verdict on an answer, whatever it is: true if the answer is right."""
        verdict = Verdict(*_judgement(self.spec, answer))
        self.passed |= bool(verdict)
        return verdict

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Check) and self.spec == other.spec

    def __hash__(self) -> int:
        return hash(self.spec["kind"])

    def _refuses(self, values: list[Any]) -> bool:
        """Return whether these would be wrong, so that they can be a slip."""
        return judge({**self.spec, "slips": []}, values)[0] != "right"


def check(label: str, answer: Any, *, checks: str | Path | None = None) -> Verdict:
    """Return the verdict on an answer to an exercise or a prediction of the book.

    Parameters
    ----------
    label : str
        Its label, ``"ex-…"`` or ``"predict-…"``.
    answer : object
        Anything; ``...`` says what is asked for.
    checks : path-like, optional
        The book's file of answers, ``checks.js``, or its folder.  Given once, it is remembered.  Otherwise it is
        looked for beside the notebook, in the folders above, and in the book that was built there.

    Returns
    -------
    Verdict
        True if the answer is right; its text says what is wrong otherwise.

    Raises
    ------
    ValueError
        If the file holds something else.

    Examples
    --------
    >>> check("ex-ergodic-return", ..., checks="nowhere")
    There is no file nowhere: the answers of the book stand in its folder _static, in checks.js.
    """
    label, path = _checks.text("label", label), _place(checks)
    if path is None:
        what = f"There is no file {str(checks)[:200]}" if checks else "The answers of the book were not found"
        where = "the answers of the book stand in its folder _static, in checks.js"
        give = (
            f"put checks.js beside this notebook, or say where it is: rk.check({label!r}, answer, checks='…/checks.js')"
        )
        _keep(label, answer)
        return Verdict("unclear", f"{what}: {where if checks else give}.")
    try:
        specs = unpacked(path.read_text(encoding="utf-8"))
    except (ValueError, AttributeError):  # text of another kind, or none
        _remembered.clear()
        raise ValueError(f"checks must be the book's file of answers, checks.js, not {str(path)[:200]}") from None
    if label not in specs:
        alike = difflib.get_close_matches(label, specs, n=1)
        return Verdict("unclear", f"There is no check {label!r}." + (f" Did you mean {alike[0]!r}?" if alike else ""))
    _keep(label, answer)
    return Verdict(*_judgement(specs[label], answer))


def packed(specs: Mapping[str, Spec]) -> str:
    """Return a script that holds checks by label, shifted by 47 letters so that nobody reads answers by accident."""
    found = {label: json.dumps(spec, separators=(",", ":")).translate(_SHIFTED) for label, spec in specs.items()}
    return f"const rkChecks = {json.dumps(found, indent=0)};\n"


def unpacked(script: str) -> dict[str, Spec]:
    """Return the checks of a script made by `packed`."""
    found = json.loads(script[script.index("{") : script.rindex("}") + 1])
    return {label: json.loads(text.translate(_SHIFTED)) for label, text in found.items()}


given: dict[str, Any] = {}  # the last answer to each question, to be handed in
_remembered: list[Path] = []


def _keep(label: str, answer: Any) -> None:
    if answer is not None and answer is not Ellipsis:
        given[label] = answer


def _place(given: str | Path | None) -> Path | None:
    """Return the path of the file of answers."""
    if given is not None:
        folder = _checks.path("checks", given)
        found = [path for path in (folder, folder / "checks.js") if isfile(path)]  # whatever the name is
        _remembered[:] = found[:1] or _remembered
        return found[0] if found else None
    here = Path.cwd()
    nearby = [folder / place for folder in (here, *here.parents) for place in _PLACES]
    return next((path for path in [*_remembered, *nearby] if path.is_file()), None)


def _judgement(spec: Spec, answer: Any) -> Judgement:
    if answer is None or answer is Ellipsis:
        return unclear(spec, "No answer yet")
    if isinstance(answer, str):
        return judge_text(spec, answer)
    try:
        given = np.asarray(answer)
        entries = _entries(spec, given)
    except Exception:  # whatever a student's object may do when it is read
        return unclear(spec, f"This cannot be read as an answer ({type(answer).__name__})")
    if entries is None:
        return unclear(spec, "This cannot be read")
    shape = given.squeeze().shape
    if len(shape) > 1 and shape != tuple(n for n in spec["shape"] if n != 1):
        return unclear(spec, f"This has the shape {given.shape}")
    return judge(spec, entries)


def _entries(spec: Spec, given: Any) -> list[Any] | None:
    """Return the entries of an answer in one list, or None if they are of the wrong kind."""
    kinds = {"words": "U", "truth": "b"}.get(spec["kind"], "iufcO")
    if given.dtype.kind not in kinds:
        return None
    if kinds in "Ub":
        return list(given.ravel().tolist())
    numbers = _real(given.astype(complex if given.dtype.kind == "c" else float))
    return list(numbers.ravel().tolist()) if np.isfinite(numbers).all() else None


def _answer(name: str, value: Any) -> Any:
    """Return what an author expects as an array of floats, words or truth values."""
    try:
        given = np.asarray(value)
    except Exception as error:  # whatever a library says of its own array
        raise TypeError(f"{name} must be numbers, words or truth values: {error}") from error
    if not given.size or given.dtype.kind not in "biufcU":
        raise TypeError(f"{name} must be numbers, words or truth values, not {_checks.described(value)}")
    if given.dtype.kind in "bU":
        return given
    if not np.isfinite(given).all():
        raise ValueError(f"{name} must be finite, not {_checks.described(value)}")
    return _real(given).astype(float)


def _real(numbers: Array) -> Array:
    """Return numbers that are complex as pairs of their real and imaginary parts."""
    if np.iscomplexobj(numbers) and np.any(numbers.imag):
        return np.stack([numbers.real, numbers.imag], axis=-1)
    return np.asarray(numbers.real)


def _usual_slips(expected: Array) -> list[tuple[str, Array]]:
    """Return the slips that one may make with any numbers."""
    with np.errstate(all="ignore"):
        found = [(f"it looks as if {name}", np.asarray(slip(expected))) for name, slip in _SLIPS]
    return [(text, values) for text, values in found if values.shape == expected.shape and np.isfinite(values).all()]


def _listed(slips: Sequence[tuple[str, Array]]) -> list[list[Any]]:
    """Return slips as data, with twelve digits."""
    return [[text, [float(f"{value:.12g}") for value in values.ravel()]] for text, values in slips]


def _axes(values: Array, at: Any, log: str, ylim: tuple[float, float] | None) -> dict[str, Any]:
    """Return the axes of a curve, and the indices of the places at which an answer gives it."""
    places = _checks.array("at", at, ndim=1)
    if values.shape != places.shape or len(places) < 2 or (np.diff(places) <= 0).any():
        raise ValueError(f"at must increase and have one place for each of the {values.size} values")
    log = _checks.choice("log", log, ("", "x", "y", "xy"))
    bottom, top = (_checks.number("ylim", end) for end in _checks.pair("ylim", ylim))
    if ("y" in log and min(values.min(), bottom) <= 0) or ("x" in log and places[0] <= 0):
        raise ValueError("expected, at and ylim must be above zero on a logarithmic axis (log)")
    if not bottom < top:
        raise ValueError(f"ylim must hold two values, the smaller first, not {(bottom, top)}")
    scale = np.log(places) if "x" in log else places
    even = np.linspace(scale[0], scale[-1], min(_FIELDS, len(places)))
    asked = sorted({int(np.abs(scale - place).argmin()) for place in even})
    return {"at": places.tolist(), "asked": asked, "log": log, "ylim": [bottom, top]}
