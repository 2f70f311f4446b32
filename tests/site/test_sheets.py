"""The one style sheet of the pages: it holds what applies, from where it stood; and pictures that say their sizes."""

import re

import pytest
import tinycss2
from book_pictures import sized
from book_sheets import SHEET, cut, linked, names_used, together
from browsers import HTML


def rules(sheet, used):
    return cut(tinycss2.parse_stylesheet(sheet, skip_comments=True, skip_whitespace=True), used).split("\n")[:-1]


def test_rules_are_kept_if_they_can_match():
    sheet = (
        '@charset "utf-8"; p { margin: 0 } .a .b, .c > #d { top: 0 } #e { top: 1px }\n'
        "a:not(.e) { left: 0 } @media print { .e { top: 2px } .a { top: 3px } } @media screen { .e { top: 4px } }"
        "@font-face { font-family: X } /* .a { } */"
    )
    assert rules(sheet, {"a", "c", "d"}) == [
        *("p{margin: 0}", ".c > #d{top: 0}", "a:not(.e){left: 0}"),
        *("@media print {", ".a{top: 3px}", "}", "@font-face { font-family: X }"),
    ]
    assert rules(".a.b { top: 0 }", {"a"}) == []


def test_names_come_from_pages_and_scripts():
    pages = ['<p class="a b" id="c">word</p><script>x = "d-e"</script>']
    assert names_used(iter(pages), iter(['add("f")'])) == {"a", "b", "c", "x", "d-e", "add", "f"}


def test_sheets_are_put_together_with_what_they_import(tmp_path):
    (tmp_path / "styles").mkdir()
    (tmp_path / "basic.css").write_text("p { background: url('file.png') }")
    (tmp_path / "styles" / "theme.css").write_text('@import "../basic.css";\nq { background: url(../x/y.woff) }')
    assert together(tmp_path, ["styles/theme.css"]).split("\n") == [
        *("p { background: url(file.png) }", "q { background: url(x/y.woff) }"),
    ]


def test_a_page_has_one_link():
    page = (
        '<head><link rel="stylesheet" href="../_static/a.css?v=1" />\n<link href="../_static/b.css" rel="stylesheet">'
    )
    once = linked(page, "2")
    assert once == f'<head><link rel="stylesheet" href="../_static/{SHEET}?v=2" />\n'
    assert linked(once, "3") == once.replace("=2", "=3")


def test_pictures_say_their_sizes(tmp_path):
    (tmp_path / "a.svg").write_text('<svg xmlns="x" width="446.4pt" height="280.8pt" viewBox="0 0 1 1">')
    body = '<img alt="A" src="../_images/a.svg" /><img src="../_images/b.svg" /><img src="../_images/a.svg" />'
    assert sized(body, {"a.svg": tmp_path / "a.svg"}) == (
        '<img width="595" height="374" fetchpriority="high" alt="A" src="../_images/a.svg" />'
        '<img src="../_images/b.svg" /><img width="595" height="374" src="../_images/a.svg" />'
    )


@pytest.mark.built
def test_pages_of_the_book_do():
    """Each links to the one sheet, and what it loads is there."""
    for path in (HTML / "book").glob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert len(re.findall(r'rel="stylesheet"', text)) == 1, path.name
        assert not re.findall(r'<img (?![^>]*height=)[^>]*src="[^"]*\.svg"', text), path.name
    sheet = (HTML / "_static" / SHEET).read_text(encoding="utf-8")
    fonts = re.findall(r"url\(([^)]*\.woff2?)\)", sheet)
    assert fonts
    assert all((HTML / "_static" / font).exists() for font in fonts)
