"""Mend what makes a built page hard to read for assistive technology.

docutils marks each entry of a bibliography with a role that ARIA has withdrawn, in a list that holds links beside them.
"""

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

BAD_ROLES = re.compile(r' role="doc-biblioentry"| role="list"(?= class="citation-list")')


def drop_roles(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None) -> None:
    """Remove the roles; a bibliography reads well as paragraphs."""
    if "body" in context:
        context["body"] = BAD_ROLES.sub("", context["body"])


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to Sphinx."""
    app.connect("html-page-context", drop_roles)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
