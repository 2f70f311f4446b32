"""A link to what has moved leads to it: ``old.html#anchor`` opens ``new.html#anchor``, from a folder, too.

``moved.json`` holds for each old page the pages to which something moved, and its anchors; ``tools/moved.py`` makes it.
"""

import json
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

MOVED = json.loads((Path(__file__).parent / "moved.json").read_text())

SCRIPT = """(() => {
  const moved = %s;
  const follow = () => {
    const anchor = decodeURIComponent(location.hash.slice(1));
    const page = Object.keys(moved).find(page => moved[page].includes(anchor));
    if (page) location.replace(`${page}.html${location.hash}`);
  };
  addEventListener("hashchange", follow);
  follow();
})();"""


def script(moved: dict[str, list[str]]) -> str:
    """Return the script of an old page."""
    return SCRIPT % json.dumps(moved)


def add(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None) -> None:
    """Give an old page its script."""
    moved = app.config.book_moved.get(page.removeprefix("book/"))
    if moved:
        app.add_js_file(None, body=script(moved))


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to Sphinx; a new table makes every page anew."""
    app.add_config_value("book_moved", MOVED, "html")
    app.connect("html-page-context", add)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
