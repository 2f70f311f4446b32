"""Every page offers its executed notebook.

The theme has a place for it in its download button, but fills it only for books that are launched on a server.
"""

import shutil
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx


def offer(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None) -> None:
    """Copy the notebook that myst-nb wrote beside the page's source, where the theme's button looks for it."""
    notebook = Path(app.env.mystnb_config.output_folder) / f"{page}.ipynb"
    if notebook.exists():
        target = Path(app.outdir) / "_sources" / f"{page}.ipynb"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(notebook, target)
        context["ipynb_source"] = f"{page}.ipynb"


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to Sphinx, before the theme makes its buttons."""
    app.connect("html-page-context", offer, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
