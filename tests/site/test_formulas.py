r"""Formulas as MathML: what Temml makes of TeX, and how it is set."""

import re
from xml.etree import ElementTree

import pages
import pytest
from book_markdown import blocks
from book_math import KeepTogether, lines, mathml, signs
from browsers import HTML
from docutils import nodes
from docutils.frontend import get_default_settings
from docutils.utils import new_document


def of(tex, display=False):
    return ElementTree.fromstring(mathml(tex, display))


def test_a_formula_keeps_its_tex():
    formula = of(r"\hat y_k = \tfrac{1}{2} < \infty", True)
    assert formula.attrib == {"display": "block", "class": "tml-display"}
    (annotation,) = formula.iter("annotation")
    assert annotation.attrib == {"encoding": "application/x-tex"}
    assert annotation.text == r"\hat y_k = \tfrac{1}{2} < \infty"
    assert signs(r"\hat y_k = \tfrac{1}{2} < \infty", True) == "yˆk=12<∞"


def test_what_is_no_tex_is_refused():
    import dukpy

    with pytest.raises(dukpy.JSRuntimeError, match="nosuchcommand"):
        mathml(r"\nosuchcommand", False)


def test_bare_lines_get_an_environment():
    assert lines(r"a \\ b") == "\\begin{split}\na \\\\ b\n\\end{split}"
    assert lines("a") == "a"
    aligned = "\\begin{aligned}\na &= b \\\\ c &= d\n\\end{aligned}"
    assert lines(aligned) == aligned


def test_signs_in_scripts_have_no_spaces():
    formula = of(r"\sum_{k<n} a_k < 1")
    inside, outside = [each for each in formula.iter("mo") if each.text == "<"]
    assert (inside.get("lspace"), inside.get("rspace")) == ("0", "0")
    assert "lspace" not in outside.attrib


def test_a_formula_in_a_line_begins_and_ends_without_space():
    first, last = of(r"= x +").iter("mo")
    assert (first.get("lspace"), first.get("rspace"), last.get("rspace")) == ("0", None, "0")
    assert "lspace" not in next(of("= x +", True).iter("mo")).attrib


def test_a_long_formula_may_break_before_its_signs():
    formula = of(r"|M_{k+1}| = |\varphi(X_k, M_k) - \varphi(X_k, 0)| \le q\,|M_k|")
    assert formula.get("class") == "rk-long"
    parts = formula.findall("semantics/mrow/mrow")
    assert ["".join(part.itertext())[0] for part in parts] == ["|", "=", "−", "≤"]
    assert [part[0].get("form") for part in parts[1:]] == ["infix"] * 3
    assert "class" not in of("a = b").attrib


def test_names_of_functions_stand_apart():
    """As in TeX: a thin space between an operand and a name, and between a name and a bar; none before a bracket."""
    formula = of(r"2\max|x|\frac ab\max(\operatorname{Var}(x))").find("semantics/mrow")
    said = "".join("_" if each.tag == "mspace" else each.text or "" for each in formula.iter())
    assert said.replace("\N{FUNCTION APPLICATION}", "") == "2_max_|x|ab_max(Var(x))"


@pytest.mark.parametrize(
    ("tex", "size"),
    [
        (r"\hat P^k", {"height": "0.76em"}),
        (r"\bar x_k", {"height": "0.5em"}),
        (r"\tilde \varphi_i", {"height": "0.76em", "depth": "0"}),
        (r"\langle f, g \rangle_\mu", {"height": "0.75em", "depth": "0.05em"}),
        (r"q_k", {"depth": "0"}),
        (r"x_k", None),
    ],
)
def test_scripts_stand_as_beside_a_letter(tex, size):
    padded = of(tex).find("semantics/*/mpadded")
    assert size == (padded if padded is None else padded.attrib)


def test_brackets_that_grow_are_as_wide_as_they_look():
    assert [each.get("style") for each in of(r"\big(x\big]").iter("mo")] == [
        "--rk-excess: 0.208em",
        "--rk-excess: 0.125em",
    ]


def test_commas_and_brackets_stay_with_their_formula():
    document = new_document("", get_default_settings())
    paragraph = nodes.paragraph()
    document += paragraph
    paragraph += [nodes.Text("so ("), nodes.math("", "x"), nodes.Text(", "), nodes.math("", "y"), nodes.Text(" (")]
    paragraph += [nodes.math("", "z"), nodes.Text("). ")]
    KeepTogether(document).run()
    kept = [each.astext() for each in paragraph if "unbroken" in getattr(each, "attributes", {}).get("classes", ())]
    assert kept == ["(x,", "(z)."]
    assert paragraph.astext() == "so (x, y (z). "


def test_notebooks_get_the_tex_back():
    display = mathml(lines(r"a \\ b"), True)
    body = (
        f'<p>If <span class="math">{mathml("a < b", False)}</span>, then</p>'
        f'<div class="math" id="equation-e"><span class="eqno">(2.1)<a href="#equation-e">#</a></span>'
        f"{display}</div>"
    )
    assert list(blocks(body, lambda href: href)) == [
        "If $a < b$, then",
        '<a id="equation-e"></a>\n\n$$\n\\begin{split}\na \\\\ b\n\\end{split} \\tag{2.1}\n$$',
    ]


COPIED = """selector => {
    getSelection().selectAllChildren(document.querySelector(selector));
    const event = new ClipboardEvent("copy", {clipboardData: new DataTransfer(), bubbles: true});
    document.body.dispatchEvent(event);
    return [event.clipboardData.getData("text/plain"), event.clipboardData.getData("text/html")];
}"""


@pytest.mark.browser
def test_formulas_are_copied_as_tex(page):
    page.goto("/book/poisson-equation.html")
    plain, rich = page.evaluate(COPIED, "article p:has(math)")
    tex = page.evaluate("document.querySelector('article p:has(math) annotation').textContent")
    assert f"${tex}$" in plain
    assert "<math" in rich
    plain, _ = page.evaluate(COPIED, "article div.math")
    assert plain.strip().startswith("$$")
    assert not page.evaluate(COPIED, "article h1")[0]


CHILDREN = {"msub": 2, "msup": 2, "mfrac": 2, "munder": 2, "mover": 2, "mroot": 2, "msubsup": 3, "munderover": 3}


@pytest.mark.built
@pytest.mark.parametrize("page", pages.PAGES)
def test_formulas_have_all_their_parts(page):
    """Browsers draw what is left of one that has not; Firefox says so, too, while a page is still arriving."""
    text = (HTML / "book" / f"{page}.html").read_text(encoding="utf-8")
    for formula in re.findall(r"<math\b.*?</math>", text, re.DOTALL):
        for each in ElementTree.fromstring(formula).iter():
            name = each.tag.rpartition("}")[2]
            assert len(each) == CHILDREN.get(name, len(each)), formula
