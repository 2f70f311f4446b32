"""Judge an answer by the data of a check.  `book/_static/judge.js` is this file in JavaScript and says the same words.

A specification holds `kind` (numbers, curve, words or truth), `shape`, the expected `values` in one list, `slips` as
pairs of a sentence and values, and where it has them `hint` and `options`; for numbers also `rtol`, `atol`, `spread`
and `units`; for a curve the places `at` of its values, the indices `asked` of those that an answer gives, `log` and
`ylim`.
"""

import math
import re
from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any

Spec = Mapping[str, Any]
Judgement = tuple[str, str]  # right, close, wrong or unclear, and what to say

ROUNDING = 1e-14  # of the largest entry: what arithmetic leaves where a zero is expected among other numbers
ALIKE = 0.02  # of what is wrong with one entry: by how much that of another may differ to be the same
CANNOT = "This cannot be read (give numbers alone, formulas are not computed)"
COARSEST = 0.005  # half a unit of the third digit of 1.00
SPREADS = 3  # standard deviations of a random answer that are accepted
NEAR, FAR = 0.1, 0.2  # of the height of the axes: mean distance of a curve that is right, and of one that is close
DECIMAL = r"(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?"
NUMBER = re.compile(rf"([+-]?{DECIMAL})(?:/({DECIMAL}))?(%?)", re.I | re.A)
NAME = r"[a-zα-ωΑ-Ω][a-z0-9_]*(?:\^[0-9])?(?:\([^()]*\))?"
NAMED = re.compile(rf"(^|[\s,;(\[])(?:{NAME}\s*)?[=≈~]\s*", re.I)  # q ≈ 0.4, or u(0) = 2
ABOUT = re.compile(r"(^|[\s,;(\[])(?:about|around|roughly|approximately)\s+(?=[-+.0-9])", re.I)
PART = re.compile(r"(^|[\s,;(\[])[a-h][):]\s*(?=[-+.0-9])", re.I)  # (a) 0.4
TIMES = "minutes?|min|seconds?|sec|s|hours?|h|days?|months?|years?"
THINGS = "steps?|units?|nodes?|bits?|nats?|networks?|learners?|seeds?|samples?|letters?|words?|draws?"
EACH = rf"(?:(?:\s+per\s+|\s*/\s*)(?:{TIMES}|{THINGS}))?"  # bits per letter
UNIT = re.compile(rf"([0-9.])\s*(?:{TIMES}|{THINGS}){EACH}(?:\^2)?(?=\.?(?:[\s,;)\]]|$))", re.I)
UNCERTAIN = re.compile(r"\s*±\s*[0-9.]+(?:e[+-]?[0-9]+)?", re.I)  # 0.4 ± 0.1
COMMA, SPACE = re.compile(r"([0-9]),([0-9])"), re.compile(r"([0-9])\s([0-9]{3})(?![0-9])")
POWER = re.compile(r"\s*[·×*]\s*10\s*\^\s*\{?\s*([+-]?\d+)\s*\}?")  # 2.3·10^-6
BARE = re.compile(r"(^|[\s,;(\[=≈~+-])10\s*\^\s*\{?\s*([+-]?\d+)\s*\}?")  # 10^-6
APART = re.compile(r"(^|[\s,;(\[])([+-])\s+(?=[0-9.])")  # - 0.1
BETWEEN = re.compile(r"[\s,;()\[\]]+(?:and\s+)?", re.I)
HIGH, LOW = "⁺⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "+-0123456789"
RAISED = re.compile(f"[{HIGH}]+")
FRACTIONS = {"¼": "1/4", "½": "1/2", "¾": "3/4", "⅓": "1/3", "⅔": "2/3"}
FRACTION = re.compile(rf"(?<![0-9./])[{''.join(FRACTIONS)}](?![0-9./])")
TRUTH = {"true": True, "yes": True, "false": False, "no": False}


def judge_text(spec: Spec, text: str) -> Judgement:
    """Judge what somebody typed."""
    if text.strip() in ("", "...", "…"):
        return unclear(spec, "No answer yet")
    given = read(spec, text)
    if spec["kind"] == "curve" and "?" in text:
        return unclear(spec, "Some values are missing")
    if given is None:
        return unclear(spec, "This is none of the answers" if spec.get("options") else CANNOT)
    if spec["kind"] in ("numbers", "curve") and len(given) != count(spec):
        for within, joined in ((COMMA, r"\1.\2"), (SPACE, r"\1\2")):
            if len(read(spec, within.sub(joined, text)) or []) == count(spec):
                return unclear(spec, "Write numbers like 0.25 and 10000, without commas or spaces in them")
    return judge(spec, given)


def judge(spec: Spec, given: Sequence[Any]) -> Judgement:
    """Judge the entries of an answer, in one list."""
    if len(given) != count(spec):
        return unclear(spec, f"This has {len(given)} {'entry' if len(given) == 1 else 'entries'}")
    rule = _numbers if spec["kind"] == "numbers" else _curve if spec["kind"] == "curve" else _words
    verdict, message = rule(spec, given)
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
    if spec.get("options"):
        return chosen(spec["options"], text)
    if spec["kind"] == "words":
        return [text] if count(spec) == 1 else re.split("[,;]", text)
    lowered = RAISED.sub(lambda match: "^" + match[0].translate(str.maketrans(HIGH, LOW)), text)
    simple = FRACTION.sub(lambda match: FRACTIONS[match[0]], re.sub("[÷⁄]", "/", lowered.replace("−", "-")))
    plain = APART.sub(r"\1\2", UNCERTAIN.sub("", BARE.sub(r"\g<1>1e\2", POWER.sub(r"e\1", simple))))
    bare = UNIT.sub(r"\1", ABOUT.sub(r"\1", NAMED.sub(r"\1", PART.sub(r"\1", plain))))
    spaced = re.sub(r"\s*/\s*", "/", re.sub(r"\s*(?:%|per ?cent)", "%", bare))
    entries = [re.sub(r"\.$", "", entry) for entry in BETWEEN.split(spaced) if entry]
    found = [TRUTH.get(entry.lower()) if spec["kind"] == "truth" else number(entry) for entry in entries]
    return None if not found or None in found else found


def chosen(options: Sequence[str], text: str) -> list[Any] | None:
    """Return the option that a text is, or of which alone it has some words in their order; or None."""
    word, names = _spaced(text), {each: _spaced(each) for each in options}
    meant = [each for each in options if names[each] == word] or [each for each in options if word in names[each]]
    return meant if len(meant) == 1 else None


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
    plain = -5 < exponent < 5
    return f"{(rounded if plain else rounded.scaleb(-exponent)).normalize():f}" + ("" if plain else f"e{exponent}")


# -- numbers -----------------------------------------------------------------------------------------------------


def allowed(spec: Spec, values: Sequence[float]) -> list[float]:
    """Return how far an answer may be from each of the values: three correct digits are enough, unless it is whole."""
    rounding = ROUNDING * max(abs(value) for value in values)
    spread = spec.get("spread") or [0.0] * len(values)
    return [
        max(spec["atol"] + spec["rtol"] * abs(value) + SPREADS * each, _half_of_the_third_digit(value)) + rounding
        for value, each in zip(values, spread, strict=True)
    ]


def _half_of_the_third_digit(value: float) -> float:
    return 0.0 if value.is_integer() else float(f"5e{int(f'{value:e}'.partition('e')[2]) - 3}")


def _numbers(spec: Spec, given: Sequence[float]) -> Judgement:
    expected, bounds = spec["values"], allowed(spec, spec["values"])
    offs = [abs(a - e) for a, e in zip(given, expected, strict=True)]
    right = [off <= bound for off, bound in zip(offs, bounds, strict=True)]
    if all(right):
        return "right", f"Correct: {_error(given, expected)}."
    for name, factor in spec.get("units", []):
        if _all_near(spec, given, [factor * value for value in expected]):
            return "right", f"Correct, in {name}."
    slip = next((text for text, values in spec["slips"] if _all_near(spec, given, values)), None)
    if slip:
        return "wrong", slip
    if all(
        off <= max(1e-3 * abs(e), 2 * bound) or _is_coarse(a, e)
        for a, e, off, bound in zip(given, expected, offs, bounds, strict=True)
    ):
        return "close", _what_to_do(given, expected, bounds, right)
    coarse = (text for text, values in spec["slips"] if all(map(_is_coarse, given, values)))
    return "wrong", next(coarse, None) or _pattern(spec, given) or _distance(given, expected, right)


def _all_near(spec: Spec, given: Sequence[float], values: Sequence[float]) -> bool:
    return all(abs(a - e) <= bound for a, e, bound in zip(given, values, allowed(spec, values), strict=True))


def _is_coarse(given: float, value: float) -> bool:
    """Return whether a number is a value that was rounded to less than three digits, by a tenth of it at most."""
    near = abs(given - value) <= 0.1 * abs(value) and not value.is_integer()
    return near and any(given == float(digits(given, n)) and digits(given, n) == digits(value, n) for n in (1, 2))


def _what_to_do(
    given: Sequence[float], expected: Sequence[float], bounds: Sequence[float], right: Sequence[bool]
) -> str:
    """Say what a close answer lacks."""
    first = list(right).index(False)
    a, e, bound = given[first], expected[first], bounds[first]
    if _is_coarse(a, e):
        return "give at least three digits"
    off, size = abs(a - e), abs(e)
    if not size:
        how = f"{digits(off, 2)}, and at most {digits(bound, 2)} is allowed"
    elif bound > COARSEST * size:
        how = f"{digits(100 * off / size, 2)} %, and at most {digits(100 * bound / size, 2)} % is allowed"
    else:
        how = f"{_percent(off / size)} %: {_lacking(a, e)}"
    return f"{'it' if len(given) == 1 else f'number {first + 1}, which is {digits(a, 6)},'} is off by about {how}"


def _lacking(given: float, value: float) -> str:
    if not value.is_integer():
        return "three digits must be right"
    return "count once more" if given.is_integer() else "the answer is a whole number"


def _pattern(spec: Spec, given: Sequence[float]) -> str | None:
    """Name what all numbers of a list have in common with the right ones."""
    expected = spec["values"]
    if len(given) == 1:
        return None
    if _all_near({**spec, "spread": None}, sorted(given), sorted(expected)):
        return "these are the right numbers in the wrong order"
    shift = given[0] - expected[0]
    if all(abs(a - e - shift) <= ALIKE * abs(shift) for a, e in zip(given, expected, strict=True)):
        return f"all entries are too {'high' if shift > 0 else 'low'} by the same amount, about {digits(abs(shift), 1)}"
    factors = [a / e for a, e in zip(given, expected, strict=True)] if all(expected) else [0.0]
    factor = factors[0]
    if not factor or any(abs(each - factor) > ALIKE * abs(factor - 1) for each in factors):
        return None
    size = abs(factor)
    by, sign = f"about {_percent(abs(size - 1))} %", ", and of the wrong sign" if factor < 0 else ""
    if not 0.5 < size < 2:
        by = f"the same factor, about {digits(max(size, 1 / size), 1)}"
    return f"all entries are too {'large' if size > 1 else 'small'} by {by}{sign}"


def _distance(given: Sequence[float], expected: Sequence[float], right: Sequence[bool]) -> str:
    """Say how far the worst entry is, to one digit: the answer itself stays the reader's to find."""
    offs = [0.0 if ok else abs(a - e) for a, e, ok in zip(given, expected, right, strict=True)]
    worst = offs.index(max(offs))
    a, e, off = given[worst], expected[worst], offs[worst]
    size = abs(e)
    if not size:
        how = f"is off by about {digits(off, 1)}"
    elif a * e < 0:
        how = "has the wrong sign"
    elif off < 9 * size and abs(a) > 0.1 * size:
        how = f"is too {_side(a, e)}, by about {_percent(off / size)} %"
    else:
        how = f"is much too {_side(a, e)}"
    n = len(given)
    where = "it" if n == 1 else f"{sum(right)} of {n} are right; number {worst + 1}, which is {digits(a, 6)},"
    return f"{where} {how}"


def _side(given: float, value: float) -> str:
    """Return where a number of the right sign lies: of negative ones nobody knows which is high."""
    if value < 0:
        return "near zero" if given > value else "far below zero"
    return "high" if given > value else "low"


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


def _spaced(text: str) -> str:
    return f" {_folded(text.replace(',', ' '))} "


def _folded(word: Any) -> Any:
    return " ".join(word.lower().rstrip(".").split()) if isinstance(word, str) else word


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
