"""The figure that a page opens with stands under its question, in sight, wherever the code that draws it stands.

A cell with the tag ``lead`` moves up, behind the first paragraph; notebooks keep the order in which cells run.
"""

from docutils import nodes
from sphinx.application import Sphinx


def raise_figure(app: Sphinx, doctree: nodes.document) -> None:
    """Move the cell, and mark the place from which it comes."""
    lead = next((each for each in doctree.findall(nodes.container) if "tag_lead" in each.get("classes", ())), None)
    if lead is None:
        return
    section = next(doctree.findall(nodes.title)).parent
    question = next(each for each in section.children if isinstance(each, nodes.paragraph))
    lead.parent.replace(lead, nodes.container(classes=["rk-lead-place"]))
    section.insert(section.index(question) + 1, lead)


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to Sphinx."""
    app.connect("doctree-read", raise_figure)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
