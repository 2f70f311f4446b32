"""Open copies of the book's notebooks in JupyterLab: python tools/lab.py [--renew WORD] [options of JupyterLab].

The copies are in the folder ``work``, beside the book.  What is done in them touches nothing else and stays: a copy is
replaced only if nobody worked in it, or with ``--renew``: then the one from before is kept under another name.
"""

import argparse
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).parents[1]
HTML, NOTEBOOKS = ROOT / "_build" / "html", ROOT / "_build" / "notebooks" / "student"


def copy(built: Path, work: Path, renew: str = "") -> list[str]:
    """Copy notebooks to where they are worked in, and return the names of those that are older than the book's.

    Copies whose names hold the word `renew` (all of them, if it is "all") are made anew, and the old ones kept.
    """
    work.mkdir(parents=True, exist_ok=True)
    record = work / ".copied.json"
    copied = json.loads(record.read_text()) if record.exists() else {}
    old = []
    for source in sorted(built.glob("*.ipynb")):
        target, new = work / source.name, digest(source)
        present = digest(target) if target.exists() else None
        if present and present != copied.get(source.name):  # somebody worked in it
            if renew == "all" or (renew and renew in source.name):
                target.rename(free(target))
            else:
                old += [source.name] if copied.get(source.name) != new else []
                continue
        shutil.copyfile(source, target)
        copied[source.name] = new
    record.write_text(json.dumps(copied))
    return old


def beside(work: Path, html: Path = HTML) -> None:
    """Put beside the notebooks what they read: data, checks, and the book to which they link."""
    shutil.copytree(ROOT / "book" / "data", work / "data", dirs_exist_ok=True)
    if (html / "_static" / "checks.js").exists():
        shutil.copyfile(html / "_static" / "checks.js", work / "checks.js")
    shutil.copytree(html, work.parent / "book", dirs_exist_ok=True)


def digest(path: Path) -> str:
    """Return what tells files apart."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def free(path: Path) -> Path:
    """Return a name that is not taken for the copy from before."""
    numbers = range(1, 1000)
    return next(name for n in numbers if not (name := path.with_stem(f"{path.stem}-before-{n}")).exists())


def serve(work: Path, first: str, options: Iterable[str] = ()) -> None:
    """Become a JupyterLab on this machine only, which prints its address with the token that opens it."""
    os.environ["JUPYTER_CONFIG_PATH"] = str(ROOT / "tools" / "jupyter")
    command = [sys.executable, "-m", "jupyterlab", "--ip=127.0.0.1", f"--ServerApp.root_dir={work.parent}"]
    if getattr(os, "geteuid", lambda: 1)() == 0:  # in a container
        command.append("--allow-root")
    command += [f"--LabApp.default_url=/lab/tree/{work.name}/{first}", *options]
    os.execv(sys.executable, command)


def main(options: list[str]) -> None:
    """Copy what is missing, say what is old, and open JupyterLab."""
    work = ROOT / "work" / "notebooks"
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("--renew", default="", metavar="WORD", help="make copies with this word in their name anew")
    known, others = parser.parse_known_args(options)
    if not NOTEBOOKS.exists():
        sys.exit("The book is not built: run `make book` first.")
    old = copy(NOTEBOOKS, work, known.renew)
    beside(work)
    if old:
        print(f"You worked in {', '.join(old)}, and the book has newer versions.")
        print("`make lab RENEW=all` brings them and keeps yours under another name.")
    serve(work, min(path.name for path in work.glob("*.ipynb")), others)


if __name__ == "__main__":
    main(sys.argv[1:])
