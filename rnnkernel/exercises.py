"""`Check`: tells a student how close an answer is, and which slip would explain it."""

import html
from collections.abc import Callable
from typing import Any

import numpy as np

from rnnkernel import _checks

_ROUNDING = 1e-14  # of the largest entry: what arithmetic leaves where a zero is expected among other numbers

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
    """What `Check` says of an answer: true if the answer is right, and a message for the student."""

    def __init__(self, passed: bool, message: str) -> None:
        self.passed = passed
        self.message = message

    def __bool__(self) -> bool:
        return self.passed

    def __repr__(self) -> str:
        return self.message

    def _repr_html_(self) -> str:
        kind, mark = ("right", "✓") if self.passed else ("wrong", "✗")
        text = html.escape(self.message)
        return f'<p class="rk-verdict rk-{kind}"><span aria-hidden="true">{mark}</span> {text}</p>'


class Check:
    """A check of an exercise, to be called with an answer.

    A number a is right for the expected e if ``|a − e| <= atol + rtol |e|``, an array if each entry is.  Words and
    truth values must be equal.  No answer raises: whatever is wrong with it stands in the verdict, which says how far
    off it is and what kind of slip would explain it, but not the expected value.

    Parameters
    ----------
    expected : number, str, bool or array_like of them
        The right answer.
    rtol : float
        Relative tolerance, above zero.
    atol : float
        Absolute tolerance; needed where zero is expected.
    hint : str, optional
        Shown with every wrong answer.

    Attributes
    ----------
    passed : bool
        Whether some answer was right.

    Raises
    ------
    TypeError, ValueError
        If `expected` is not finite or empty, or is zero while `atol` is, or a tolerance is negative.

    Examples
    --------
    >>> check = Check(0.4)
    >>> check(-0.4)
    Not yet: it looks as if the sign is flipped.
    >>> check(0.41)
    Not yet: it is too high, by about 2 %.
    >>> check.passed
    False
    >>> check(2 / 5)
    Correct: relative error 0.
    >>> check.passed
    True
    """

    def __init__(self, expected: Any, *, rtol: float = 1e-6, atol: float = 0.0, hint: str | None = None) -> None:
        self.rtol = _checks.number("rtol", rtol, least=0)
        self.atol = _checks.number("atol", atol, least=0)
        self.hint = hint
        self.passed = False
        self.expected = np.asarray(expected)
        if not self.expected.size or self.expected.dtype.kind not in "biufcU":
            raise TypeError(f"expected must be numbers, words or truth values, not {expected!r}")
        if self._numeric:
            if not np.isfinite(self.expected).all():
                raise ValueError(f"expected must be finite, not {expected!r}")
            if not self.expected.any() and not self.atol:
                raise ValueError("atol must be above zero where the expected answer is zero")

    def __call__(self, answer: Any) -> Verdict:
        """Return the verdict on an answer.

        Parameters
        ----------
        answer : object
            Anything.

        Returns
        -------
        Verdict
            True if the answer is right; its text says what is wrong otherwise.
        """
        if answer is None or answer is Ellipsis:
            return self._wrong("no answer yet.")
        try:
            given = np.asarray(answer)
        except Exception:  # whatever a student's object may do when it is read
            return self._wrong(f"this cannot be read as an answer: {type(answer).__name__}.")
        return self._judge_numbers(given) if self._numeric else self._judge_words(given)

    @property
    def _numeric(self) -> bool:
        return self.expected.dtype.kind in "iufc"

    def _judge_words(self, given: Any) -> Verdict:
        truth = self.expected.dtype.kind == "b"
        if given.dtype.kind != self.expected.dtype.kind:
            return self._wrong(
                f"{'True or False is' if truth else 'words, in quotes, are'} what the answer must be made of."
            )
        if given.shape != self.expected.shape:
            return self._wrong(self._shapes(given))
        right = np.asarray(given == self.expected if truth else _folded(given) == _folded(self.expected))
        if right.all():
            return self._right("Correct.")
        return self._wrong(f"{right.sum()} of {right.size} are right." if right.ndim else "this is not it.")

    def _judge_numbers(self, given: Any) -> Verdict:
        kind = complex if "c" in (self.expected.dtype.kind, given.dtype.kind) else float
        expected = self.expected.astype(kind)
        try:
            given = given.astype(kind) if given.dtype.kind in "iufcO" else None
        except Exception:  # an array of objects may hold anything
            given = None
        if given is None:
            return self._wrong("the answer must be made of numbers.")
        if given.squeeze().shape != expected.squeeze().shape:
            return self._wrong(self._shapes(given))
        given = given.reshape(expected.shape)
        if not np.isfinite(given).all():
            return self._wrong(f"{_entry(~np.isfinite(given), given)} is not finite.")
        right = self._close(given, expected)
        if right.all():
            return self._right(f"Correct: {_error(given, expected)}.")
        return self._wrong(self._slip(given, expected) or self._distance(given, expected, right))

    def _close(self, given: Any, expected: Any) -> Any:
        size = np.abs(expected)
        return np.abs(given - expected) <= self.atol + self.rtol * size + _ROUNDING * size.max()

    def _slip(self, given: Any, expected: Any) -> str | None:
        """Name a slip that would explain the answer."""
        with np.errstate(all="ignore"):
            for name, slip in _SLIPS:
                wrong = slip(expected)
                if wrong.shape == given.shape and np.isfinite(wrong).all() and self._close(given, wrong).all():
                    return f"it looks as if {name}."
            if given.size > 1:
                if self._close(np.sort(given, axis=None), np.sort(expected, axis=None)).all():
                    return "these are the right numbers in the wrong order."
                if self._close(given / expected, (given / expected).flat[0]).all():
                    return "all entries are off by the same factor."
                if self._close(given - expected, (given - expected).flat[0]).all():
                    return "all entries are off by the same amount."
        return None

    def _distance(self, given: Any, expected: Any, right: Any) -> str:
        """Say how far the worst entry is, to one digit: the answer itself stays the student's to find."""
        worst = np.unravel_index(np.where(right, 0, np.abs(given - expected)).argmax(), given.shape)
        a, e = given[worst], expected[worst]
        off, size = abs(a - e), abs(e)
        if not size:
            how = f"is off by about {off:.1g}, and at most {self.atol:g} is allowed"
        elif off <= 1e-3 * size:
            how = f"is close, but its relative error is {off / size:.0e} and at most {self.rtol:g} is allowed"
        elif np.iscomplexobj(given):
            how = f"is off by about {_percent(off / size)} %"
        elif a * e < 0:
            how = "has the wrong sign"
        elif off < 9 * size and abs(a) > 0.1 * size:
            how = f"is too {'high' if a > e else 'low'}, by about {_percent(off / size)} %"
        else:
            how = f"is far too {'high' if a > e else 'low'}"
        if given.ndim == 0:
            return f"it {how}."
        index = [int(i) for i in worst]
        return f"{right.sum()} of {right.size} entries are right; entry {index}, which is {a:.4g}, {how}."

    def _shapes(self, given: Any) -> str:
        if self.expected.ndim == 0:
            return f"one value is asked for, not an array of shape {given.shape}."
        return f"an array of shape {self.expected.shape} is asked for, not {given.shape or 'one value'}."

    def _right(self, message: str) -> Verdict:
        self.passed = True
        return Verdict(True, message)

    def _wrong(self, message: str) -> Verdict:
        return Verdict(False, f"Not yet: {message}" + (f" Hint: {self.hint}" if self.hint else ""))


def _percent(ratio: float) -> str:
    """Return a ratio in percent, to one digit."""
    return f"{float(f'{100 * ratio:.1g}'):g}"


def _folded(words: Any) -> Any:
    return np.char.strip(np.char.lower(words))


def _error(given: Any, expected: Any) -> str:
    off, size = np.abs(given - expected), np.abs(expected)
    if not size.all():
        return f"{'largest ' if off.ndim else ''}error {off.max():.1g}"
    return f"{'largest ' if off.ndim else ''}relative error {(off / size).max():.1g}"


def _entry(wanted: Any, given: Any) -> str:
    where = tuple(int(i) for i in np.argwhere(wanted)[0])
    return f"entry {list(where)}, {given[where]}," if given.ndim else f"{given}"
