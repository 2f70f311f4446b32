"""Minutes are counted, not typed; terms and symbols stand in the glossary."""

import re
from collections import Counter

import book_minutes
import browsers
import pages
import pytest
from docutils import nodes

TERMS = {
    term.strip().lower()
    for each in pages.directives(pages.source("glossary"))
    if each.name == "glossary"
    for term in each.body.splitlines()
    if term and not term.startswith(" ")
}
DEFINED = re.compile(
    r"(?:\bcalled(?: the| an?)?|\bcalls? [^.*]{0,60}?|(?:^|\. )(?:The|An?))\s+\*([a-zA-Z][^*$\n]{2,40})\*", re.MULTILINE
)
MAIN_PATH, ALL_OPEN = 45, 80  # minutes that a page may take
LOCAL = {"bernstein ellipse", "limit"}  # a word of one proof, and a label in a figure


def minutes(page):
    """Return the minutes that a built page shows: main path, the same with proofs, exercises."""
    text = (browsers.HTML / "book" / f"{page}.html").read_text(encoding="utf-8")
    line = re.search(r'<p class="rk-minutes" data-main="(\d+)" data-proofs="(\d+)" data-exercises="(\d+)">', text)
    return tuple(map(int, line.groups()))


def test_what_counts_as_a_minute():
    def dropdown(title, *content):
        return nodes.container("", nodes.rubric("", title), *content, design_component="dropdown")

    def cell(code, shown, *classes):
        source = nodes.container("", nodes.literal_block("", code), nb_element="cell_code_source")
        formats = nodes.container("", shown, nodes.image(), nodes.literal_block("", "Figure"), nb_element="mime_bundle")
        output = nodes.container("", formats, nb_element="cell_code_output")
        return nodes.container("", source, output, classes=["cell", *classes])

    words = nodes.paragraph("", "word " * 90)
    page = nodes.section(
        "",
        nodes.paragraph("", "", nodes.Text("word " * 90), nodes.math("", "x"), nodes.math("", "y")),
        nodes.math_block("", "x = y"),
        cell("x = 1\n\ny = 2", nodes.image()),
        cell("z = 3", nodes.raw("", "<figure data-widget>", format="html"), "tag_hide-input"),
        dropdown("Proof", words, nodes.math_block("", "x")),
        dropdown("Hint", words.deepcopy()),
        dropdown("Answer", words.deepcopy()),
    )
    found = book_minutes.count(page)
    main = 0.5 + 2 * 0.05 + 0.5 + 2 * 0.05 + 0.75 + 0.75 + 0.5 + 1 / 180
    assert found["main"] == pytest.approx(main)
    assert found["proofs"] == pytest.approx(1 + 1 / 180)
    assert found["exercises"] == pytest.approx(0.5 + 1 / 180)
    assert book_minutes.rounded(found) == (round(main), round(main + 1), 1)


def test_hours_are_said_in_halves():
    assert [book_minutes.spoken(n) for n in (8, 119, 120, 140, 166, 882)] == [
        "8 min",
        "119 min",
        "2 h",
        "2½ h",
        "3 h",
        "14½ h",
    ]


def test_no_minutes_are_not_said():
    shown = book_minutes.line(Counter(main=30, proofs=4))
    assert 'data-exercises="0"' in shown
    assert shown.endswith("34 with proofs</p>")
    assert book_minutes.line(Counter(exercises=5)).endswith("5 to read the exercises</p>")


@pytest.mark.built
def test_all_that_is_taught_is_everything():
    """The last line of the table adds up what stands under the titles, but for rounding."""
    text = (browsers.HTML / "book" / "welcome.html").read_text(encoding="utf-8")
    cells = re.findall(r"<td>(.*?)</td>", text[text.index("rk-paths") :].partition("</table>")[0], re.DOTALL)
    assert f"all {len(pages.CHAPTERS)} pages" in cells[-4]
    for shown, taken in zip(cells[-3:], zip(*map(minutes, pages.CHAPTERS), strict=True), strict=True):
        hours = float(re.search(r"<p>(.*) h</p>", shown)[1].replace("½", ".5"))
        assert abs(60 * hours - sum(taken)) <= 15 + len(taken) / 2


@pytest.mark.built
@pytest.mark.parametrize("page", pages.CHAPTERS)
def test_a_page_can_be_finished(page):
    """Its minutes stand under the title, and they are not too many."""
    main, proofs, exercises = minutes(page)
    assert 0 < main <= proofs
    assert exercises or page not in pages.MAIN
    assert main <= MAIN_PATH
    assert proofs + exercises <= ALL_OPEN


@pytest.mark.parametrize("page", pages.PAGES)
def test_terms_are_in_the_glossary(page):
    """Those that the page refers to, and those that it defines."""
    text = pages.source(page)
    used = {(found[2] or found[1]).lower() for found in re.finditer(r"\{term\}`([^`<]*?)(?: <([^>]*)>)?`", text)}
    assert not {" ".join(term.split()) for term in used} - TERMS
    code = re.compile(r"^(`{3,})\{code-cell\}.*?^\1$", re.DOTALL | re.MULTILINE)
    defined = {" ".join(term.lower().split()) for term in DEFINED.findall(code.sub("", text))}
    assert not defined - TERMS - LOCAL - {term.removesuffix("s") for term in TERMS}


def test_every_symbol_is_in_the_glossary():
    """Each symbol of the page on notation, as it is written there."""
    symbols = [
        symbol
        for line in pages.source("notation").splitlines()
        if line.startswith("|")
        for symbol in re.findall(r"\$([^$]+)\$", line.split("|")[1].replace("\\lvert", "|").replace("\\rvert", "|"))
    ]
    formulas = " ".join(re.findall(r"\$([^$]+)\$", pages.source("glossary")))
    assert len(symbols) >= 40
    wanted = {re.split(r" ?(?:\\in|=)", symbol)[0] for symbol in symbols}
    assert not [each for each in wanted if not re.search(rf"(?<![A-Za-z\\]){re.escape(each)}(?![A-Za-z])", formulas)]
