"""The explorables in a real JupyterLab: moved by keyboard, set from Python, in a chapter opened as a notebook."""

import json
import shutil
import sys
from pathlib import Path
from typing import NamedTuple

import nbformat
import pages
import pytest
from explorables import KINDS, SEEN, seen
from servers import PATIENCE, serving
from waiting import eventually

pytestmark = pytest.mark.browser

SETTINGS = json.loads((pages.BOOK.parent / "tools/jupyter/labconfig/default_setting_overrides.json").read_text()) | {
    "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"},  # cells out of sight are on the page, too
}
SET = """with figure.hold_sync():
    for name, value in {}.items():
        setattr(figure, name, value)"""
CONNECTED = """() => { // what is run before that is lost
    const session = window.jupyterapp?.shell.currentWidget?.context?.sessionContext.session;
    return session?.kernel?.connectionStatus === "connected";
}"""


class Lab(NamedTuple):
    """A running server: its address, and the folder that it shows."""

    address: str
    folder: Path


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    home, folder = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("notebooks")
    for name, settings in SETTINGS.items():
        file = home / "settings" / f"{name.replace(':', '/')}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(settings))
    command = [sys.executable, "-m", "jupyterlab", "--allow-root", "--LabApp.expose_app_in_browser=True"]
    with serving([*command, f"--ServerApp.root_dir={folder}"], home) as address:
        yield Lab(address, folder)


@pytest.fixture
def notebook(lab, tab):
    """Opens a file of the folder as a notebook, with its kernel running."""

    def opened(name):
        page = tab(lab.address)
        page.set_default_timeout(1000 * PATIENCE)
        page.goto(f"{lab.address}doc/tree/{name}?token=secret")
        page.wait_for_function(CONNECTED)
        return page

    return opened


def run(page, number):
    """Run a code cell."""
    page.locator(".jp-CodeCell .jp-InputArea-editor").nth(number).click()
    page.keyboard.press("Control+Enter")


def printed(page, number):
    """Run a code cell and return what it prints.  The page may still keep a slider's last move, so ask again."""
    cell = page.locator(".jp-CodeCell").nth(number)
    prompt = cell.locator(".jp-InputPrompt")
    before = prompt.inner_text()
    run(page, number)
    assert eventually(lambda: prompt.inner_text() not in (before, "[*]:"), PATIENCE)
    return [text.strip() for text in cell.locator(".jp-OutputArea-output").all_inner_texts()]


def looked(cell):
    return seen(cell.locator("[data-widget]").evaluate(SEEN))


def other(kind):
    return {name: kind.values(name)[0] for name in kind.labels}


def test_page_and_kernel_follow_each_other(lab, notebook):
    """Each slider, by keyboard, moves picture, numbers and trait; what Python sets, the page shows."""
    cells = []
    for kind in KINDS.values():
        cells += [
            f"import rnnkernel as rk\n\nfigure = rk.widgets.{kind.__name__}()\nfigure",
            "print(repr(figure))",
            SET.format(other(kind)),
        ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    whole = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(each) for each in cells], metadata=kernel)
    nbformat.write(whole, lab.folder / "all.ipynb")
    page = notebook("all.ipynb")
    for i, kind in enumerate(KINDS.values()):
        follow_each_other(page, 3 * i, kind)


def follow_each_other(page, first, kind):
    cell = page.locator(".jp-CodeCell").nth(first)
    run(page, first)
    cell.locator("[data-ready]").wait_for()
    assert looked(cell)["call"] == repr(kind())
    moved = {}
    for name in kind.labels:
        cell.locator(f"input[name={name}]").focus()
        page.keyboard.press("Home")
        low = looked(cell)
        page.keyboard.press("End")
        high = looked(cell)
        moved[name] = kind.values(name)[-1]
        assert high["call"] == repr(kind(**moved))
        assert high["picture"] != low["picture"], (kind, name)
        assert high["sentence"] != low["sentence"], (kind, name)
    assert eventually(lambda: printed(page, first + 1) == [repr(kind(**moved))], PATIENCE)
    cell.locator(".rk-reset").click()
    assert eventually(lambda: printed(page, first + 1) == [repr(kind())], PATIENCE)
    run(page, first + 2)
    assert eventually(lambda: looked(cell)["call"] == repr(kind(**other(kind))), PATIENCE)


@pytest.mark.built
def test_a_chapter_runs_as_a_notebook(lab, notebook):
    """Welcome, as a student gets it: all cells run, and its explorable follows."""
    name = "00-welcome.ipynb"
    shutil.copy(pages.BOOK.parent / "_build" / "notebooks" / "student" / name, lab.folder)
    page = notebook(name)
    page.get_by_text("Run", exact=True).click()
    page.get_by_text("Run All Cells", exact=True).click()
    page.wait_for_selector("[data-ready]")
    assert looked(page)["call"].startswith("Train(n_units=24")
