"""The pages in Safari's engine: formulas whole, figures alive, answers judged, and nothing wider than a phone."""

import asked
import pages
import pytest
from explorables import SEEN, seen
from test_firefox import FIGURES, MOVED

pytestmark = [pytest.mark.verify, pytest.mark.browser]

OPENED = """(document.querySelectorAll("details").forEach(each => { each.open = true; }),
    document.querySelectorAll(".rk-gate button, .rk-more, .toggle-hidden button.toggle-button")
        .forEach(each => each.click()), document.fonts.ready.then(() => {}))"""
TORN = """[...document.querySelectorAll("mtd")].filter(cell => {
    const {left, right, width} = cell.getBoundingClientRect();
    const signs = [...cell.querySelectorAll("mi, mn, mo")].map(each => each.getBoundingClientRect());
    return width && signs.some(sign => sign.left < left - 4 || sign.right > right + 4);
}).map(cell => cell.closest("math").querySelector("annotation").textContent)"""
SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
VERDICTS = """(texts => texts.map(text => {
    const form = document.querySelector("form.rk-answer[data-check='ex-ergodic-batch']");
    form.querySelector("input").value = text;
    form.querySelector("button[type=submit]").click();
    return form.querySelector("output").dataset.verdict;
}))"""


@pytest.mark.parametrize("path", [f"{page}.html" for page in pages.LISTED])
def test_a_page_is_whole(path, webkit):
    """On a desk and on a phone; a slider moves its picture; nothing goes wrong, nothing is asked of another host."""
    webkit.open(path)
    webkit.evaluate(OPENED)
    assert not webkit.evaluate(TORN)
    for figure in (f"{FIGURES}[{i}]" for i in range(webkit.evaluate(f"{FIGURES}.length"))):
        before = seen(webkit.evaluate(f"({SEEN})({figure})"))
        webkit.evaluate(f"({MOVED})({figure})")
        assert seen(webkit.evaluate(f"({SEEN})({figure})"))["picture"] != before["picture"]
    assert not webkit.evaluate("trouble")
    webkit.open(path, phone=True)
    webkit.evaluate(OPENED)
    assert not webkit.evaluate(SIDEWAYS)
    assert not webkit.evaluate("trouble")


def test_answers_are_judged(webkit):
    spec = asked.specs()["ex-ergodic-batch"]
    webkit.open("book/ergodic-data.html")
    assert webkit.evaluate(f"{VERDICTS}({[asked.typed(spec, spec['values']), asked.NONSENSE]})") == ["right", "unclear"]


def test_trouble_is_noticed(webkit):
    webkit.open("book/welcome.html")
    webkit.evaluate("(new Image().src = 'http://elsewhere.invalid/picture.png', console.error('so loud'))")
    webkit.evaluate("new Promise(done => setTimeout(done, 500))")
    assert {"so loud", "http://elsewhere.invalid/picture.png"} <= set(webkit.evaluate("trouble"))
