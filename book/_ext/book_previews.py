"""What a link leads to, shown beside it: terms, statements, equations, tools; see ``_static/previews.js``.

A page that was opened from a folder can fetch nothing, so all of it stands in one script, loaded when first needed.
"""

import json
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

START = re.compile(r'<(div|dt)\b[^>]*\bid="((?:term|equation|thm|prop|lem|cor|def|tool)-[^"]*)"[^>]*>')
NOT_SHOWN = re.compile(r'<a class="headerlink".*?</a>|<annotation.*?</annotation>|</?a\b[^>]*>| id="[^"]*"', re.S)


def previews(body: str) -> dict[str, str]:
    """Return what stands at each anchor of a page: a statement, an equation, or the definition of a term."""
    found = {}
    for start in START.finditer(body):
        tag = {"div": "div", "dt": "dd"}[start[1]]
        first = start.start() if tag == "div" else body.index("<dd", start.end())
        found[start[2]] = NOT_SHOWN.sub("", element(body, first, tag))
    return found


def element(body: str, first: int, tag: str) -> str:
    """Return the element that begins at a place, with all that it holds."""
    depth = 0
    for match in re.compile(rf"<(/?){tag}\b[^>]*>").finditer(body, first):
        depth += -1 if match[1] else 1
        if not depth:
            return body[first : match.end()]
    raise ValueError(f"a {tag} is not closed: {body[first : first + 80]}")


def collect(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None) -> None:
    """Take the previews from a page that is being written."""
    if doctree is not None:
        app.book_previews[page] = previews(context["body"])


def write(app: Sphinx, exception: Exception | None) -> None:
    """Write the previews of all pages, those that were not written this time as they were."""
    if exception is None and app.builder.format == "html":
        path = Path(app.outdir) / "_static" / "previewed.js"
        kept = json.loads(path.read_text(encoding="utf-8").partition("=")[2].rstrip(";\n")) if path.exists() else {}
        found = {page: each for page, each in {**kept, **app.book_previews}.items() if page in app.env.found_docs}
        path.write_text(f"const rkPreviews = {json.dumps(found, ensure_ascii=False)};\n", encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to Sphinx, after what changes a page."""
    app.book_previews = {}
    app.connect("html-page-context", collect, priority=900)
    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": False}
