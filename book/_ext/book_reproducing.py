"""Tables for the page on reproducing the book: versions, and what was executed, how long, from which seeds."""

import ast
import platform
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from pathlib import Path

from book_execution import open_cache, read
from docutils import nodes
from myst_nb.sphinx_ import NbMetadataCollector
from nbformat import NotebookNode
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxDirective

import rnnkernel

PACKAGES = ("numba", "llvmlite", "numpy", "scipy", "matplotlib", "ipywidgets", "anywidget", "myst-nb", "sphinx")


class chapter_runs(nodes.General, nodes.Element):
    """The place of the table of run times, known when every page has been read."""


class Versions(SphinxDirective):
    """``{versions}``: the versions that computed what the book shows."""

    def run(self) -> list[nodes.Node]:
        rows = [("Python", platform.python_version()), ("rnnkernel", rnnkernel.__version__)]
        rows += [(package, version(package)) for package in PACKAGES]
        return [table(("package", "version"), rows)]


class ChapterRuns(SphinxDirective):
    """``{chapter-runs}``: run time, seeds and measured numbers of each chapter."""

    def run(self) -> list[nodes.Node]:
        self.env.runs_page = self.env.docname
        return [chapter_runs()]


def seeds(notebook: NotebookNode) -> list[int]:
    """Return the integers given as ``rng=`` or to ``default_rng`` in the code of a chapter."""
    found = set()
    for cell in (cell for cell in notebook.cells if cell.cell_type == "code"):
        for call in (node for node in ast.walk(ast.parse(cell.source)) if isinstance(node, ast.Call)):
            given = [keyword.value for keyword in call.keywords if keyword.arg == "rng"]
            if ast.unparse(call.func).endswith("default_rng"):
                given += call.args
            found |= {each.value for each in given if isinstance(each, ast.Constant) and isinstance(each.value, int)}
    return sorted(found)


def table(header: tuple[str, ...], rows: Iterable[tuple[str | nodes.Node, ...]]) -> nodes.table:
    """Return a table of texts and inline nodes."""

    def row(cells: tuple[str | nodes.Node, ...]) -> nodes.row:
        contents = (nodes.Text(cell) if isinstance(cell, str) else cell for cell in cells)
        return nodes.row("", *(nodes.entry("", nodes.paragraph("", "", content)) for content in contents))

    group = nodes.tgroup("", *(nodes.colspec(colwidth=1) for _ in header), cols=len(header))
    group += nodes.thead("", row(header))
    group += nodes.tbody("", *map(row, rows))
    return nodes.table("", group, classes=["colwidths-auto"])


class FillRuns(SphinxPostTransform):
    """Put the table of chapters in its place."""

    default_priority = 8

    def run(self, **kwargs: object) -> None:
        for node in list(self.document.findall(chapter_runs)):
            node.replace_self(table(("Chapter", "time", "processor", "seeds", "measured numbers"), self.rows()))

    def rows(self) -> Iterator[tuple[str | nodes.Node, ...]]:
        """Yield a row for each page that ran code."""
        cache = open_cache(Path(self.app.outdir).parent)
        for docname in self.in_reading_order():
            notebook = read(Path(self.env.doc2path(docname)))
            run = cache.match_cache_notebook(notebook).data
            if "processor_seconds" not in run:
                continue
            title = nodes.inline("", self.env.titles[docname].astext())
            target = {"refdomain": "std", "reftype": "doc", "reftarget": f"/{docname}", "refdoc": self.env.docname}
            times = (f"{run[key]:.1f} s" for key in ("execution_seconds", "processor_seconds"))
            numbers = len(NbMetadataCollector.get_doc_data(self.env)[docname].get("glue", []))
            link = pending_xref("", title, refexplicit=True, refwarn=True, **target)
            yield link, *times, ", ".join(map(str, seeds(notebook))), str(numbers)

    def in_reading_order(self) -> list[str]:
        """Return all pages in the order of the table of contents."""
        return [page for page in self.env.external_site_map if page in self.env.found_docs]


def rewrite_runs_page(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Write the page of run times again whenever something was executed."""
    page = getattr(env, "runs_page", None)
    return [page] if NbMetadataCollector.new_exec_data(env) and page in env.found_docs else []


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to Sphinx."""
    app.add_node(chapter_runs)
    app.add_directive("versions", Versions)
    app.add_directive("chapter-runs", ChapterRuns)
    app.connect("env-updated", rewrite_runs_page)
    app.add_post_transform(FillRuns)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
