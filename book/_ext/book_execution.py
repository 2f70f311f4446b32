"""Execute chapters a few at a time, and never show an output that another state of the package computed.

jupyter-cache looks at a chapter's cells only.  Here its folder is named after everything else that outputs
depend on, so an edit in the package starts an empty cache; the folder's name is part of Sphinx's environment,
so every page is read again too.  What is not in the cache is executed before Sphinx reads its first page.
"""

import hashlib
import json
import os
import re
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import nbformat
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from jupyter_cache.cache.main import JupyterCacheBase
from jupyter_cache.executors.utils import single_nb_execution
from jupyter_core.utils import ensure_event_loop
from myst_nb.core.config import NbParserConfig
from myst_nb.core.read import create_nb_reader
from myst_parser.config.main import MdParserConfig
from nbformat import NotebookNode
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment
from sphinx.errors import ExtensionError
from sphinx.util import logging

EXTENSIONS = Path(__file__).resolve().parent
ROOT = EXTENSIONS.parents[1]
NUMPY_SCALAR = re.compile(r"^np\.\w+\((.*)\)$")  # glued numbers are formatted as floats
EPILOGUE = f"""
import json, os, sys
sys.path.append({str(EXTENSIONS)!r})
import book_checks
print(json.dumps({{"processor_seconds": sum(os.times()[:4]), "checks": book_checks.report(globals())}}))
"""
log = logging.getLogger(__name__)


def cache_key() -> str:
    """Return a hash of what outputs depend on beside the cells: package, data, pins and Python."""
    digest = hashlib.sha256(sys.version.encode())
    files = [ROOT / "requirements.txt", EXTENSIONS / "book_execution.py", EXTENSIONS / "book_checks.py"]
    files += [*(ROOT / "rnnkernel").rglob("*"), *(ROOT / "book" / "data").iterdir()]
    for path in sorted(files):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(str(path.relative_to(ROOT)).encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def open_cache(folder: Path) -> JupyterCacheBase:
    """Open the cache of executed chapters under `folder` that belongs to the present state of the package."""
    return get_cache(str(folder / ".jupyter_cache" / cache_key()))


def read(path: Path) -> NotebookNode | None:
    """Return the notebook that a page is, as myst-nb reads it, or None if it is none."""
    text = path.read_text()
    reader = create_nb_reader(str(path), MdParserConfig(), NbParserConfig(), text)
    return reader.read(text) if reader else None


def is_kept(cache: JupyterCacheBase, notebook: NotebookNode) -> bool:
    """Return whether the cache holds a run of these very cells."""
    try:
        cache.match_cache_notebook(notebook)
    except KeyError:
        return False
    return True


def execute(notebook: NotebookNode, path: Path, timeout: int) -> dict[str, Any]:
    """Execute a chapter in place; return its time, by the clock and on processors, and the report on its checks.

    An error in a cell is raised, with its traceback.
    """
    if not any(cell.cell_type == "code" for cell in notebook.cells):
        return {"execution_seconds": 0.0}
    notebook.cells.append(nbformat.v4.new_code_cell(EPILOGUE))
    try:
        result = single_nb_execution(
            notebook,
            cwd=str(path.parent),
            timeout=timeout,
            allow_errors=False,
            extra_arguments=["--IPKernelApp.log_level=ERROR"],  # it warns that it talks to this machine unencrypted
        )
    finally:
        ensure_event_loop().close()  # this thread's own; left open, it warns in whichever test comes next
    if result.err is not None:
        raise ExtensionError(f"{path.name} failed:\n{result.err}")
    epilogue = notebook.cells.pop()
    for output in (output for cell in notebook.cells for output in cell.get("outputs", [])):
        if "scrapbook" in output.get("metadata", {}):  # made by glue
            for mime, text in output["data"].items():
                output["data"][mime] = NUMPY_SCALAR.sub(r"\1", text) if mime.endswith("text/plain") else text
    return {"execution_seconds": float(result.time), **json.loads("".join(output.text for output in epilogue.outputs))}


def run_missing(cache: JupyterCacheBase, paths: Iterable[Path], timeout: int) -> dict[Path, dict[str, Any]]:
    """Execute the pages of which the cache holds no run, as many at a time as there are cores; return their records.

    Each has one thread for linear algebra: more would wait for each other, and sums would depend on the machine.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    notebooks = [(notebook, path) for path in paths if (notebook := read(path)) is not None]
    waiting = [pair for pair in notebooks if not is_kept(cache, pair[0])]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        running = {pool.submit(execute, *pair, timeout): pair for pair in waiting}
        failed = []
        for done in as_completed(running):
            notebook, path = running[done]
            if done.exception():
                failed.append(str(done.exception()))
                continue
            bundle = CacheBundleIn(notebook, str(path), data=done.result())
            cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
            log.info("executed %s in %.1f s", path.name, done.result()["execution_seconds"])
    if failed:
        raise ExtensionError("\n".join(failed))
    return {path: cache.match_cache_notebook(notebook).data for notebook, path in notebooks}


def name_cache(app: Sphinx, config: Config) -> None:
    """Name the cache folder after what outputs depend on."""
    config.nb_execution_cache_path = str(Path(app.outdir).parent / ".jupyter_cache" / cache_key())


def execute_ahead(app: Sphinx, env: BuildEnvironment, docnames: list[str]) -> None:
    """Execute the pages that are about to be read, and keep their records for the other extensions."""
    paths = {Path(env.doc2path(docname)): docname for docname in docnames}
    found = run_missing(open_cache(Path(app.outdir).parent), paths, app.config.nb_execution_timeout)
    env.book_records = {paths[path]: record for path, record in found.items()}


def repeat_warnings(app: Sphinx, exception: Exception | None) -> None:
    """Make the next build read every page again if this one had warnings: they must not vanish by building twice."""
    if app._warncount:
        (Path(app.doctreedir) / "environment.pickle").unlink(missing_ok=True)


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to Sphinx."""
    app.connect("config-inited", name_cache)
    app.connect("env-before-read-docs", execute_ahead)
    app.connect("build-finished", repeat_warnings)
    return {"parallel_read_safe": True}
