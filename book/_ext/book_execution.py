"""Execute chapters a few at a time, and never show an output that another state of the package computed.

jupyter-cache looks at a chapter's cells only.  Here its folder is named after everything else that outputs
depend on, so an edit in the package starts an empty cache; the folder's name is part of Sphinx's environment,
so every page is read again too.  What is not in the cache is executed before Sphinx reads its first page.
"""

import hashlib
import os
import re
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from jupyter_cache.cache.main import JupyterCacheBase
from jupyter_cache.executors.utils import single_nb_execution
from myst_nb.core.read import create_nb_reader
from nbformat import NotebookNode
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment
from sphinx.errors import ExtensionError
from sphinx.util import logging

THIS = Path(__file__).resolve()
ROOT = THIS.parents[2]
NUMPY_SCALAR = re.compile(r"^np\.\w+\((.*)\)$")  # glued numbers are formatted as floats
log = logging.getLogger(__name__)


def cache_key() -> str:
    """Return a hash of what outputs depend on beside the cells: package, data, pins and Python."""
    digest = hashlib.sha256(sys.version.encode())
    files = [*(ROOT / "rnnkernel").rglob("*"), *(ROOT / "book" / "data").iterdir(), ROOT / "requirements.txt", THIS]
    for path in sorted(files):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(str(path.relative_to(ROOT)).encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def open_cache(folder: Path) -> JupyterCacheBase:
    """Open the cache of executed chapters under `folder` that belongs to the present state of the package."""
    return get_cache(str(folder / ".jupyter_cache" / cache_key()))


def execute(notebook: NotebookNode, path: Path, timeout: int) -> float:
    """Execute a chapter in place and return the seconds it took; raise with the error of the failing cell."""
    if not any(cell.cell_type == "code" for cell in notebook.cells):
        return 0.0
    result = single_nb_execution(notebook, cwd=str(path.parent), timeout=timeout, allow_errors=False)
    if result.err is not None:
        raise ExtensionError(f"{path.name} failed:\n{result.err}")
    for output in (output for cell in notebook.cells for output in cell.get("outputs", [])):
        if "scrapbook" in output.get("metadata", {}):  # made by glue
            for mime, text in output["data"].items():
                output["data"][mime] = NUMPY_SCALAR.sub(r"\1", text) if mime.endswith("text/plain") else text
    return float(result.time)


def keep(cache: JupyterCacheBase, notebook: NotebookNode, path: Path, seconds: float) -> None:
    """Put an executed chapter into the cache."""
    bundle = CacheBundleIn(notebook, str(path), data={"execution_seconds": seconds})
    cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)


def name_cache(app: Sphinx, config: Config) -> None:
    """Name the cache folder after what outputs depend on."""
    config.nb_execution_cache_path = str(Path(app.outdir).parent / ".jupyter_cache" / cache_key())


def execute_ahead(app: Sphinx, env: BuildEnvironment, docnames: list[str]) -> None:
    """Execute the chapters about to be read that are not in the cache, as many at a time as there are cores."""
    cache = open_cache(Path(app.outdir).parent)
    waiting = []
    for docname in docnames:
        path = Path(env.doc2path(docname))
        text = path.read_text()
        reader = create_nb_reader(str(path), env.myst_config, env.mystnb_config, text)
        notebook = reader and reader.read(text)
        if notebook is None:
            continue
        try:
            cache.match_cache_notebook(notebook)
        except KeyError:
            waiting.append((notebook, path))

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        running = {
            pool.submit(execute, notebook, path, app.config.nb_execution_timeout): (notebook, path)
            for notebook, path in waiting
        }
        for done in as_completed(running):
            keep(cache, *running[done], seconds=done.result())
            log.info("executed %s in %.1f s", running[done][1].name, done.result())


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to Sphinx."""
    app.connect("config-inited", name_cache)
    app.connect("env-before-read-docs", execute_ahead)
    return {"parallel_read_safe": True}
