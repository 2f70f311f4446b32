"""What a search looks through: the sections of the book, its terms and its public names, in one script.

A page that was opened from a folder can load a script but fetch nothing.  ``_static/search.js`` makes the index, when
the search page is opened, with MiniSearch (``_static/minisearch``, MIT).
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from book_math import signs
from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.search.en import SearchEnglish

# What a section counts for: the pages that teach first, then what deepens them, then where one looks things up.
CHAPTER, IN_DEPTH, APPENDIX, TERM, NAME = 1, 0.8, 0.7, 0.35, 0.35
WELCOME = 0.35  # it names everything
BEGINNING, END = 1.3, 0.7  # and how much more or less the first section counts, and what repeats the others
REPEATING = ("Exercise", "Exercises", "Summary", "Break it")
NOT_SHOWN = ("tests", "bibliography", "reproducing")  # of which only titles are found: lists of what stands elsewhere
SYNONYMS = {  # what a reader may type, and what it is called here
    "ntk": "tangent kernel",
    "neural tangent kernel": "tangent kernel",
    "rntk": "recurrent tangent kernel",
    "bptt": "truncation",
    "backpropagation through time": "truncation",
    "esn": "reservoir",
    "echo state network": "reservoir",
    "clt": "central limit theorem",
    "lln": "law of large numbers",
    "ode": "limit equation",
    "sgd": "training online",
    "gradient descent": "training online",
    "learning rate": "training online",
    "lms": "least mean squares",
    "gp": "gaussian process",
    "hmm": "hidden states",
    "ar(1)": "autoregression",
    "invariant measure": "stationary law",
    "invariant law": "stationary law",
    "stationary distribution": "stationary law",
    "mixing": "forgetting",
    "mixing time": "spectral gap",
    "lazy training": "lazy",
    "learning curve": "loss",
    "confidence interval": "batch means",
    "symbols": "notation",
    "definitions": "glossary",
    "references": "bibliography",
}
LEFT_OUT = (nodes.raw, nodes.comment, nodes.image, nodes.system_message, nodes.literal_block)
ENTRIES = (addnodes.desc, addnodes.glossary, addnodes.index)  # found on their own
INLINE = (nodes.inline, nodes.emphasis, nodes.strong, nodes.literal, nodes.reference, nodes.TextElement)
WORD = re.compile(r"[A-Za-z_]\w{3,}")


class Entry(NamedTuple):
    """Something to be found: its anchor, what it is called, what it says, the names in its code, and what it counts."""

    anchor: str
    title: str
    text: str
    code: str
    weight: float


def entries(doctree: nodes.document, weight: float, shown: bool) -> Iterator[Entry]:
    """Yield what can be found on a page."""
    for i, section in enumerate(doctree.findall(titled)):
        title, *rest = section.children
        own = [part for part in rest if not titled(part)]
        code = [block.astext() for part in own for block in part.findall(nodes.literal_block)] if shown else []
        text = " ".join(map(plain, own)) if shown else ""
        anchor = section["ids"][0] if i else ""
        names = " ".join(dict.fromkeys(WORD.findall(" ".join(code))))
        place = BEGINNING if not anchor else END if title.astext() in REPEATING else 1
        yield Entry(anchor, plain(title), text, names, weight * place)
    for item in doctree.findall(nodes.definition_list_item):
        terms = [term for term in item.findall(nodes.term) if term["ids"]]
        if terms and isinstance(item.parent.parent, addnodes.glossary):
            yield Entry(terms[0]["ids"][0], ", ".join(map(plain, terms)), plain(item[-1]), "", TERM)
    for name in doctree.findall(addnodes.desc_signature):
        if name["ids"]:
            yield Entry(name["ids"][0], name["ids"][0], plain(name.parent[-1]), "", NAME)
    for tool in doctree.findall(nodes.admonition):
        if tool["ids"] and tool["ids"][0].startswith("tool-"):
            yield Entry(tool["ids"][0], plain(tool[0]), plain(tool), "", weight)


def titled(node: nodes.Node) -> bool:
    """Return whether a node is a section of its own: what a statement says is none."""
    return isinstance(node, nodes.section) and isinstance(node[0], nodes.title)


def plain(node: nodes.Node) -> str:
    """Return what a part of a page says, formulas as their signs; not its code, nor what is an entry of its own."""
    if isinstance(node, (nodes.math, nodes.math_block)):
        return signs(node.astext(), isinstance(node, nodes.math_block))
    if isinstance(node, nodes.Text):
        return str(node)
    if isinstance(node, (*LEFT_OUT, *ENTRIES)) or titled(node):
        return ""
    return " ".join(("" if isinstance(node, INLINE) else " ").join(map(plain, node.children)).split(" "))


def weight_of(app: Sphinx, page: str) -> float:
    """Return what the sections of a page count."""
    if page == app.config.root_doc:
        return WELCOME
    numbered = page in app.env.toc_secnumbers and app.env.toc_secnumbers[page].get("")
    return APPENDIX if not numbered else IN_DEPTH if page.endswith("-in-depth") else CHAPTER


def collect(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None) -> None:
    """Take the sections of a page that is being written."""
    if doctree is not None:
        shown = page.rpartition("/")[2] not in NOT_SHOWN
        app.book_sections[page] = [list(entry) for entry in entries(doctree, weight_of(app, page), shown)]


def write(app: Sphinx, exception: Exception | None) -> None:
    """Write the sections of all pages, those that were not written this time as they were."""
    if exception is None and app.builder.format == "html":
        path = Path(app.outdir) / "_static" / "sections.js"
        kept = json.loads(path.read_text(encoding="utf-8").rpartition("\n")[2]) if path.exists() else {}
        found = {page: each for page, each in {**kept, **app.book_sections}.items() if page in app.env.found_docs}
        stopped, synonyms = json.dumps(sorted(SearchEnglish.stopwords)), json.dumps(SYNONYMS)
        head = f"{SearchEnglish.js_stemmer_code}\nconst rkStopped = {stopped}, rkSynonyms = {synonyms}, rkSections = "
        path.write_text(f"{head}\n{json.dumps(found, ensure_ascii=False)}", encoding="utf-8")


def own_page(app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Yield the search page; Sphinx makes neither its own nor its index."""
    yield "search", {"title": "Search"}, "search.html"


def prepare(app: Sphinx) -> None:
    """Turn Sphinx's own search off."""
    app.builder.search = False


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to Sphinx."""
    app.book_sections = {}
    app.connect("builder-inited", prepare)
    app.connect("html-page-context", collect)
    app.connect("html-collect-pages", own_page)
    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": False}
