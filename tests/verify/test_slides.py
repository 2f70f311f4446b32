"""The decks: they open from their folder without a network, their figures are alive, and they give no solution away."""

import shutil

import nbformat
import pages
import pytest
import yaml
from browsers import HTML
from waiting import eventually

pytestmark = [pytest.mark.verify, pytest.mark.browser]
CHOSEN = yaml.safe_load((pages.ROOT / "_config.yml").read_text())["sphinx"]["config"]["book_slides"]


@pytest.fixture(scope="module")
def decks(tmp_path_factory):
    """The decks of the book that is built, beside it."""
    from slides import write

    if not (HTML / "index.html").exists():
        pytest.fail("the book is not built: run `make book` first")
    folder = tmp_path_factory.mktemp("build")
    shutil.copytree(HTML, folder / "html")
    return write(HTML.parent / "notebooks" / "slides", folder / "slides")


def test_each_chosen_chapter_has_a_deck(decks):
    assert [deck.stem for deck in decks] == sorted(CHOSEN)


def test_decks_open_alone_and_are_alive(decks, browser):
    for deck in decks:
        context = browser.new_context(viewport={"width": 1100, "height": 720})
        page, trouble = context.new_page(), []
        page.on("pageerror", lambda error, trouble=trouble: trouble.append(str(error)))
        page.on("requestfailed", lambda request, trouble=trouble: trouble.append(request.url))
        page.on(
            "request",
            lambda request, trouble=trouble: trouble.append(request.url) if request.url[:4] == "http" else None,
        )
        page.goto(deck.as_uri())
        page.wait_for_selector("mjx-container", state="attached")
        total = page.evaluate("Reveal.getTotalSlides()")
        assert total > 8, deck
        for _ in range(total):
            page.evaluate("Reveal.next()")
        asleep = page.locator("figure.rk-explore:not([data-ready])")
        assert eventually(lambda asleep=asleep: not asleep.count(), 30), deck
        assert not trouble
        assert "Solution to" not in page.content()
        context.close()


def test_text_stands_in_the_notes():
    for path in (HTML.parent / "notebooks" / "slides").glob("*.ipynb"):
        kinds = {cell.metadata.slideshow.slide_type for cell in nbformat.read(path, as_version=4).cells}
        assert {"slide", "subslide", "-", "notes"} <= kinds
