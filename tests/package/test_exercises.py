"""`Check`: right answers pass, wrong ones do not, and the verdict names the slip but never the answer."""

import fractions

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import rnnkernel as rk

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
        (0.4, np.float64(0.4 * (1 + 9e-7))),
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
    assert verdict.passed
    assert check.passed
    assert repr(verdict).startswith("Correct")


def test_the_error_is_told():
    assert repr(rk.Check(1.0)(1 + 3e-7)) == "Correct: relative error 3e-07."
    assert repr(rk.Check([1.0, 2.0])([1.0, 2 + 4e-7])) == "Correct: largest relative error 2e-07."
    assert repr(rk.Check(0.0, atol=0.1)(0.03)) == "Correct: error 0.03."


def test_tolerances_are_those_asked_for():
    assert rk.Check(2.0, rtol=0.1)(2.19)
    assert not rk.Check(2.0, rtol=0.1)(2.21)
    assert rk.Check(2.0, rtol=0, atol=0.1)(2.09)
    assert not rk.Check(2.0, rtol=0, atol=0.1)(2.11)
    assert not rk.Check([1.0, 1e-9])([1.0, 2e-9])


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
    assert "all entries are off by the same factor" in says(VECTOR, 1.1 * VECTOR)
    assert "all entries are off by the same amount" in says(VECTOR, VECTOR + 0.1)


def test_distance_is_told_to_one_digit():
    assert says(0.4, 0.4123) == "Not yet: it is too high, by about 3 %."
    assert says(0.4, 0.392) == "Not yet: it is too low, by about 2 %."
    assert says(-0.4, -0.4123) == "Not yet: it is too low, by about 3 %."
    assert says(0.4, 30.0) == "Not yet: it is far too high."
    assert says(0.4, 0.003) == "Not yet: it is far too low."
    assert says(0.4, -0.5) == "Not yet: it has the wrong sign."
    assert says(0.4, 0.40003) == "Not yet: it is close, but its relative error is 7e-05 and at most 1e-06 is allowed."
    assert says(0.0, 0.52, atol=0.1) == "Not yet: it is off by about 0.5, and at most 0.1 is allowed."
    assert says(1 + 1j, 1.2 + 1j) == "Not yet: it is off by about 10 %."


def test_the_worst_entry_is_named():
    message = says(MATRIX, [[0.9, 0.1], [0.36, 0.7]])
    assert message == "Not yet: 3 of 4 entries are right; entry [1, 0], which is 0.36, is too high, by about 20 %."


@pytest.mark.parametrize(
    ("expected", "answer", "message"),
    [
        (0.4, None, "no answer yet."),
        (0.4, ..., "no answer yet."),
        (0.4, "0.4", "the answer must be made of numbers."),
        (0.4, True, "the answer must be made of numbers."),
        (0.4, object(), "the answer must be made of numbers."),
        (0.4, {"a": 1}, "the answer must be made of numbers."),
        (0.4, np.nan, "nan is not finite."),
        (VECTOR, [0.3, np.inf, 2.9], "entry [1], inf, is not finite."),
        (VECTOR, 0.3, "an array of shape (3,) is asked for, not one value."),
        (VECTOR, [0.3, -1.7], "an array of shape (3,) is asked for, not (2,)."),
        (0.4, VECTOR, "one value is asked for, not an array of shape (3,)."),
        (0.4, [], "one value is asked for, not an array of shape (0,)."),
        (0.4, [[1, 2], [3]], "this cannot be read as an answer: list."),
        ("b", "c", "this is not it."),
        ("b", 2, "words, in quotes, are what the answer must be made of."),
        ("b", ["a", "b"], "one value is asked for, not an array of shape (2,)."),
        (["a", "c"], ["a", "b"], "1 of 2 are right."),
        (True, 1, "True or False is what the answer must be made of."),
        ([True, False], [True, True], "1 of 2 are right."),
    ],
)
def test_unusable_answers_are_told_why(expected, answer, message):
    assert says(expected, answer) == f"Not yet: {message}"


def test_nothing_an_answer_does_raises():
    class Hostile:
        def __array__(self, *_args, **_options):
            raise RuntimeError("no")

        def __len__(self):
            raise RuntimeError("no")

    assert "cannot be read" in says(0.4, Hostile())
    assert "made of numbers" in says(VECTOR, [Hostile(), 1, 2]) or "cannot be read" in says(VECTOR, [Hostile(), 1, 2])


numbers = st.floats(-1e6, 1e6)
given_arrays = arrays.arrays(float, arrays.array_shapes(max_dims=2, max_side=3), elements=st.floats(width=64))


@given(arrays.arrays(float, (2, 2), elements=numbers), given_arrays | arrays.arrays(float, (2, 2), elements=numbers))
def test_every_answer_gets_a_verdict_that_agrees_with_the_definition(expected, answer):
    verdict = rk.Check(expected, atol=1e-9)(answer)
    right = answer.shape == (2, 2) and bool(
        np.all(np.abs(answer - expected) <= 1e-9 + 1e-6 * np.abs(expected) + 1e-14 * np.abs(expected).max())
    )
    assert bool(verdict) == right


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
    assert 'class="rk-verdict rk-wrong"' in page
    assert "&lt;i&gt;" in page
    assert "<i>" not in page
    assert 'class="rk-verdict rk-right"' in rk.Check(1.0)(1.0)._repr_html_()


@pytest.mark.parametrize(
    ("expected", "options", "error", "message"),
    [
        (np.nan, {}, ValueError, "expected must be finite"),
        ([1.0, np.inf], {}, ValueError, "expected must be finite"),
        ([], {}, TypeError, "expected must be numbers, words or truth values, not \\[\\]"),
        (None, {}, TypeError, "expected must be numbers, words or truth values, not None"),
        (0.0, {}, ValueError, "atol must be above zero"),
        (1.0, {"rtol": -1}, ValueError, "rtol must be at least 0"),
        (1.0, {"atol": np.nan}, ValueError, "atol must be at least 0"),
    ],
)
def test_checks_that_make_no_sense_are_refused(expected, options, error, message):
    with pytest.raises(error, match=message):
        rk.Check(expected, **options)
