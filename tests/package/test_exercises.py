"""`Check`: right answers pass, wrong ones do not, and the verdict names the slip but never the answer."""

import fractions
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import rnnkernel as rk
from rnnkernel import exercises
from rnnkernel._judging import judge_text

VECTOR = np.array([0.3, -1.7, 2.9])
MATRIX = np.array([[0.9, 0.1], [0.3, 0.7]])


def says(expected, answer, **options):
    """The verdict's message, and that it is wrong."""
    check = rk.Check(expected, **options)
    verdict = check(answer)
    assert not verdict
    assert not check.passed
    return repr(verdict)


@pytest.mark.parametrize(
    ("expected", "answer"),
    [
        (0.4, 0.4),
        (3.0, np.float64(3.0 * (1 + 9e-7))),
        (0.4, [0.4]),
        (0.4, fractions.Fraction(2, 5)),
        (3, 3),
        (3, 3.0),
        (2 + 1j, 2 + 1j),
        (VECTOR, list(VECTOR)),
        (VECTOR, VECTOR[:, None]),
        (VECTOR.astype(complex), VECTOR),
        (MATRIX, MATRIX.tolist()),
        ([0.0, 1.0], [1e-16, 1.0]),
        (True, np.bool_(True)),
        ([True, False], (True, False)),
        ("b", " B "),
        (["a", "c"], ["a", "C"]),
    ],
)
def test_right_answers_pass(expected, answer):
    check = rk.Check(expected)
    verdict = check(answer)
    assert verdict
    assert check.passed
    assert repr(verdict).startswith("Correct")


def test_the_error_is_told():
    assert repr(rk.Check(1.0)(1 + 3e-7)) == "Correct: relative error 3e-7."
    assert repr(rk.Check([1.0, 2.0])([1.0, 2 + 4e-7])) == "Correct: largest relative error 2e-7."
    assert repr(rk.Check(0.0, atol=0.1)(0.03)) == "Correct: error 0.03."


def test_a_slip_is_known_by_two_digits():
    options = {"slips": {"that is the ratio at β = ¾": 10**-0.25}}
    assert says(0.998, 0.56, **options) == "Not yet: that is the ratio at β = ¾."
    assert says(0.998, 0.57, **options).startswith("Not yet: it is too low")
    assert says(0.5588, 0.56, **options) == "Nearly: give at least three digits."


def test_tolerances_are_those_asked_for():
    assert rk.Check(2.0, rtol=0.1)(2.19)
    assert not rk.Check(2.0, rtol=0.1)(2.21)
    assert rk.Check(2.0, rtol=0, atol=0.1)(2.09)
    assert not rk.Check(2.0, rtol=0, atol=0.1)(2.11)
    assert not rk.Check([1.0, 1e-9])([1.0, 2e-9])
    assert not rk.Check(3.0)(3.0 * (1 + 2e-6))


@pytest.mark.parametrize(
    ("wrong", "slip"),
    [
        (lambda e: -e, "the sign is flipped"),
        (lambda e: 2 * e, "it is twice as large as it should be"),
        (lambda e: e / 2, "it is half as large as it should be"),
        (lambda e: 1 - e, "it is one minus what it should be"),
        (lambda e: 1 / e, "it is one over what it should be"),
        (lambda e: e**2, "it is the square of what it should be"),
        (np.sqrt, "it is the square root of what it should be"),
        (np.log, "it is the logarithm of what it should be"),
        (np.exp, "it is the exponential of what it should be"),
    ],
)
@pytest.mark.parametrize("expected", [0.37, np.array([0.37, 1.9, 5.2])])
def test_slips_are_named(expected, wrong, slip):
    assert says(expected, wrong(expected)) == f"Not yet: it looks as if {slip}."


def test_slips_of_arrays_are_named():
    assert "it is transposed" in says(MATRIX, MATRIX.T)
    assert "in reverse order" in says(VECTOR, VECTOR[::-1])
    assert "right numbers in the wrong order" in says(VECTOR, VECTOR[[1, 0, 2]])
    assert "a sum in place of a mean" in says(VECTOR, 3 * VECTOR)
    assert "a mean in place of a sum" in says(VECTOR, VECTOR / 3)
    assert says(VECTOR, 1.1 * VECTOR) == "Not yet: all entries are too large by about 10 %."
    assert says(VECTOR, VECTOR / 7) == "Not yet: all entries are too small by the same factor, about 7."
    assert says(VECTOR, -5 * VECTOR).endswith("too large by the same factor, about 5, and of the wrong sign.")
    assert says(VECTOR, VECTOR - 0.1) == "Not yet: all entries are too low by the same amount, about 0.1."


@pytest.mark.parametrize("options", [{}, {"rtol": 0.2}, {"spread": [0.3, 0.25, 0.2]}])
@pytest.mark.parametrize("wrong", [[1.0, 1.0, 2.0], [5.0, 1.0, 0.9], [9.0, 6.4, 4.9]])
def test_what_entries_have_in_common_is_said_where_it_is_true(options, wrong):
    """However wide the tolerance is."""
    assert "all entries" not in says([2.56, 1.91, 1.4], wrong, **options)


def test_distance_is_told_to_one_digit():
    assert says(0.4, 0.4123) == "Not yet: it is too high, by about 3 %."
    assert says(0.4, 0.392) == "Not yet: it is too low, by about 2 %."
    assert says(-0.4, -0.4123) == "Not yet: it is too far below zero, by about 3 %."
    assert says(-1.0, -0.7) == "Not yet: it is too near zero, by about 30 %."
    assert says(-0.4, -30.0) == "Not yet: it is much too far below zero."
    assert says(0.4, 30.0) == "Not yet: it is much too high."
    assert says(0.4, 0.003) == "Not yet: it is much too low."
    assert says(0.4, -0.5) == "Not yet: it has the wrong sign."
    assert says(0.0, 0.52, atol=0.1) == "Not yet: it is off by about 0.5."
    assert says(0.4, 0.412) == "Not yet: it is too high, by about 3 %."


def test_a_close_answer_is_told_what_to_do():
    assert says(2 / 3, 0.67) == "Nearly: give at least three digits."
    assert says([2 / 3, 0.25], [0.75, 0.25]).startswith("Not yet: 1 of 2 are right")
    assert says(2 / 3, 0.666) == "Nearly: it is off by about 0.1 %: three digits must be right."
    assert says([0.25, 2 / 3], [0.25, 0.666]).startswith("Nearly: number 2, which is 0.666, is off by about 0.1 %")
    assert says(3.0, 3.0002) == "Nearly: it is off by about 0.007 %: the answer is a whole number."
    assert says(3279.0, 3278) == "Nearly: it is off by about 0.03 %: count once more."
    assert says(0.4, 0.406, rtol=0.01) == "Nearly: it is off by about 1.5 %, and at most 1 % is allowed."
    assert says(0.0, 0.15, atol=0.1) == "Nearly: it is off by about 0.15, and at most 0.1 is allowed."


def test_the_worst_entry_is_named():
    message = says(MATRIX, [[0.9, 0.1], [0.36, 0.7]])
    assert message == "Not yet: 3 of 4 are right; number 3, which is 0.36, is too high, by about 20 %."


def test_a_usual_slip_is_named_where_it_explains():
    """One is not "one over" 0.998, nor its square."""
    assert says(0.998, 1) == "Nearly: give at least three digits."
    assert says(0.988, 1.0121) == "Not yet: it is too high, by about 2 %."
    assert says(0.8, 1.25) == "Not yet: it looks as if it is one over what it should be."


def test_what_was_typed_is_said_again():
    assert says([4.0, 113.0], "4, 112.95").startswith("Nearly: number 2, which is 112.95, is off by about 0.04 %")


@pytest.mark.parametrize("answer", ["0.4 ± 0.1", "10÷25", "2⁄5", "0.4 networks", "0.4 ± 1e-3 letters"])
def test_what_stands_around_a_number_is_left_out(answer):
    assert rk.Check(0.4)(answer)


@pytest.mark.parametrize(
    ("answer", "number"), [("¼", 0.25), ("-½", -0.5), ("q = ¾", 0.75), ("⅓", 1 / 3), ("⅔ min", 2 / 3)]
)
def test_signs_for_fractions_are_read(answer, number):
    assert rk.Check(number)(answer)


def test_a_sign_for_a_fraction_after_a_number_is_not_read():
    assert says(1.5, "1½").startswith("This cannot be read")


NUMBER = "one number is asked for, such as 0.25 or 1/3."
NUMBERS = "3 numbers are asked for, with commas between them."


@pytest.mark.parametrize(
    ("expected", "answer", "message"),
    [
        (0.4, None, f"No answer yet: {NUMBER}"),
        (0.4, ..., f"No answer yet: {NUMBER}"),
        (0.4, " ", f"No answer yet: {NUMBER}"),
        (0.4, "...", f"No answer yet: {NUMBER}"),
        (0.4, "much", f"This cannot be read (give numbers alone, formulas are not computed): {NUMBER}"),
        (0.4, "0,4", f"Write numbers like 0.25 and 10000, without commas or spaces in them: {NUMBER}"),
        (3279, "3,279", f"Write numbers like 0.25 and 10000, without commas or spaces in them: {NUMBER}"),
        (1000, "1 000", f"Write numbers like 0.25 and 10000, without commas or spaces in them: {NUMBER}"),
        (VECTOR, "0,3; -1,7; 2,9", f"Write numbers like 0.25 and 10000, without commas or spaces in them: {NUMBERS}"),
        (0.4, "minus 0.4", f"This cannot be read (give numbers alone, formulas are not computed): {NUMBER}"),
        (0.4, "4 hundred", f"This cannot be read (give numbers alone, formulas are not computed): {NUMBER}"),
        (0.4, "1/0", f"This cannot be read (give numbers alone, formulas are not computed): {NUMBER}"),
        (0.4, True, f"This cannot be read: {NUMBER}"),
        (0.4, object(), f"This cannot be read as an answer (object): {NUMBER}"),
        (0.4, {"a": 1}, f"This cannot be read as an answer (dict): {NUMBER}"),
        (0.4, np.nan, f"This cannot be read: {NUMBER}"),
        (0.4, 1 + 1j, f"This has 2 entries: {NUMBER}"),
        (VECTOR, [0.3, np.inf, 2.9], f"This cannot be read: {NUMBERS}"),
        (VECTOR, 0.3, f"This has 1 entry: {NUMBERS}"),
        (VECTOR, [0.3, -1.7], f"This has 2 entries: {NUMBERS}"),
        (VECTOR, [VECTOR, VECTOR], f"This has the shape (2, 3): {NUMBERS}"),
        (MATRIX, 1, "This has 1 entry: 4 numbers are asked for, with commas between them, row by row."),
        (0.4, VECTOR, f"This has 3 entries: {NUMBER}"),
        (0.4, [], f"This has 0 entries: {NUMBER}"),
        (0.4, [[1, 2], [3]], f"This cannot be read as an answer (list): {NUMBER}"),
        ("b", 2, "This cannot be read: one word is asked for."),
        ("b", ["a", "b"], "This has 2 entries: one word is asked for."),
        (["a", "c"], "a", "This has 1 entry: 2 words are asked for, with commas between them."),
        (True, 1, "This cannot be read: true or false is asked for."),
        ([True, False], [True], "This has 1 entry: 2 times true or false is asked for, with commas between them."),
    ],
)
def test_unclear_answers_are_told_what_is_asked_for(expected, answer, message):
    verdict = rk.Check(expected)(answer)
    assert (verdict.kind, repr(verdict), bool(verdict)) == ("unclear", message, False)


@pytest.mark.parametrize(
    ("expected", "answer", "message"),
    [
        ("b", "c", "this is not it."),
        (["a", "c"], ["a", "b"], "1 of 2 are right."),
        ([True, False], [True, True], "1 of 2 are right."),
    ],
)
def test_wrong_words(expected, answer, message):
    assert says(expected, answer) == f"Not yet: {message}"


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        (0.25, " 0.25 "),
        (0.25, "1/4"),
        (0.25, "25 %"),
        (-1e-3, "−1e-3"),
        (1 / 3, "1 / 3"),
        (0.25, "≈ 0.25."),
        (0.25, "25 percent"),
        (0.25, "q_1 = .25 minutes²"),
        (25, "25."),
        (2.3e-6, "2.3·10^-6"),
        (-2.3e-6, "- 2.3 × 10^{-6}"),
        ([2.3e5, 1.5], "2.3*10^5, 1.5"),
        ([51, 7600], "51 and 7600"),
        (-2.3e-6, "−2.3·10⁻⁶"),
        ([-1e-4, 1000], "-10⁻⁴, 10^{3}"),
        (0.762, "0.762 bits per letter"),
        ([0.37, 2e3], "about 0.37, around 2·10³"),
        ([10 / 27, -1.25], "σ² = 10/27, u(0) = -5/4"),
        ([1874, 469], "1874 steps² and 469 draws/step"),
        ([5 / 6, 2 / 3], "(a) 0.833, b: 2/3"),
        (VECTOR, "0.3, -1.7, and 2.9"),
        ([True, False], "Yes and no"),
        (-25, "about = -25min."),
        (VECTOR, "a = 0.3 s, b = -1.7 s, c = 2.9 s."),
        (VECTOR, "[.3, -1.7; 2.9]"),
        (MATRIX, "[[0.9, 0.1], [0.3, 0.7]]"),
        (MATRIX, ".9 .1 3/10 .7"),
        (["a", "c"], "A, c"),
        ("two words", "Two  words."),
        (True, "yes"),
        ([True, False], "true, FALSE"),
    ],
)
def test_typed_answers_are_read(expected, text):
    assert rk.Check(expected)(text)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("The larger one.", "right"),
        ("larger one", "right"),
        ("about 4.5", "wrong"),
        ("one", "unclear"),
        ("largest", "unclear"),
        ("4", "unclear"),
    ],
)
def test_an_option_may_be_named_by_words_that_no_other_has(text, kind):
    options = ["the smaller one", "the larger one", "by about 4.5, like √T"]
    verdict, said = judge_text({**rk.Check("the larger one").spec, "options": options}, text)
    assert verdict == kind
    assert ("choose one of" in said) == (kind == "unclear")


def test_one_digit_of_a_close_answer_asks_for_more():
    assert says([0.0545, 0.142, 0.363], "5 %, 14 %, 36 %") == "Nearly: give at least three digits."
    assert not says(1.44, 1).startswith("Nearly")  # a third off: no rounding of this answer


def test_three_correct_digits_are_enough():
    assert rk.Check(2 / 3)(0.667)
    assert rk.Check(2 / 3)("0.6667")
    assert rk.Check(2 / 3)(0.66651)
    assert not rk.Check(2 / 3)(0.67)
    assert not rk.Check(2 / 3)(0.666)
    assert rk.Check(10 / 27)("0.370")
    assert not rk.Check(0.3706)(0.37)
    assert rk.Check(-0.093737)("-9.37 %")
    assert not rk.Check(-0.093737)("-9.38 %")
    assert rk.Check([0.5, 2.5e-7])([0.5, 2.5049e-7])
    assert not rk.Check([0.5, 2.5e-7])([0.5, 2.5051e-7])
    assert not rk.Check(1607.0)(1610)  # a whole number may be counted
    assert rk.Check(1607.3)(1610)


def test_a_random_answer_is_right_within_its_spread():
    check = rk.Check([1.93, 2.06], spread=[0.05, 0.05], slips={"these are differences, not ratios": [0.1, 0.1]})
    assert check([2, 2])
    assert repr(check([0.1, 0.1])) == "Not yet: these are differences, not ratios."
    assert not check([1.93, 2.3])
    assert rk.Check(0.0, spread=0.1)(0.2)


def test_other_units_are_recognised():
    check = rk.Check(0.04, units={"percent": 100})
    assert repr(check(4)) == "Correct, in percent."
    assert not check(40)


def test_slips_of_the_author():
    check = rk.Check(0.4, slips={"you gave the second eigenvalue, not the gap": 0.6}, hint="Look again.")
    assert repr(check(0.6)) == "Not yet: you gave the second eigenvalue, not the gap. Hint: Look again."
    words = rk.Check("ten times", slips={"ten steps are one step of before": "a hundred times"})
    assert repr(words("a hundred times")) == "Not yet: ten steps are one step of before."


WIDTHS = np.array([10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0])


def test_curves():
    slips = {"this falls like 1/N": 1 / WIDTHS * 10**0.5}
    check = rk.Check(WIDTHS**-0.5, at=WIDTHS, log="xy", ylim=(0.009, 0.65), slips=slips)
    at = WIDTHS[check.spec["asked"]]
    assert len(at) == 5
    assert repr(check(at**-0.5)) == "Correct: your curve is within 0 % of the height of the axes on average."
    assert check(0.9 * at**-0.5)
    assert repr(check(10**0.5 / at)) == "Not yet: this falls like 1/N."
    assert check(2 * at**-0.5).kind == "close"
    high = check(30 * at**-0.5)
    assert high.kind == "wrong"
    assert "too high" in repr(high)
    assert check(-at).kind == "wrong"
    assert "5 values are asked for, at 10, " in repr(check(...))


def test_nothing_an_answer_does_raises():
    class Hostile:
        def __array__(self, *_args, **_options):
            raise RuntimeError("no")

        def __len__(self):
            raise RuntimeError("no")

    assert "cannot be read" in repr(rk.Check(0.4)(Hostile()))
    assert "cannot be read" in repr(rk.Check(VECTOR)([Hostile(), 1, 2]))


numbers = st.floats(-1e6, 1e6)
given_arrays = arrays.arrays(float, arrays.array_shapes(max_dims=2, max_side=3), elements=st.floats(width=64))


@given(arrays.arrays(float, (2, 2), elements=numbers), given_arrays | arrays.arrays(float, (2, 2), elements=numbers))
def test_every_answer_gets_a_verdict_that_agrees_with_the_definition(expected, answer):
    verdict = rk.Check(expected, atol=1e-9)(answer)
    if answer.size == 4 and answer.squeeze().ndim != 2:
        return
    right = answer.shape == (2, 2) and np.isfinite(answer).all() and np.all(np.abs(answer - expected) <= most(expected))
    assert bool(verdict) == right


def most(expected):
    """By how much an answer may be off, from the digits that are printed."""
    units = [0.0 if e % 1 == 0 else 10.0 ** (Decimal(repr(float(e))).adjusted() - 2) for e in expected.ravel()]
    wanted = np.maximum(1e-9 + 1e-6 * np.abs(expected), 0.5 * np.reshape(units, expected.shape))
    return wanted + 1e-14 * np.abs(expected).max()


def test_passed_remembers():
    check = rk.Check(0.4)
    assert not check.passed
    check(0.4)
    check(0.5)
    assert check.passed


def test_the_hint_comes_with_wrong_answers_only():
    check = rk.Check(0.4, hint="Look at the gap.")
    assert repr(check(0.3)).endswith("Hint: Look at the gap.")
    assert "Hint" not in repr(check(0.4))


def test_the_verdict_shows_itself_in_a_page():
    page = rk.Check("<b>", hint="<i>")("a")._repr_html_()
    assert 'class="rk-verdict" data-verdict="wrong"' in page
    assert "&lt;i&gt;" in page
    assert "<i>" not in page
    assert 'data-verdict="right"' in rk.Check(1.0)(1.0)._repr_html_()


@pytest.mark.parametrize(
    ("expected", "options", "error", "message"),
    [
        (np.nan, {}, ValueError, "expected must be finite"),
        ([1.0, np.inf], {}, ValueError, "expected must be finite"),
        ([], {}, TypeError, "expected must be numbers, words or truth values, not a list of length 0"),
        (None, {}, TypeError, "expected must be numbers, words or truth values, not None"),
        (0.0, {}, ValueError, "atol must be above zero"),
        (1.0, {"rtol": -1}, ValueError, "rtol must be at least 0"),
        (1.0, {"atol": np.nan}, ValueError, "atol must be at least 0"),
        (1.0, {"slips": {"no": [1.0, 2.0]}}, ValueError, "slips\\['no'\\] must be like the expected answer"),
        (1.0, {"slips": {"no": "b"}}, ValueError, "slips\\['no'\\] must be like the expected answer"),
        (1.0, {"slips": {"no": 1.0}}, ValueError, "slips\\['no'\\] must not be right"),
        (1.0, {"units": {"percent": np.nan}}, ValueError, "units\\['percent'\\] must be finite"),
        ([1.0, 2.0], {"at": [2.0, 1.0]}, ValueError, "at must increase"),
        ([1.0, 2.0], {"at": [1.0]}, ValueError, "at must increase"),
        ([1.0, 2.0], {"at": [1.0, 2.0], "log": "z"}, ValueError, "log must be"),
        ([0.0, 2.0], {"at": [1.0, 2.0], "log": "y", "ylim": (1, 2)}, ValueError, "logarithmic axis"),
        ([1.0, 2.0], {"at": [1.0, 2.0], "log": "y", "ylim": (0, 2)}, ValueError, "logarithmic axis"),
        ([1.0, 2.0], {"at": [1.0, 2.0]}, TypeError, "ylim must be a pair"),
        ([1.0, 2.0], {"at": [1.0, 2.0], "ylim": (1, 0)}, ValueError, "ylim must hold two values"),
    ],
)
def test_checks_that_make_no_sense_are_refused(expected, options, error, message):
    with pytest.raises(error, match=message):
        rk.Check(expected, **options)


# -- rk.check ----------------------------------------------------------------------------------------------------


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """An empty folder with nothing remembered."""
    monkeypatch.setattr(exercises, "_remembered", [])
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_checks_travel_in_one_file(elsewhere):
    checks = {"ex-gap": rk.Check(0.4, hint="“Gap”?"), "predict-words": rk.Check("ten times")}
    script = exercises.packed({label: check.spec for label, check in checks.items()})
    assert "0.4" not in script
    assert "ten" not in script
    assert exercises.unpacked(script) == {label: check.spec for label, check in checks.items()}

    assert repr(rk.check("ex-gap", 0.4)) == (
        "The answers of the book were not found: put checks.js beside this notebook, "
        "or say where it is: rk.check('ex-gap', answer, checks='…/checks.js')."
    )
    assert rk.check("ex-gap", 0.4, checks="nowhere").kind == "unclear"
    built = elsewhere / "_build" / "html" / "_static"
    built.mkdir(parents=True)
    (built / "checks.js").write_text(script)
    assert rk.check("ex-gap", 0.4)
    assert not rk.check("ex-gap", 0.5)
    assert repr(rk.check("ex-gab", 0.4)) == "There is no check 'ex-gab'. Did you mean 'ex-gap'?"


@pytest.mark.usefixtures("elsewhere")
def test_the_place_of_the_answers_is_remembered(tmp_path_factory):
    folder = tmp_path_factory.mktemp("answers")
    (folder / "checks.js").write_text(exercises.packed({"ex-gap": rk.Check(0.4).spec}))
    assert rk.check("ex-gap", 0.4, checks=folder)
    assert rk.check("ex-gap", 0.4)


@pytest.mark.parametrize("content", [b"\x93NUMPY\xf5", b"no answers", b"{not: json}", b'{"ex-a": 1}'])
def test_other_files_hold_no_answers(tmp_path, content):
    """Whatever stands in them; and the path is not remembered."""
    (tmp_path / "checks.js").write_bytes(content)
    with pytest.raises(ValueError, match=r"checks must be the book's file of answers, checks\.js, not"):
        rk.check("ex-a", 1, checks=tmp_path)
    assert exercises._remembered == []
