"""Make decks of some chapters, _build/slides/<slug>.html, for reveal.js: python tools/slides.py.

nbconvert exports what the book's build chose from each chapter (`book_slides` in _config.yml).  Figures with sliders
are alive in the deck, and it opens from its folder without a network, beside the built book.
"""

import re
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

import nbformat
from nbconvert import SlidesExporter
from traitlets.config import Config

ROOT = Path(__file__).parents[1]
BUILD = ROOT / "_build"
REVEAL, MATHJAX = "sphinx_revealjs", "sphinx-mathjax-offline"
UNUSED = ("*.map", "*svg*", "mml*", "tex-*-*", "asciimath.js", "node-main.js", "liteDOM.js")
PARTS = {  # of packages, which the decks load
    "reveal.js/dist": (REVEAL, "_static/revealjs/dist"),
    "reveal.js/plugin/notes": (REVEAL, "_static/revealjs/plugin/notes"),
    "mathjax": (MATHJAX, "static/mathjax"),
}
NOTEBOOK = re.compile(r'href="\d\d-([\w-]+)\.ipynb')
SETTINGS = {
    "SlidesExporter": {
        "template_name": "slides_template",
        "extra_template_basedirs": [str(ROOT / "tools")],
        "reveal_url_prefix": "reveal.js",
        "reveal_theme": "white",  # its letters come with it
        "mathjax_url": "mathjax/tex-chtml.js",
    },
    "TagRemovePreprocessor": {"enabled": True, "remove_input_tags": ["no-code"]},
}


def write(notebooks: Path, folder: Path) -> list[Path]:
    """Export each notebook to a deck, with what it loads beside it; return the decks."""
    for place, (package, part) in PARTS.items():
        source = Path(find_spec(package).submodule_search_locations[0]) / part
        shutil.copytree(source, folder / place, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*UNUSED))
    exporter = SlidesExporter(config=Config(SETTINGS))
    decks = []
    for path in sorted(notebooks.glob("*.ipynb")):
        text, _ = exporter.from_notebook_node(nbformat.read(path, as_version=4))
        text = NOTEBOOK.sub(r'href="../html/book/\1.html', text).replace('href="../book/', 'href="../html/')
        decks.append(folder / f"{path.stem}.html")
        decks[-1].write_text(text, encoding="utf-8")
    return decks


if __name__ == "__main__":
    if not (BUILD / "notebooks" / "slides").exists():
        sys.exit("The book is not built: run `make book` first.")
    for deck in write(BUILD / "notebooks" / "slides", BUILD / "slides"):
        print(f"Open {deck.relative_to(ROOT)}")
