"""Mend what makes a built page hard to read for assistive technology.

docutils marks each entry of a bibliography with a role that ARIA has withdrawn, in a list that holds links beside them.
MyST-NB calls each fold of code by another name than the one it shows.
"""

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

BAD = re.compile(r' role="doc-biblioentry"| role="list"(?= class="citation-list")|(?<=<summary) aria-label="[^"]*"')


def mend(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None) -> None:
    """Remove roles and names; a bibliography reads well as paragraphs."""
    if "body" in context:
        context["body"] = BAD.sub("", context["body"])


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to Sphinx."""
    app.connect("html-page-context", mend)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
