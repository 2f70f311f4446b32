"""Each chapter as a notebook for any Jupyter, in two editions, made from its built page and what its cells gave.

The *student* edition asks for an answer where the page has a solution; the *solved* one is the whole page.  Both stand
in ``_build/notebooks``, numbered in the order of the book, and the student's is what a page offers for download.
"""

import base64
import copy
import itertools
import json
import posixpath
import re
import shutil
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import nbformat
from book_execution import ROOT, read
from book_markdown import AWAITED, Block, Link, Waiting, anchor, blocks, caption, escaped, folded, solution_blocks
from book_students import check_of, without_checks, without_quoted
from bs4 import Tag
from docutils import nodes
from jupyter_cache import get_cache
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

import rnnkernel

EDITIONS = ("student", "solved")
BOOK = "../book"  # the built book, as seen from a folder of notebooks
DATA = re.compile(r"""["'](data/[\w.-]+)["']""")
STILL = re.compile(r"<svg.*?</svg>", re.DOTALL)
SETUP = """\
# Runs anywhere: where the package rnnkernel is missing, this cell installs it.
import importlib.util
from pathlib import Path

wheels = [path for place in (".", "wheels", "../wheels") for path in sorted(Path(place).glob("rnnkernel-*.whl"))]
if importlib.util.find_spec("rnnkernel") is None and wheels:
    folder = wheels[-1].parent
    offline = "--no-index" if list(folder.glob("numba-*.whl")) else ""
    %pip install --quiet {offline} --find-links "{folder}" "rnnkernel[book]"
    importlib.invalidate_caches()
elif importlib.util.find_spec("rnnkernel") is None:
    {otherwise}
"""
MISSING = (
    'print("The package rnnkernel is missing: put its wheel, rnnkernel-….whl, beside this notebook, '
    'and run this cell again.")'
)
FETCHED = """\
%pip install --quiet "rnnkernel[book] @ {address}/_static/{wheel}"
    importlib.invalidate_caches()
    from urllib.request import urlretrieve

    urlretrieve("{address}/_static/checks.js", "checks.js")"""
INCLUDED = """
import base64
import zlib

for name, packed in {data}.items():  # the data of this page
    if not Path(name).exists():
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_bytes(zlib.decompress(base64.b64decode(packed)))
"""
HANDING_IN = """## To hand in

Put your name in and run this cell.
It writes your answers to one file beside this notebook."""
HEADING = re.compile(r"(<a id=[^>]*></a>\n\n)?#{1,6} |<h4 ")
NAMESPACE = "http://www.w3.org/2000/svg"
EXERCISES, TITLE = re.compile(r"^## ([\d.]+ )?Exercises$", re.MULTILINE), re.compile(r"^##? ", re.MULTILINE)
STATEMENT = re.compile(r'<h4 id="(?!ex-)')
AFTER = "After your prediction"
ONE_BY_ONE = "Run the cells one after the other: those that answer a prediction stand below it."
FOLDED = {"jupyter": {"source_hidden": True}}
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def names(env: BuildEnvironment) -> dict[str, str]:
    """Return the notebook's name of each page that has code, numbered in reading order from 00, Welcome."""
    found = [page for page in env.external_site_map if page in env.found_docs and has_code(env, page)]
    return {page: f"{number:02}-{posixpath.basename(page)}" for number, page in enumerate(found)}


def has_code(env: BuildEnvironment, page: str) -> bool:
    """Return whether a page has cells."""
    return "```{code-cell}" in Path(env.doc2path(page)).read_text(encoding="utf-8")


def links(page: str, names: dict[str, str], address: str) -> Link:
    """Return the function that leads a link of a page to a notebook, else into the book."""

    def link(href: str) -> str | None:
        if re.match(r"[a-z]+:", href) or href.startswith("#"):
            return href
        target, _, place = href.partition("#")
        target = posixpath.normpath(posixpath.join(posixpath.dirname(page), target))
        place = f"#{place}" if place else ""
        name = names.get(target.removesuffix(".html"))
        return f"{name}.ipynb{place}" if name else f"{address or BOOK}/{target}{place}"

    return link


class Solution(NamedTuple):
    """A solution: the label of its exercise, the name of the check with which it ends, and which cells it holds."""

    label: str
    check: str | None
    cells: list[int]


class Chapter:
    """A built page and its executed cells, as they become a notebook."""

    def __init__(self, page: str, body: str, executed: NotebookNode, link: Link, address: str) -> None:
        self.slug, self.link, self.address = posixpath.basename(page), link, address
        self.code = [cell for cell in executed.cells if cell.cell_type == "code"]
        self.stream = list(blocks(body, link))
        shown = [cell for block in self.stream if isinstance(block, Tag) for cell in cells_of(block)]
        visible = [i for i, cell in enumerate(self.code) if not has_tag(cell, "remove-cell")]
        if len(shown) != len(visible):
            raise ValueError(f"{page} shows {len(shown)} of its {len(visible)} cells")
        self.place = dict(zip(map(id, shown), visible, strict=True))
        said = " ".join(re.findall(r"`([^`]+)`", " ".join(block for block in self.stream if isinstance(block, str))))
        sources = [cell.source for cell in self.code]
        named = set(re.findall(r"\w+", said)) | set(re.findall(r"\b(?:check|predict)_\w+", " ".join(sources)))
        shows = [any(not is_glued(output) for output in cell.outputs) for cell in self.code]
        self.sources = without_quoted(sources, shows, named)

    def solved(self) -> NotebookNode:
        """Return the whole page."""
        cells: list[NotebookNode] = []
        for block in joined(self.opened()):
            if isinstance(block, str):
                cells.append(new_markdown_cell(block))
            elif "cell" in block["class"]:
                cells += self.executed(block, self.sources)
        return self.whole(cells, self.sources)

    def student(self) -> NotebookNode:
        """Return the page with questions in the places of its solutions, and without the answers to these."""
        solutions = {id(block): self.solution(block) for block in self.stream if is_solution(block)}
        solving = {i for solution in solutions.values() for i in solution.cells}
        checks = {solution.check for solution in solutions.values() if solution.check}
        checks |= {block["data-check"].replace("-", "_") for block in self.stream if is_field(block)}
        sources = without_checks(["" if i in solving else source for i, source in enumerate(self.sources)], checks)
        cells: list[NotebookNode] = []
        asked = set()
        for block in joined(after_predictions(self.stream)):
            if isinstance(block, str):
                cells.append(new_markdown_cell(block))
            elif "cell" in block["class"]:
                cells += self.waiting(block, sources) if is_awaited(block) else self.executed(block, sources)
            else:
                label, check, inside = solutions.get(id(block)) or Solution(block["data-check"], "", [])
                cells += self.unseen(inside[0], sources) if inside else []
                if label not in asked:
                    cells.append(new_markdown_cell("*Your answer:*") if check is None else question(label))
                asked.add(label)
        if any(isinstance(block, Tag) and "cell" in block["class"] and is_awaited(block) for block in self.stream):
            cells.insert(1, new_markdown_cell(ONE_BY_ONE))
        if checks:
            hand_in = f'rk.hand_in("{self.slug}", name="")'
            cells += [new_markdown_cell(HANDING_IN), new_code_cell(hand_in, metadata={"tags": ["hand-in"]})]
        return self.whole(cells, sources)

    def slides(self) -> NotebookNode:
        """Return what of the page makes a talk: titles, statements, pictures, predictions, the summary; text as notes.

        Each cell says what it is in a deck, as nbconvert reads it.  A cell tagged ``slide`` shows its code, too, and
        one tagged ``no-slide`` is left out.
        """
        cells: list[NotebookNode] = []
        left = 0  # how many blocks of text are still shown: two under a title, all of a statement and of the summary
        for block in self.stream:
            if isinstance(block, str):
                if EXERCISES.search(block):
                    left = -1
                elif TITLE.search(block) or STATEMENT.match(block):
                    statement = bool(STATEMENT.match(block))
                    left = 99 if statement or "Summary" in block else 3
                    cells.append(slide(new_markdown_cell(block), "subslide" if statement else "slide"))
                elif left >= 0:
                    left = 0 if block.startswith("Computed by") else max(0, left - 1)
                    kind = "subslide" if "**Predict first**" in block else "-" if left else "notes"
                    cells.append(slide(new_markdown_cell(block), kind))
            elif left >= 0 and "cell" in block["class"]:
                pictured = list(self.pictured(block))
                left = 0 if pictured else left
                cells += pictured
        return new_notebook(cells=cells, metadata=METADATA)

    def pictured(self, element: Tag) -> Iterator[NotebookNode]:
        """Yield a cell that shows a picture, or is meant for a talk, and its caption."""
        i = self.place[id(element)]
        coded = has_tag(self.code[i], "slide")
        if has_tag(self.code[i], "no-slide") or not (coded or element.select_one("figure")):
            return
        cell = new_code_cell(self.sources[i], metadata={} if coded else {"tags": ["no-code"]})
        cell.outputs = [
            shown for output in self.code[i].outputs for shown in kept(output, alt_text(element), live=True)
        ]
        yield slide(cell, "subslide")
        figure = element.find("figure", id=True)
        if figure and figure.find("figcaption"):
            yield slide(new_markdown_cell(caption(figure, self.link)), "-")

    def opened(self) -> Iterator[Block]:
        """Yield the blocks of the page and of its solutions."""
        for block in self.stream:
            if is_solution(block):
                yield from solution_blocks(block, self.link)
            else:
                yield block

    def solution(self, element: Tag) -> Solution:
        """Return what stands in a solution."""
        inside = [self.place[id(cell)] for cell in cells_of(element)]
        label = element.select_one(".admonition-title a")["href"].removeprefix("#")
        return Solution(label, check_of([self.code[i].source for i in inside]), inside)

    def executed(self, element: Tag, sources: list[str]) -> Iterator[NotebookNode]:
        """Yield a cell of code with what it gave, and the caption of its figure; nothing if no code is left."""
        i = self.place[id(element)]
        yield from self.unseen(i, sources)
        if not sources[i]:
            return
        cell = new_code_cell(sources[i], metadata=FOLDED if has_tag(self.code[i], "hide-input") else {})
        alt = alt_text(element)
        cell.outputs = [shown for output in self.code[i].outputs for shown in kept(output, alt)]
        yield cell
        figure = element.find("figure", id=True)
        below = [caption(figure, self.link)] if figure and figure.find("figcaption") else []
        if alt:
            below.append(folded("The picture in words", escaped(alt)))
        if below:
            place = [anchor(figure["id"])] if figure else []
            yield new_markdown_cell("\n\n".join(place + below))

    def waiting(self, element: Tag, sources: list[str]) -> Iterator[NotebookNode]:
        """Yield a cell that answers a prediction: folded, not yet run, with the words about it below a click."""
        for cell in self.executed(element, sources):
            if cell.cell_type == "code":
                cell.outputs, cell.metadata = [], NotebookNode(FOLDED)
            else:
                cell.source = folded(AFTER, cell.source)
            yield cell

    def unseen(self, i: int, sources: list[str]) -> Iterator[NotebookNode]:
        """Yield the cells that the page leaves out just before a cell: others may need what they set."""
        first = i
        while first and has_tag(self.code[first - 1], "remove-cell"):
            first -= 1
        for source in filter(None, sources[first:i]):
            yield new_code_cell(source, metadata=FOLDED)

    def whole(self, cells: list[NotebookNode], sources: list[str]) -> NotebookNode:
        """Return the cells as a notebook that begins by setting itself up."""
        wheel = f"rnnkernel-{rnnkernel.__version__}-py3-none-any.whl"
        otherwise = FETCHED.format(address=self.address, wheel=wheel) if self.address else MISSING
        code = SETUP.replace("{otherwise}", otherwise)
        data = {name: packed(ROOT / "book" / name) for source in sources for name in DATA.findall(source)}
        if data:
            code += INCLUDED.replace("{data}", json.dumps(data, indent=4))
        cells.insert(1, new_code_cell(code.strip(), metadata=FOLDED))  # the title comes first
        cells += self.unseen(len(self.code), sources)
        for number, cell in enumerate(cells):
            cell.id = f"{self.slug[:56]}-{number}"
        return new_notebook(cells=cells, metadata=METADATA)


def has_tag(cell: NotebookNode, tag: str) -> bool:
    """Return whether a cell has a tag."""
    return tag in cell.metadata.get("tags", ())


def cells_of(element: Tag) -> list[Tag]:
    """Return the cells in an element, itself if it is one."""
    return [element] if "cell" in element["class"] else element.select("div.cell")


def is_solution(block: Block) -> bool:
    """Return whether a block is a solution."""
    return isinstance(block, Tag) and "solution" in block["class"]


def is_field(block: Block) -> bool:
    """Return whether a block is a field for an answer."""
    return isinstance(block, Tag) and "rk-answer" in block["class"]


def is_awaited(element: Tag) -> bool:
    """Return whether an element answers a prediction."""
    return element.find_parent(lambda parent: parent.css.match(AWAITED)) is not None


def after_predictions(stream: Iterable[Block]) -> Iterator[Block]:
    """Yield the blocks with text that answers a prediction below a click."""
    for is_waiting, run in itertools.groupby(stream, lambda block: isinstance(block, Waiting)):
        texts = list(run)
        yield from [folded(AFTER, "\n\n".join(texts))] if is_waiting else texts


def joined(stream: Iterable[Block]) -> Iterator[Block]:
    """Yield the blocks with neighbouring text in one piece, up to the next heading."""
    run: list[str] = []
    for block in stream:
        heading = isinstance(block, str) and HEADING.match(block)
        if run and (heading or not isinstance(block, str)):
            yield "\n\n".join(run)
            run = []
        if isinstance(block, str):
            run.append(block)
        else:
            yield block
    if run:
        yield "\n\n".join(run)


def question(label: str) -> NotebookNode:
    """Return the cell in which a student answers."""
    cell = new_code_cell(f'answer = ...\nrk.check("{label}", answer)')
    cell.metadata = NotebookNode({"tags": ["answer"], "check": label})
    return cell


def alt_text(element: Tag) -> str:
    """Return what the picture of a cell shows, in words."""
    picture = element.select_one("figure img[alt], .rk-view[aria-label]")
    return " ".join((picture.get("alt") or picture["aria-label"]).split()) if picture else ""


def slide(cell: NotebookNode, kind: str) -> NotebookNode:
    """Return a cell that says what it is in a deck."""
    cell.metadata["slideshow"] = {"slide_type": kind}
    return cell


def is_glued(output: NotebookNode) -> bool:
    """Return whether an output only keeps a number for the text of the page."""
    return "scrapbook" in output.get("metadata", {})


def kept(output: NotebookNode, alt: str, *, live: bool = False) -> Iterator[NotebookNode]:
    """Yield an output as a notebook shows it: of a live figure a still, of glued numbers nothing."""
    if is_glued(output):
        return
    output = copy.deepcopy(output)
    output.pop("execution_count", None)
    if output.output_type == "execute_result":
        output = new_output("display_data", output.data)
    if "data" in output:
        page = output.data.get("text/html", "")
        if "data-widget" in page and live:
            output.data = NotebookNode({"text/html": page})
        elif "data-widget" in page:
            del output.data["text/html"]
            output.data["image/svg+xml"] = standalone(STILL.search(page)[0])
            output.data["text/plain"] = "Run this cell: the figure gets its sliders."
        output.metadata = {kind: {"alt": alt} for kind in output.data if kind.startswith("image/")} if alt else {}
    yield output


def standalone(svg: str) -> str:
    """Return an SVG that stands by itself."""
    return svg if "xmlns=" in svg.partition(">")[0] else svg.replace("<svg", f'<svg xmlns="{NAMESPACE}"', 1)


def packed(path: Path) -> str:
    """Return a file as text for a cell."""
    return base64.b64encode(zlib.compress(path.read_bytes(), 9)).decode()


def write(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None) -> None:
    """Write both editions of a page, and offer the student's for download."""
    known = names(app.env)
    if doctree is None or page not in known:
        return
    executed = get_cache(app.config.nb_execution_cache_path).merge_match_into_notebook(
        read(Path(app.env.doc2path(page)))
    )[1]
    address = (app.config.html_baseurl or "").rstrip("/")
    chapter = Chapter(page, context["body"], executed, links(page, known, address), address)
    folder = Path(app.outdir).parent / "notebooks"
    for edition in EDITIONS:
        target = folder / edition / f"{known[page]}.ipynb"
        target.parent.mkdir(parents=True, exist_ok=True)
        for old in target.parent.glob(f"[0-9][0-9]-{posixpath.basename(page)}.ipynb"):
            old.unlink()
        nbformat.write(getattr(chapter, edition)(), target)
    if posixpath.basename(page) in app.config.book_slides:
        deck = folder / "slides" / f"{posixpath.basename(page)}.ipynb"
        deck.parent.mkdir(exist_ok=True)
        nbformat.write(chapter.slides(), deck)
    offered = Path(app.outdir) / "_sources" / posixpath.dirname(page) / f"{known[page]}.ipynb"
    offered.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(folder / "student" / offered.name, offered)
    context["ipynb_source"] = f"{posixpath.dirname(page)}/{offered.name}"


def remove_others(app: Sphinx, exception: Exception | None) -> None:
    """Remove notebooks of pages that are gone or have another number."""
    if exception is None and app.builder.format == "html":
        wanted = {f"{name}.ipynb" for name in (*names(app.env).values(), *app.config.book_slides)}
        for folder in (Path(app.outdir).parent / "notebooks", Path(app.outdir) / "_sources"):
            for path in folder.rglob("*.ipynb"):
                if path.name not in wanted:
                    path.unlink()


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to Sphinx, after what else changes a page and before the theme makes its buttons."""
    app.add_config_value("book_slides", [], "html")
    app.connect("html-page-context", write, priority=490)
    app.connect("build-finished", remove_others)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
