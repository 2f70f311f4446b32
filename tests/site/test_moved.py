"""Links to what moved to another page of the book lead to it."""

import json
import sys

import book_moved
import pages
import pytest
from browsers import HTML

sys.path.insert(0, str(pages.ROOT / "tools"))
import moved

PAGE = """<!doctype html><html lang="en"><title>Page</title><body><article>
<section id="summary"><figure id="fig-a"></figure><div class="proof" id="%s"></div><span id="id7"></span></section>
<section class="theorem-content" id="thm-content"></section><figure class="rk-explore" id="rk-1"></figure>
</article><section id="footer"></section></body></html>"""
ADDRESSES = [(old, anchor, new) for old, table in book_moved.MOVED.items() for new in table for anchor in table[new]]


def test_what_moved_is_found(tmp_path):
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "one.html").write_text(PAGE % "thm-a")
    old = moved.anchors(tmp_path / "old")
    assert old == {"one": {"summary", "fig-a", "thm-a"}}
    new = {"one": {"fig-a"}, "one-in-depth": {"summary", "thm-a"}, "two": {"summary", "thm-b"}}
    before = {"zero": {"two": ["thm-a", "thm-b"]}}
    table = {"one": {"one-in-depth": ["summary", "thm-a"]}, "zero": {"one-in-depth": ["thm-a"], "two": ["thm-b"]}}
    assert moved.find(old, new, before) == (table, [])
    assert moved.find({"one": {"fig-b"}, "three": {"summary"}}, new, {}) == (
        {},
        ["one#fig-b", "three#summary (one-in-depth?) (two?)"],
    )


@pytest.mark.browser
def test_an_old_address_opens_the_new_page_from_a_folder(tmp_path, browser):
    script = f"<script>{book_moved.script({'new page': ['thm-ö'], 'newer': ['thm-b']})}</script></body>"
    page = PAGE % "thm-ö"
    for name, text in (("old", page.replace("</body>", script)), ("new page", page), ("newer", page)):
        (tmp_path / f"{name}.html").write_text(text)
    tab = browser.new_page()
    address = f"{tmp_path.as_uri()}/old.html"
    for anchor, page in (("fig-a", "old"), ("thm-ö", "new page"), ("thm-b", "newer")):
        tab.goto("about:blank")
        tab.goto(f"{address}#{anchor}")
        tab.wait_for_function("page => decodeURIComponent(location.pathname).endsWith(`/${page}.html`)", arg=page)
        assert tab.evaluate("decodeURIComponent(location.hash)") == f"#{anchor}"
    tab.goto(address)
    tab.evaluate("location.hash = 'thm-b'")
    tab.wait_for_url("**/newer.html#thm-b")
    tab.close()


@pytest.mark.built
def test_what_moved_is_where_the_table_says():
    built = moved.anchors(HTML / "book")
    assert not [
        address for address in ADDRESSES if address[1] in built[address[0]] or address[1] not in built[address[2]]
    ]
    for old, table in book_moved.MOVED.items():
        assert json.dumps(table) in (HTML / "book" / f"{old}.html").read_text()
