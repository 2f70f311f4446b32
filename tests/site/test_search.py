"""What a reader types, and the page that must come first; from a server and from a folder."""

import pytest
from browsers import HTML, tabs

pytestmark = pytest.mark.browser

FIRST = {
    "NTK": "tangent-kernel",
    "neural tangent kernel": "tangent-kernel",
    "truncated backpropagation": "training-online",
    "Cantor set": "hidden-states-and-a-continuum",
    "BPTT": "training-online",
    "RTRL": "what-the-limit-does-not-see",
    "ESN": "glossary",
    "Doeblin": "ergodic-data",
    "central limit theorem": "fluctuations-while-learning",
    "poisson equation": "poisson-equation",
    "stationary distribution": "stationary-law",
    "random fixed point": "random-fixed-point",
    "Old Faithful": "network-that-remembers",
    "sunspots": "real-sequences",
    "markov chains": "ergodic-data",
    "spectral gap": "glossary",
    "mean field": "memory-is-a-function",
    "Gronwall": "fluctuations-while-learning",
    "signatures": "neighbours",
    "SGD": "training-online",
    "batch means": "poisson-equation-with-memory",
    "asymptotic variance": "poisson-equation-with-memory",
    "invariant measure": "stationary-law",
    "contraction": "random-fixed-point",
    "modes": "limit-equation",
    "learning rate": "training-online",
    "gradient descent": "training-online",
    "limit equation": "limit-equation",
    "KernelLimit": "api",
    "solve_poisson": "api",
    "how wide": "convergence-measured",
    "hidden markov": "hidden-states-and-a-continuum",
    "echo state property": "glossary",
    "Lyapunov exponent": "random-fixed-point-in-depth",
    "null space": "tangent-kernel",
    "notation": "notation",
    "teaching": "teaching",
    "bibliography": "bibliography",
}
RESULTS = """() => [...document.querySelectorAll("#rk-search-results li")].map(each =>
    [each.querySelector("a").getAttribute("href"), each.querySelector("p").textContent])"""


@pytest.fixture(scope="module")
def page(browser, site):
    """The search page, opened once."""
    with tabs(browser) as opened:
        page = opened(site)
        page.goto("/search.html?q=nothing")
        yield page


def first(page, words):
    """Return the page that comes first."""
    page.fill(".bd-search-container input", words)
    page.press(".bd-search-container input", "Enter")
    assert words in page.inner_text("#rk-search-state")
    results = page.evaluate(RESULTS)
    assert results, words
    return results[0][0].partition(".html")[0].removeprefix("book/")


@pytest.mark.parametrize(("words", "expected"), FIRST.items())
def test_the_right_page_comes_first(words, expected, page):
    assert first(page, words) == expected


def test_results_can_be_read_and_followed(page):
    first(page, "asymptotic variance")
    results = page.evaluate(RESULTS)
    assert any("asymptotic variance" in excerpt.lower() for _, excerpt in results[:3])
    assert not [excerpt for _, excerpt in results if "\\" in excerpt or len(excerpt) > 500]
    for href, _ in results:
        path, _, anchor = href.partition("#")
        text = (HTML / path).read_text()
        assert not anchor or f'id="{anchor}"' in text, href


def test_nothing_is_said_to_be_nothing(page):
    page.goto("/search.html?q=zzyzx")
    assert "Nothing" in page.inner_text("#rk-search-state")
    assert not page.evaluate(RESULTS)


def test_it_works_from_a_folder(browser):
    """Typed in a chapter, without a server: the sidebar's field leads to the answers."""
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    page = context.new_page()
    trouble = []
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on("console", lambda message: trouble.append(message.text) if message.type == "error" else None)
    page.goto((HTML / "book" / "welcome.html").as_uri())
    page.keyboard.press("Control+k")
    page.keyboard.type("NTK")
    page.keyboard.press("Enter")
    page.wait_for_selector("#rk-search-results li")
    assert page.evaluate(RESULTS)[0][0].startswith("book/tangent-kernel.html")
    page.click("#rk-search-results a")
    page.wait_for_selector("article h1")
    assert not trouble
    context.close()
