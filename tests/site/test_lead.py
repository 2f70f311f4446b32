"""The figure that a chapter opens with stands first on the page, and where it can run in a notebook."""

import book_lead
import book_markdown
from bs4 import Tag
from docutils import nodes

CELL = '<div class="cell {name}"><div class="cell_input"><pre>{name}</pre></div></div>'
PAGE = f"""<h1>Title</h1><p>Why?</p>{CELL.format(name="tag_lead")}<p>Because.</p>{CELL.format(name="first")}
<div class="rk-lead-place"></div><p>See.</p>"""


def test_on_the_page_the_figure_follows_the_question():
    lead = nodes.container(classes=["cell", "tag_hide-input", "tag_lead"])
    question, answer, cell = nodes.paragraph("", "Why?"), nodes.paragraph("", "Because."), nodes.container()
    title = nodes.title("", "Title")
    section = nodes.section("", title, question, answer, cell, lead, nodes.paragraph("", "See."))
    page = nodes.document(None, None, "", section)
    book_lead.raise_figure(None, page)
    assert section.children[:5] == [title, question, lead, answer, cell]
    assert section.children[5]["classes"] == ["rk-lead-place"]
    before = list(section.children)
    lead["classes"] = []
    book_lead.raise_figure(None, page)
    assert section.children == before


def test_in_a_notebook_it_is_back_in_its_place():
    found = [each["class"][1] if isinstance(each, Tag) else each for each in book_markdown.blocks(PAGE, str)]
    assert found == ["# Title", "Why?", "Because.", "first", "tag_lead", "See."]
