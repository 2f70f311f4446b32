"""How long a page takes to read, counted from what is on it.

A page that teaches says it under its title: its main path, the same with proofs, its exercises (with hints and
solutions).  ``{minutes-of-the-book}`` adds pages up, one path a line: ``A name: page page page``, or ``all``.
"""

import re
from collections import Counter

from docutils import nodes
from sphinx.addnodes import index
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective
from sphinx_exercise.nodes import is_exercise_node, is_solution_node

WORD, DISPLAY, LINE, FIGURE = (
    1 / 180,
    0.5,
    3 / 60,
    45 / 60,
)  # minutes; a formula in the text is read like a line of code
WORDS = re.compile(r"\w[\w’'.,-]*")
FOLDED = {"tag_hide-input", "tag_hide-cell", "tag_remove-input", "tag_remove-cell"}
UNREAD = (nodes.comment, nodes.target, nodes.system_message, nodes.substitution_definition, nodes.raw, index)
LEAVES = (nodes.Text, nodes.math, nodes.math_block, nodes.literal_block, *UNREAD)
log = logging.getLogger(__name__)


class minutes_table(nodes.General, nodes.Element):
    """The place of a table of paths."""


def count(node: nodes.Node, part: str = "main") -> Counter[str]:
    """Return the minutes that main path, proofs and exercises take in a part of a page."""
    if isinstance(node, LEAVES):
        return Counter({part: minutes(node)})
    total: Counter[str] = Counter()
    if is_exercise_node(node) or is_solution_node(node) or title_of(node).startswith("Hint"):
        part = "exercises"
    elif title_of(node).startswith("Proof"):
        part = "proofs"
    for child in node.children:
        kind = child.get("nb_element") if isinstance(child, nodes.Element) else None
        if kind == "cell_code_output":
            total[part] += FIGURE * pictures(child)
        elif kind != "cell_code_source" or not is_folded(node):
            total.update(count(child, part))
    return total


def minutes(leaf: nodes.Node) -> float:
    """Return the minutes that one takes for a text, a formula or some code."""
    if isinstance(leaf, nodes.Text):
        return WORD * len(WORDS.findall(leaf.astext()))
    if isinstance(leaf, nodes.literal_block):
        return LINE * sum(bool(line.strip()) for line in leaf.astext().splitlines())
    return {nodes.math: LINE, nodes.math_block: DISPLAY}.get(type(leaf), 0.0)


def pictures(output: nodes.Element) -> int:
    """Return how many figures and explorables a cell shows; each may be there in several formats."""
    shown = [each for each in output.findall(nodes.container) if each.get("nb_element") == "mime_bundle"] or [output]
    return sum(any(map(is_picture, each.findall())) for each in shown)


def is_picture(node: nodes.Node) -> bool:
    """Return whether a node shows a figure or an explorable."""
    return isinstance(node, nodes.image) or (isinstance(node, nodes.raw) and "data-widget" in node.astext())


def is_folded(cell: nodes.Node) -> bool:
    """Return whether a cell keeps its code out of sight."""
    return bool(FOLDED.intersection(cell.get("classes", ())))


def title_of(node: nodes.Node) -> str:
    """Return the title of a dropdown, or nothing."""
    dropdown = isinstance(node, nodes.container) and node.get("design_component") == "dropdown"
    return node[0].astext() if dropdown else ""


def measure(app: Sphinx, doctree: nodes.document) -> None:
    """Count a page, and say it under the title if the page has statements or exercises, or is optional."""
    app.env.minutes_changed = True
    title = next(doctree.findall(nodes.title), None)
    if title is not None and any(map(is_taught, doctree.findall(nodes.Element))):
        all_minutes(app.env)[app.env.docname] = taken = count(doctree)
        section = title.parent
        section.insert(section.index(title) + 1, nodes.raw("", line(taken), format="html"))


def is_taught(node: nodes.Element) -> bool:
    """Return whether a node is an exercise or a statement, or says that the page is optional."""
    optional = isinstance(node, nodes.admonition) and node[0].astext() == "Optional"
    return optional or is_exercise_node(node) or "realtype" in node


def line(taken: Counter[str]) -> str:
    """Return the line under a title; proofs are added to the main path, as one reads them along with it."""
    main, proofs, exercises = rounded(taken)
    also = f" · {exercises} to read the exercises" if exercises else ""
    return (
        f'<p class="rk-minutes" data-main="{main}" data-proofs="{proofs}" data-exercises="{exercises}">Reading: '
        f"<strong>{main} minutes</strong> main path · {proofs} with proofs{also}</p>"
    )


def rounded(taken: Counter[str]) -> tuple[int, int, int]:
    """Return whole minutes of the main path, of the same with proofs, and of the exercises."""
    return round(taken["main"]), round(taken["main"] + taken["proofs"]), round(taken["exercises"])


class MinutesOfTheBook(SphinxDirective):
    """``{minutes-of-the-book}``, with one path in each line of its body."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        paths = [text.partition(":") for text in self.content if text.strip()]
        self.env.minutes_pages = {*getattr(self.env, "minutes_pages", ()), self.env.docname}
        return [minutes_table(paths=[(name.strip(), pages.split()) for name, _, pages in paths])]


class FillMinutes(SphinxPostTransform):
    """Add the pages up when all have been read."""

    default_priority = 5

    def run(self, **kwargs: object) -> None:
        for node in list(self.document.findall(minutes_table)):
            node.replace_self(self.table(node["paths"]))

    def table(self, paths: list[tuple[str, list[str]]]) -> nodes.table:
        """Return the table of paths."""
        heads = ("path", "main path", "with proofs", "exercises")
        table = nodes.table("", group := nodes.tgroup(cols=len(heads)), classes=["rk-paths"])
        group += [nodes.colspec(colwidth=1) for _ in heads]
        group += nodes.thead("", row([[nodes.paragraph("", head)] for head in heads]))
        group += (body := nodes.tbody())
        for name, pages in paths:
            folder = self.env.docname.rpartition("/")[0]
            found = [f"{folder}/{page}".lstrip("/") for page in pages]
            links = nodes.paragraph()
            for page in found if pages != ["all"] else []:
                links += [nodes.Text(" · ")] if len(links) else []
                links += self.link(page)
            if pages == ["all"]:
                found = list(all_minutes(self.env))
                links = nodes.paragraph("", f"all {len(found)} pages")
            taken = sum((all_minutes(self.env).get(page, Counter()) for page in found), Counter())
            title = nodes.paragraph("", "", nodes.strong("", name))
            body += row([[title, links], *([nodes.paragraph("", spoken(n))] for n in rounded(taken))])
        return table

    def link(self, page: str) -> nodes.Node:
        """Return a link to a page under its title, or its name if the book has no such page."""
        if page not in self.env.titles:
            log.warning("minutes-of-the-book: there is no page %s", page, location=self.env.docname)
            return nodes.Text(page)
        uri = self.app.builder.get_relative_uri(self.env.docname, page)
        return nodes.reference("", self.env.titles[page].astext(), internal=True, refuri=uri)


def row(entries: list[list[nodes.Node]]) -> nodes.row:
    """Return a row of a table."""
    return nodes.row("", *(nodes.entry("", *entry) for entry in entries))


def spoken(taken: int) -> str:
    """Return a time as one says it, from two hours on in halves."""
    hours, half = divmod(round(taken / 30), 2)
    return f"{taken} min" if taken < 120 else f"{hours}{'½' * half} h"


def all_minutes(env: BuildEnvironment) -> dict[str, Counter[str]]:
    """Return the minutes of each page that teaches."""
    if not hasattr(env, "book_minutes"):
        env.book_minutes = {}
    return env.book_minutes


def purge(app: Sphinx, env: BuildEnvironment, docname: str) -> None:
    """Forget a page that is about to be read again."""
    all_minutes(env).pop(docname, None)


def merge(app: Sphinx, env: BuildEnvironment, docnames: list[str], other: BuildEnvironment) -> None:
    """Take over what a parallel reader counted."""
    all_minutes(env).update(all_minutes(other))


def rewrite_tables(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Write the pages with tables again whenever some page was counted anew."""
    changed, env.minutes_changed = getattr(env, "minutes_changed", False), False
    return [page for page in getattr(env, "minutes_pages", ()) if changed and page in env.found_docs]


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to Sphinx; pages are counted before fields are added to them."""
    app.add_node(minutes_table)
    app.add_directive("minutes-of-the-book", MinutesOfTheBook)
    app.connect("doctree-read", measure, priority=400)
    app.connect("env-purge-doc", purge)
    app.connect("env-merge-info", merge)
    app.connect("env-updated", rewrite_tables)
    app.add_post_transform(FillMinutes)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
