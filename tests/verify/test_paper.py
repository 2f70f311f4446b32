"""The book on paper: its outline, its links, and where answers stand."""

import re

import pages
import pytest
from browsers import HTML

PDF = HTML.parent / "book.pdf"
pytestmark = [pytest.mark.verify, pytest.mark.browser]


@pytest.fixture(scope="module")
def paper(tmp_path_factory):
    """The PDF of the book that is built, read."""
    import pypdf
    from pdf import write

    if not (HTML / "index.html").exists():
        pytest.fail("the book is not built: run `make book` first")
    path = tmp_path_factory.mktemp("paper") / "book.pdf"
    write(HTML, path)
    return pypdf.PdfReader(path)


def titles(outline):
    """Return the titles of the outline, those of chapters and all."""
    chapters = [entry.title for entry in outline if not isinstance(entry, list)]
    inner = [title for entry in outline if isinstance(entry, list) for title in titles(entry)[1]]
    return chapters, chapters + inner


def test_the_outline_names_each_page_and_its_sections(paper):
    chapters, everything = titles(paper.outline)
    built = [name for name in pages.PAGES if (HTML / "book" / f"{name}.html").exists() and name not in ("api", "tests")]
    assert len(chapters) == len(built) + 2  # contents, and answers
    assert len(everything) > 3 * len(built)


def test_links_lead_to_places_in_the_book(paper):
    inside, outside = 0, set()
    for page in paper.pages:
        for note in (each.get_object() for each in page.get("/Annots", [])):
            if note.get("/Subtype") == "/Link":
                uri = note.get("/A", {}).get("/URI")
                inside += uri is None
                outside |= {uri} if uri else set()
    assert inside > 20
    assert not [uri for uri in outside if uri.startswith("file:")]


def test_it_can_be_sent_by_mail(paper):
    assert len(paper.stream.getvalue()) < 20e6  # what most take


def test_pages_are_numbered_and_answers_come_last(paper):
    text = [page.extract_text() for page in paper.pages]
    assert all(re.search(rf"\b{number}\s*$", each) for number, each in enumerate(text, 1))
    (start,) = [i for i, each in enumerate(text) if i and "Hints, answers and solutions" in each]
    assert any("Solution to" in each for each in text[start:])
    assert not any("Solution to" in each for each in text[:start])
