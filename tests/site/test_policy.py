"""The Content-Security-Policy of each page: what it says, that it fits the page, and that the browser keeps it."""

import base64
import hashlib
import re

import pages
import pytest
from book_policy import guarded, lighter
from browsers import HTML
from bs4 import BeautifulSoup
from waiting import eventually

OTHERS = ("index.html", "search.html")
LOOSE = {"'unsafe-inline'", "'unsafe-eval'", "'unsafe-hashes'", "https:", "data:", "*"}
HEAD = '<head>\n<meta charset="utf-8" />'


def directives(page):
    """Return the policy of a page, by directive."""
    (policy,) = re.findall(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)">', page)
    return {name: rest.split() for name, _, rest in (part.strip().partition(" ") for part in policy.split(";"))}


def digest(text):
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def test_scripts_do_without_what_safaris_lack():
    """None of them has idle callbacks, and older ones refuse a whole file for one look behind."""
    for path in [*(pages.BOOK / "_static").glob("*.js"), *(pages.ROOT / "rnnkernel" / "widgets").glob("*.js")]:
        assert not re.findall(r"\(\?<[=!]|requestIdleCallback|scrollend", path.read_text(encoding="utf-8")), path.name


def test_a_policy_holds_the_hash_of_each_script_in_the_page():
    page = f'{HEAD}<script>a()</script><script type="module">\nb()</script><script type="application/json">1</script>'
    scripts = directives(guarded(page))["script-src"]
    assert scripts == ["'self'", "'wasm-unsafe-eval'", digest("a()"), digest("\nb()")]


def test_pages_become_lighter():
    page = (
        '<script src="../_static/documentation_options.js?v=1"></script>'
        "\n    <script>let toggleHintShow = 'Show';</script>"
        "\n    <script>DOCUMENTATION_OPTIONS.pagename = 'a';</script>"
        '<script defer src="../_static/scripts/fontawesome.js?digest=5"></script>'
        '<script src="../_static/a.js"></script><script>own()</script>'
        '<script type="module">m()</script><button onclick="window.print()"></button>'
    )
    assert lighter(page) == (
        '<script defer src="../_static/documentation_options.js?v=1"></script>'
        '<script defer src="../_static/settings.js"></script><script defer src="../_static/a.js"></script>'
        '<script>own()</script><script type="module">m()</script><button data-print></button>',
        "let toggleHintShow = 'Show';\n",
    )


@pytest.mark.built
@pytest.mark.parametrize("path", [*OTHERS, *(f"{page}.html" for page in pages.LISTED)])
def test_each_page_is_strict(path):
    """No script runs by being written into a page, but those that the book wrote."""
    text = (HTML / path).read_text(encoding="utf-8")
    most = re.compile(r"<math\b.*?</math>|<pre\b.*?</pre>", re.DOTALL)  # formulas and code
    policy, soup = directives(text), BeautifulSoup(most.sub("", text), "html.parser")
    assert policy["default-src"] == ["'self'"]
    assert policy["object-src"] == ["'none'"]
    assert policy["base-uri"] == ["'none'"]
    assert not LOOSE & set(policy["script-src"])
    own = [each for each in soup.find_all("script", src=False) if each.get("type") != "application/json"]
    assert {digest(each.string) for each in own} == set(policy["script-src"][2:])
    assert not [name for each in soup.find_all() for name in each.attrs if name.startswith("on")]
    assert not [each for each in most.findall(text) if re.search(r"<[^>]*\son\w+=", each)]
    assert not [each["href"] for each in soup.find_all("a", href=True) if each["href"].startswith("javascript:")]
    assert not [each["src"] for each in soup.find_all("script", src=True) if "://" in each["src"]]


@pytest.mark.browser
def test_a_script_from_elsewhere_does_not_run(browser, site):
    context = browser.new_context(base_url=site)
    page = context.new_page()
    said = []
    page.on("console", lambda message: said.append(message.text))
    page.goto("/book/welcome.html")
    said.clear()
    for wrong in ("<script>window.bad = 1</script>", "<img src=x onerror='window.bad = 1'>"):
        page.evaluate("html => document.body.append(document.createRange().createContextualFragment(html))", wrong)
    page.wait_for_timeout(500)
    assert page.evaluate("window.bad") is None
    assert len([text for text in said if "Content Security Policy" in text]) >= 2
    context.close()


@pytest.mark.browser
@pytest.mark.parametrize("page_name", ["welcome", "poisson-equation", "limit-equation"])
def test_figures_are_alive_from_a_folder(page_name, browser):
    """The policy's 'self' is the folder there; explorables start their workers and WebAssembly."""
    context = browser.new_context()
    page = context.new_page()
    trouble = []
    page.on("console", lambda message: trouble.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.goto((HTML / "book" / f"{page_name}.html").as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    asleep = page.locator("[data-widget]:not([data-ready])")  # the policy lets no string be run to ask the page
    assert eventually(lambda: not asleep.count(), seconds=60)
    assert not trouble
    context.close()
