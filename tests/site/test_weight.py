"""What a page weighs when it is opened; those of the book are weighed by test_browser, which opens them anyway."""

import browsers
import pytest

pytestmark = pytest.mark.browser

MOST = {"index.html": 400, "search.html": 700}  # KiB


@pytest.mark.parametrize("path", MOST)
def test_pages_are_light(path, page):
    sizes = browsers.weighed(page, path)
    assert sum(sizes.values()) <= MOST[path], sorted(sizes.items(), key=lambda item: -item[1])[:8]
    assert not [name for name in sizes if "mathjax" in name.lower() or "fontawesome" in name]
