"""Explorables on a page, in whatever browser: what they show and computed, held against what Python computes."""

import json
from typing import Any

import numpy as np
import pages
import pytest

import rnnkernel as rk

KINDS = {kind.name: kind for kind in (getattr(rk.widgets, name) for name in rk.widgets.__all__)}
PAGES = [page for page in pages.LISTED if "rk.widgets." in pages.source(page.removeprefix("book/"))]

# A function of the figure: waits until it has drawn its sliders' last move, and tells what can be seen then.
SEEN = """async figure => {
    const end = performance.now() + 60000;
    const drawn = () => !figure.matches(".rk-live") || figure.querySelector("[data-number]"); // it has a width
    while (!figure.matches("[data-ready]:not([aria-busy])") || !drawn()) {
        if (performance.now() > end) throw new Error(`${figure.dataset.widget} has drawn nothing for a minute`);
        await new Promise(requestAnimationFrame);
    }
    const all = selector => [...figure.querySelectorAll(selector)];
    const plain = (_, each) => ArrayBuffer.isView(each) ? Array.from(each) : each;
    return JSON.stringify({
        kind: figure.dataset.widget,
        places: Object.fromEntries(all("input[type=range]").map(each => [each.name || each.id, Number(each.value)])),
        texts: all("output").map(each => each.value),
        numbers: all("[data-number]").map(each => [each.dataset.number, each.textContent]),
        sentence: figure.querySelector(".rk-numbers")?.textContent,
        picture: figure.querySelector(".rk-view").innerHTML,
        result: figure.rkResult,
    }, plain);
}"""


def seen(text: str) -> dict[str, Any]:
    """Read what `SEEN` told, add the ``call`` that makes its twin in Python, which must compute and say the same."""
    found = json.loads(text)
    if found["kind"] in KINDS:
        kind = KINDS[found["kind"]]
        twin = kind(**{key: kind.values(key)[place] for key, place in found["places"].items()})
        expected = twin.compute()
        assert_same(found["result"], expected)
        assert found["texts"] == [twin.text(key, getattr(twin, key)) for key in kind.labels]
        assert found["numbers"]
        for name, shown in found["numbers"]:
            three_digits = pytest.approx(expected[name], rel=6e-3, abs=1e-9)
            assert float(shown.replace("−", "-")) == three_digits, name
        found["call"] = repr(twin)
    return found


def assert_same(answer: dict[str, Any], expected: dict[str, Any]) -> None:
    """Every number of one answer is in the other, under its name, to rounding."""
    assert answer.keys() == expected.keys()
    for name, numbers in expected.items():
        np.testing.assert_allclose(answer[name], numbers, rtol=1e-9, atol=1e-11, err_msg=name)
