"""The figures with sliders in another browser: they come alive, answer, and compute what Python does."""

import pages
import pytest
from explorables import SEEN, seen
from waiting import eventually

pytestmark = pytest.mark.browser

WITH_SLIDERS = [
    page
    for page in pages.LISTED
    if any(call in pages.source(page.removeprefix("book/")) for call in ("rk.explore(", "rk.widgets."))
]
FIGURES = "[...document.querySelectorAll('[data-widget]')]"
MOVED = """figure => {
    const slider = figure.querySelector("input[type=range]");
    slider.value = slider.value === slider.max ? slider.min : slider.max;
    slider.dispatchEvent(new Event("input", {bubbles: true}));
}"""


@pytest.mark.parametrize("path", [f"{page}.html" for page in WITH_SLIDERS])
def test_figures_answer(path, firefox, site):
    """Alive without an error or a request elsewhere; a slider moves its picture; the numbers are Python's."""
    firefox.open(f"{site}/{path}")
    firefox.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    firefox.evaluate("document.querySelectorAll('.rk-gate button, .rk-more').forEach(each => { each.click(); })")
    n_figures = firefox.evaluate(f"{FIGURES}.length")
    assert n_figures
    for figure in (f"{FIGURES}[{i}]" for i in range(n_figures)):
        before = seen(firefox.evaluate(f"({SEEN})({figure})"))
        firefox.evaluate(f"({MOVED})({figure})")
        after = seen(firefox.evaluate(f"({SEEN})({figure})"))
        assert after["places"] != before["places"]
        assert after["picture"] != before["picture"]
    assert not firefox.trouble


def test_trouble_is_noticed(firefox, site):
    firefox.open(f"{site}/book/welcome.html")
    assert not firefox.trouble
    for wrong in (
        "console.error('so loud')",
        "setTimeout(() => { nowhere(); }), 1",
        "new Image().src = 'http://elsewhere.invalid/picture.png'",
    ):
        firefox.evaluate(wrong)
    for sign in ("so loud", "nowhere is not defined", "http://elsewhere.invalid"):
        assert eventually(lambda sign=sign: firefox.evaluate("1") and sign in " ".join(firefox.trouble)), sign
