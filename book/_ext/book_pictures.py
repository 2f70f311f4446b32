"""Pictures say their size, so that nothing moves when they come, and the first of a page is fetched first."""

import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

PICTURE = re.compile(r'<img (?![^>]*\bwidth=)(?=[^>]*\bsrc="[^"]*/([^"/]+\.svg)")')
SIZE = re.compile(r'<svg[^>]*? width="([\d.]+)pt" height="([\d.]+)pt"')  # as matplotlib writes it
PIXELS = 4 / 3  # in a point


def sized(body: str, folder: dict[str, Path]) -> str:
    """Return a page's text with the sizes of the pictures of which it names the files."""
    first = True

    def tag(found: re.Match[str]) -> str:
        nonlocal first
        size = SIZE.search(folder[found[1]].read_text(encoding="utf-8")) if found[1] in folder else None
        if size is None:
            return found[0]
        width, height = (round(PIXELS * float(side)) for side in size.groups())
        soon, first = ' fetchpriority="high"' if first else "", False
        return f'<img width="{width}" height="{height}"{soon} '

    return PICTURE.sub(tag, body)


def add_sizes(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None) -> None:
    """Change a page before it is written."""
    if "body" in context:
        folder = {name: Path(app.srcdir) / source for source, (_, name) in app.env.images.items()}
        context["body"] = sized(context["body"], folder)


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to Sphinx."""
    app.connect("html-page-context", add_sizes)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
