"""The zip for a room: a fresh environment that holds JupyterLab, pip and the zip, an empty folder, and no network."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest
from browsers import HTML

ROOT = Path(__file__).parents[2]
ALONE = ["unshare", "--net", "--map-root-user"]  # a machine without a network, but for itself
pytestmark = pytest.mark.verify
RUN = """
import asyncio, sys, nbformat
from pathlib import Path
from nbclient import NotebookClient
for path in map(Path, sys.argv[1:]):
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(path.parent)}}).execute()
    nbformat.write(notebook, path)
"""


def alone(command, folder, **environment):
    """Run a command without a network, and without what this process knows."""
    known = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    script = f"ip link set lo up 2>/dev/null; exec {command}"
    result = subprocess.run(
        [*ALONE, "sh", "-c", script],
        cwd=folder,
        env={**known, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    """The zip, unzipped, beside an environment with JupyterLab and nothing of this project."""
    if not (HTML / "index.html").exists():
        pytest.fail("the book is not built: run `make book` first")
    if shutil.which("unshare") is None or subprocess.run([*ALONE, "true"], check=False).returncode:
        pytest.skip("cutting off the network needs Linux and its unshare")
    subprocess.run([sys.executable, str(ROOT / "tools" / "classroom.py")], check=True)
    folder = tmp_path_factory.mktemp("room")
    with zipfile.ZipFile(ROOT / "_build" / "classroom.zip") as packed:
        packed.extractall(folder)
    home = folder / "classroom"
    alone(f"{sys.executable} -m venv room", home)
    alone("room/bin/pip install --quiet --no-index --find-links wheels jupyterlab", home)
    return home


def run(room, *paths):
    (room / "run.py").write_text(RUN)
    alone(f"room/bin/python run.py {' '.join(map(str, paths))}", room, MPLBACKEND="")


def test_every_notebook_of_both_editions_runs(room):
    """Each from its own folder; the first cell installs the package from the wheels."""
    assert subprocess.run(
        [room / "room/bin/python", "-c", "import rnnkernel"], check=False, capture_output=True
    ).returncode
    paths = [path.relative_to(room) for folder in ("notebooks", "solved") for path in (room / folder).glob("*.ipynb")]
    run(room, *sorted(paths))
    for path in sorted((room / "solved").glob("*.ipynb")):
        for cell in nbformat.read(path, as_version=4).cells:
            for output in cell.get("outputs", []):
                assert "Not yet" not in output.get("data", {}).get("text/plain", "") or "teaching" in path.name
    for path in sorted((room / "notebooks").glob("*.ipynb")):
        for cell in nbformat.read(path, as_version=4).cells:
            if "answer" in cell.metadata.get("tags", []):
                (output,) = cell.outputs
                assert output.data["text/plain"].startswith("No answer yet"), (path.name, cell.source)


def test_answers_are_handed_in_and_marked(room):
    """A student's right and wrong answers go into one file, from which a table is made."""
    path = next(path for path in sorted((room / "notebooks").glob("*.ipynb")) if "rk.hand_in(" in path.read_text())
    notebook = nbformat.read(path, as_version=4)
    asked = [cell for cell in notebook.cells if "answer" in cell.metadata.get("tags", [])]
    for cell in asked:
        cell.source = cell.source.replace("answer = ...", "answer = 12345.678")
    notebook.cells[-1].source = notebook.cells[-1].source.replace('name=""', 'name="Ada L."')
    folder = room / "handed-in"
    folder.mkdir()
    nbformat.write(notebook, room / "notebooks" / "ada.ipynb")
    run(room, "notebooks/ada.ipynb")
    (handed,) = (room / "notebooks").glob("*-ada-l.json")
    assert len(json.loads(handed.read_text())["answers"]) == len(asked)
    table = alone(f"room/bin/python solved/marks.py solved/checks.js {handed.relative_to(room)}", room).splitlines()
    assert len(table) == 2
    assert table[1].startswith("Ada L.,")
    assert table[1].endswith(",0")


def test_the_book_opens_from_its_folder(room, browser):
    """By file://, with all that its first page needs."""
    context = browser.new_context()
    page = context.new_page()
    trouble = []
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on("requestfailed", lambda request: trouble.append(request.url))
    page.on(
        "request",
        lambda request: None if request.url.startswith(("file:", "data:", "blob:")) else trouble.append(request.url),
    )
    page.goto((room / "book" / "index.html").as_uri())
    page.wait_for_selector("article h1")
    page.wait_for_load_state("networkidle")
    assert not trouble
    context.close()
