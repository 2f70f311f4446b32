"""What a page weighs when it is opened: all that the browser fetches, compressed as servers do."""

import gzip

import pages
import pytest

pytestmark = pytest.mark.browser

WELCOME, ANY = 400, 700  # KiB


@pytest.mark.parametrize("path", ["index.html", "search.html", *(f"{page}.html" for page in pages.LISTED)])
def test_pages_are_light(path, page):
    bodies = {}
    page.on("response", lambda response: bodies.update({response.url: response}))
    page.goto(f"/{path}", wait_until="networkidle")
    sizes = {url.rpartition("/")[2]: len(gzip.compress(response.body())) / 1024 for url, response in bodies.items()}
    most = WELCOME if path in ("index.html", f"{pages.LISTED[0]}.html") else ANY
    assert sum(sizes.values()) <= most, sorted(sizes.items(), key=lambda item: -item[1])[:8]
    assert not [name for name in sizes if "mathjax" in name.lower() or "fontawesome" in name]
