"""Judge an answer by the data of a check.  `book/_static/judge.js` is this file in JavaScript and says the same words.

A specification holds `kind` (numbers, curve, words or truth), `shape`, the expected `values` in one list, `slips` as
pairs of a sentence and values, and where it has them `hint` and `options`; for numbers also `rtol`, `atol`, `spread`
and `units`; for a curve the places `at` of its values, the indices `asked` of those that an answer gives, `log` and
`ylim`.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any

Spec = Mapping[str, Any]
Judgement = tuple[str, str]  # right, close, wrong or unclear, and what to say
Rule = Callable[[Spec, Sequence[Any]], Judgement]

ROUNDING = 1e-14  # of the largest entry: what arithmetic leaves where a zero is expected among other numbers
SPREADS = 3  # standard deviations of a random answer that are accepted
NEAR, FAR = 0.1, 0.2  # of the height of the axes: mean distance of a curve that is right, and of one that is close
DECIMAL = r"(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?"
NUMBER = re.compile(rf"([+-]?{DECIMAL})(?:/({DECIMAL}))?(%?)", re.I | re.A)
TRUTH = {"true": True, "yes": True, "false": False, "no": False}


def judge_text(spec: Spec, text: str) -> Judgement:
    """Judge what somebody typed."""
    if text.strip() in ("", "...", "…"):
        return unclear(spec, "No answer yet")
    given = read(spec, text)
    return unclear(spec, "This cannot be read") if given is None else judge(spec, given)


def judge(spec: Spec, given: Sequence[Any]) -> Judgement:
    """Judge the entries of an answer, in one list."""
    if len(given) != count(spec):
        return unclear(spec, f"This has {len(given)} {'entry' if len(given) == 1 else 'entries'}")
    rules: dict[str, Rule] = {"numbers": _numbers, "curve": _curve}
    verdict, message = rules.get(spec["kind"], _words)(spec, given)
    if verdict == "right":
        return verdict, message
    hint = f" Hint: {spec['hint']}" if spec.get("hint") else ""
    return verdict, f"{'Nearly' if verdict == 'close' else 'Not yet'}: {message}.{hint}"


def unclear(spec: Spec, what: str) -> Judgement:
    """Say what is asked for."""
    return "unclear", f"{what}: {asked(spec)}."


def count(spec: Spec) -> int:
    """Return how many entries an answer has."""
    return len(spec["asked"] if spec["kind"] == "curve" else spec["values"])


def asked(spec: Spec) -> str:
    """Say what an answer is made of."""
    kind, n = spec["kind"], count(spec)
    if kind == "curve":
        return f"{n} values are asked for, at {', '.join(digits(spec['at'][i], 4) for i in spec['asked'])}"
    if spec.get("options"):
        return f"choose one of: {'; '.join(spec['options'])}"
    one, many = {
        "numbers": ("one number is asked for, such as 0.25 or 1/3", "numbers are"),
        "truth": ("true or false is asked for", "times true or false is"),
        "words": ("one word is asked for", "words are"),
    }[kind]
    rows = ", row by row" if len(spec["shape"]) > 1 else ""
    return one if n == 1 else f"{n} {many} asked for, with commas between them{rows}"


def read(spec: Spec, text: str) -> list[Any] | None:
    """Return the entries of a typed answer, or None if it cannot be read."""
    if spec["kind"] == "words":
        return [text] if count(spec) == 1 else re.split("[,;]", text)
    spaced = re.sub(r"\s*/\s*", "/", re.sub(r"\s*%", "%", text.replace("−", "-")))
    entries = [entry for entry in re.split(r"[\s,;()\[\]]+", spaced) if entry]
    found = [TRUTH.get(entry.lower()) if spec["kind"] == "truth" else number(entry) for entry in entries]
    return None if not found or None in found else found


def number(text: str) -> float | None:
    """Return the number that a text like 0.25, 1e-3, 1/3 or 40% is."""
    match = NUMBER.fullmatch(text)
    if match is None:
        return None
    above, below, percent = match.groups()
    divisor = float(below or 1)
    value = float(above) / divisor / (100 if percent else 1) if divisor else math.inf
    return value if math.isfinite(value) else None


def digits(x: float, n: int) -> str:
    """Return a number with n significant digits: 0.04, 1200, 7e-6."""
    rounded = Context(prec=n, rounding=ROUND_HALF_UP).create_decimal(Decimal(x))
    if not rounded:
        return "0"
    exponent = rounded.adjusted()
    plain = -5 < exponent < 6
    return f"{(rounded if plain else rounded.scaleb(-exponent)).normalize():f}" + ("" if plain else f"e{exponent}")


# -- numbers -----------------------------------------------------------------------------------------------------


def allowed(spec: Spec, values: Sequence[float]) -> list[float]:
    """Return how far an answer may be from each of the values."""
    rounding = ROUNDING * max(abs(value) for value in values)
    spread = spec.get("spread") or [0.0] * len(values)
    return [
        spec["atol"] + spec["rtol"] * abs(value) + rounding + SPREADS * each
        for value, each in zip(values, spread, strict=True)
    ]


def _numbers(spec: Spec, given: Sequence[float]) -> Judgement:
    expected, bounds = spec["values"], allowed(spec, spec["values"])
    right = [_near(*each) for each in zip(given, expected, bounds, strict=True)]
    if all(right):
        return "right", f"Correct: {_error(given, expected)}."
    for name, factor in spec.get("units", []):
        if _all_near(spec, given, [factor * value for value in expected]):
            return "right", f"Correct, in {name}."
    slip = next((text for text, values in spec["slips"] if _all_near(spec, given, values)), None)
    slip = slip or _pattern(spec, given)
    return ("wrong", slip) if slip else _distance(given, expected, bounds, right)


def _near(given: float, value: float, bound: float) -> bool:
    """Return whether a number is within bounds of a value, or that value rounded to three digits or more.

    Of three digits the last may be a zero, which a number does not keep.
    """
    off = abs(given - value)
    if off <= bound or value.is_integer():
        return off <= bound
    parts = Decimal(f"{given:.12g}").normalize().as_tuple()  # of a percentage, too
    if len(parts.digits) == 2:
        return float(f"{value:.2e}") == float(f"{given:.2e}")
    return len(parts.digits) >= 3 and off <= float(f"5e{int(parts.exponent) - 1}") * (1 + 1e-9)


def _all_near(spec: Spec, given: Sequence[float], values: Sequence[float]) -> bool:
    return all(_near(*each) for each in zip(given, values, allowed(spec, values), strict=True))


def _pattern(spec: Spec, given: Sequence[float]) -> str | None:
    """Name what a list of numbers has in common with the right one."""
    expected = spec["values"]
    if len(given) == 1:
        return None
    if _all_near({**spec, "spread": None}, sorted(given), sorted(expected)):
        return "these are the right numbers in the wrong order"
    if all(expected) and given[0]:
        factor = given[0] / expected[0]
        if _all_near(spec, given, [factor * value for value in expected]):
            return "all entries are off by the same factor"
    if _all_near(spec, given, [value + (given[0] - expected[0]) for value in expected]):
        return "all entries are off by the same amount"
    return None


def _distance(
    given: Sequence[float], expected: Sequence[float], bounds: Sequence[float], right: Sequence[bool]
) -> Judgement:
    """Say how far the worst entry is, to one digit: the answer itself stays the reader's to find."""
    offs = [0.0 if ok else abs(a - e) for a, e, ok in zip(given, expected, right, strict=True)]
    worst = offs.index(max(offs))
    a, e, off, bound = given[worst], expected[worst], offs[worst], bounds[worst]
    size = abs(e)
    close = all(each <= max(1e-3 * abs(v), 2 * b) for each, v, b in zip(offs, expected, bounds, strict=True))
    if not size:
        how = f"is off by about {digits(off, 1)}, and at most {digits(bound, 1)} is allowed"
    elif close:
        how = f"is off by about {_percent(off / size)} %, and at most {_percent(bound / size)} % is allowed"
    elif a * e < 0:
        how = "has the wrong sign"
    elif off < 9 * size and abs(a) > 0.1 * size:
        how = f"is too {'high' if a > e else 'low'}, by about {_percent(off / size)} %"
    else:
        how = f"is far too {'high' if a > e else 'low'}"
    n = len(given)
    where = "it" if n == 1 else f"{sum(right)} of {n} are right; number {worst + 1}, which is {digits(a, 4)},"
    return "close" if close else "wrong", f"{where} {how}"


def _percent(ratio: float) -> str:
    return digits(100 * ratio, 1)


def _error(given: Sequence[float], expected: Sequence[float]) -> str:
    relative = all(expected)
    worst = max(abs(a - e) / (abs(e) if relative else 1) for a, e in zip(given, expected, strict=True))
    return f"{'' if len(given) == 1 else 'largest '}{'relative ' if relative else ''}error {digits(worst, 1)}"


# -- words, truth values and curves ------------------------------------------------------------------------------


def _words(spec: Spec, given: Sequence[Any]) -> Judgement:
    words = [_folded(word) for word in given]
    right = [word == _folded(value) for word, value in zip(words, spec["values"], strict=True)]
    if all(right):
        return "right", "Correct."
    slip = next((text for text, values in spec["slips"] if words == [_folded(value) for value in values]), None)
    return "wrong", slip or ("this is not it" if len(right) == 1 else f"{sum(right)} of {len(right)} are right")


def _folded(word: Any) -> Any:
    return " ".join(word.lower().split()) if isinstance(word, str) else word


def _curve(spec: Spec, given: Sequence[float]) -> Judgement:
    """Compare heights on the axes, on average over the places that are asked for."""
    drawn = [_height(spec, value) for value in given]
    truth = [_height(spec, spec["values"][i]) for i in spec["asked"]]
    off = _mean_distance(drawn, truth)
    for text, values in spec["slips"]:
        distance = _mean_distance(drawn, [_height(spec, values[i]) for i in spec["asked"]])
        if distance < min(off, NEAR):
            return "wrong", text
    share = f"{digits(100 * off, 1)} % of the height of the axes on average"
    if off <= NEAR:
        return "right", f"Correct: your curve is within {share}."
    apart = [abs(a - e) for a, e in zip(drawn, truth, strict=True)]
    worst = apart.index(max(apart))
    side = "high" if drawn[worst] > truth[worst] else "low"
    where = f"{digits(spec['at'][spec['asked'][worst]], 4)}, where it is too {side}"
    return "close" if off <= FAR else "wrong", f"your curve is off by {share}, and most at {where}"


def _height(spec: Spec, value: float) -> float:
    """Return the height of a value on the axes, from 0 to 1."""
    bottom, top = spec["ylim"]
    if "y" in spec["log"]:
        if value <= 0:
            return 0.0
        value, bottom, top = math.log10(value), math.log10(bottom), math.log10(top)
    height: float = (value - bottom) / (top - bottom)
    return min(1.0, max(0.0, height))


def _mean_distance(one: Sequence[float], other: Sequence[float]) -> float:
    total = 0.0
    for a, b in zip(one, other, strict=True):  # `sum` would correct its rounding, which JavaScript does not
        total += abs(a - b)
    return total / len(one)
