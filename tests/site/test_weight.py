"""What a page weighs when it is opened: all that the browser fetches, compressed as servers do."""

import gzip

import pages
import pytest

pytestmark = pytest.mark.browser

WELCOME, ANY = 400, 700  # KiB


@pytest.mark.parametrize("path", ["index.html", "search.html", *(f"{page}.html" for page in pages.LISTED)])
def test_pages_are_light(path, page):
    found = {}
    page.on("response", lambda response: found.update({response.url: response}))
    page.goto(f"/{path}", wait_until="networkidle")
    page.evaluate("document.fonts.ready.then(() => {})")
    responses = list(found.values())
    sizes = {each.url.rpartition("/")[2]: len(gzip.compress(each.body())) / 1024 for each in responses}
    most = WELCOME if path in ("index.html", f"{pages.LISTED[0]}.html") else ANY
    assert sum(sizes.values()) <= most, sorted(sizes.items(), key=lambda item: -item[1])[:8]
    assert not [name for name in sizes if "mathjax" in name.lower() or "fontawesome" in name]
