"""Answers that are handed in: what a file holds."""

import json

import numpy as np
import pytest

import rnnkernel as rk
from rnnkernel import exercises


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """An empty folder, and no answers given."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(exercises, "given", {})
    monkeypatch.setattr("rnnkernel.handing_in.given", exercises.given)
    monkeypatch.setattr(exercises, "_remembered", [])
    checks = {"ex-a": rk.Check(0.5), "ex-b": rk.Check([1.0, 2.0]), "ex-c": rk.Check("odd"), "ex-d": rk.Check(3)}
    (tmp_path / "checks.js").write_text(exercises.packed({name: check.spec for name, check in checks.items()}))


def test_a_file_has_the_last_answers():
    """Numbers and words as JSON has them, right or wrong; an empty answer is none."""
    for label, answer in [
        ("ex-a", np.float32(0.25)),
        ("ex-b", (1, 2.5)),
        ("ex-c", "even"),
        ("ex-d", ...),
        ("ex-a", 0.5),
    ]:
        rk.check(label, answer)
    assert rk.hand_in("a-page", name="Ada  Lovelace")
    with open("a-page-ada-lovelace.json", encoding="utf-8") as file:
        left = json.load(file)
    assert left == {
        "page": "a-page",
        "name": "Ada  Lovelace",
        "answers": {"ex-a": 0.5, "ex-b": [1.0, 2.5], "ex-c": "even"},
    }


def test_answers_that_nothing_could_judge_are_kept(tmp_path):
    (tmp_path / "checks.js").unlink()
    for answer in (0.5, ...):
        assert "answers of the book were not found" in repr(rk.check("ex-a", answer))
    assert rk.hand_in("a-page", name="b")
    with open("a-page-b.json", encoding="utf-8") as file:
        assert json.load(file)["answers"] == {"ex-a": 0.5}


def test_what_json_does_not_know_is_printed():
    rk.check("ex-a", np.array([1 + 2j]))
    rk.hand_in("a-page", name="b")
    with open("a-page-b.json", encoding="utf-8") as file:
        assert json.load(file)["answers"] == {"ex-a": "array([1.+2.j])"}


def test_no_file_without_a_name_or_an_answer(tmp_path):
    assert rk.hand_in("a-page", name="b").kind == "unclear"
    rk.check("ex-a", 0.5)
    assert rk.hand_in("a-page", name=" ?").kind == "unclear"
    assert not list(tmp_path.glob("*.json"))
