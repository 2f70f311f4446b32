"""Numbers that code puts into the text, as one writes them: −0.5, and 3·10⁻⁵ in place of 3e-05."""

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

GLUED = re.compile(r'(?<=class="pasted-text">)[^<]*')
NEGATIVE, POWER = re.compile(r"(?<![\w.])-(?=\d)"), re.compile(r"(?<=\d)e([+-]\d+)\b")
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def written(number: str) -> str:
    """Return a number of Python's with signs of its own for minus and times."""
    number = POWER.sub(lambda match: "·10" + str(int(match[1])).translate(RAISED), number)
    return NEGATIVE.sub("−", number)


def mend(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None) -> None:
    """Write the numbers of a page."""
    if "body" in context:
        context["body"] = GLUED.sub(lambda match: written(match[0]), context["body"])


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to Sphinx, before a page becomes a notebook."""
    app.connect("html-page-context", mend, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
