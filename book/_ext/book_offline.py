"""MathJax from the Python package that carries it, so that reading the book needs no other host."""

import shutil
from importlib.util import find_spec
from pathlib import Path

from sphinx.application import Sphinx

NOT_NEEDED = shutil.ignore_patterns("*svg*", "mml*", "tex-*-*", "asciimath.js", "node-main.js", "liteDOM.js")


def copy_mathjax(app: Sphinx, exception: Exception | None) -> None:
    """Copy MathJax, its fonts and its accessibility tools to the book's static files, once."""
    target = Path(app.outdir) / "_static" / "mathjax"
    if exception is None and app.builder.format == "html" and not target.exists():
        package = find_spec("sphinx-mathjax-offline").submodule_search_locations[0]
        shutil.copytree(Path(package) / "static" / "mathjax", target, ignore=NOT_NEEDED)


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to Sphinx."""
    app.config.mathjax_path = "mathjax/tex-chtml.js"
    app.connect("build-finished", copy_mathjax)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
