"""The pages with a kernel: cells are edited and run, figures answer, and the files stay as they were built."""

import shutil
import sys
from pathlib import Path

import pytest
from browsers import HTML
from servers import PATIENCE, serving

ROOT = Path(__file__).parents[2]
CELLS = "div.cell:has(.cell_input):not(:has(div.cell))"
pytestmark = [pytest.mark.browser, pytest.mark.built]


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    if not (HTML / "index.html").exists():
        pytest.fail("the book is not built: run `make book` first")
    with serving([sys.executable, str(ROOT / "tools" / "live" / "serve.py")], tmp_path_factory.mktemp("home")) as found:
        yield found


@pytest.fixture
def chapter(tab, address):
    """Opens a page of the book with its kernel."""

    def opened(name):
        page = tab(address)
        page.set_default_timeout(1000 * PATIENCE)
        page.goto(f"{address}book/book/{name}?token=secret")
        page.wait_for_selector(".live-bar")
        page.evaluate("""() => { // nothing is folded, and nothing waits for an answer
            document.querySelectorAll("details").forEach(each => { each.open = true; });
            document.querySelectorAll(".rk-held").forEach(each => each.classList.remove("rk-held"));
        }""")
        return page

    return opened


@pytest.fixture(scope="module")
def explored():
    """The page with the fewest cells before its sliders: its name, and the number of the cell with sliders."""
    from bs4 import BeautifulSoup

    sliders = 'data-widget="explore"'
    before = {path: path.read_text().partition(sliders) for path in sorted((HTML / "book").glob("*.html"))}
    found = min((path for path in before if before[path][1]), key=lambda path: before[path][0].count("cell_input"))
    cells = [each for each in BeautifulSoup(found.read_text(), "html.parser").select("div.cell") if each.select("pre")]
    return found.name, next(i for i, cell in enumerate(cells) if cell.select(f"[{sliders}]"))


def write(page, number, code):
    """Put code into a cell and run it as a teacher does, by Shift+Enter; return the cell."""
    cell = page.locator(CELLS).nth(number)
    if not cell.locator("textarea").count():
        cell.get_by_role("button", name="Edit").click()
    cell.locator("textarea").fill(code)
    cell.locator("textarea").press("Shift+Enter")
    return cell


def done(cell):
    """Wait until a cell has run, and return what it says of that."""
    status = cell.locator(".live-buttons output")
    status.filter(has_text="…").wait_for(state="detached")
    return status.inner_text()


def test_a_cell_is_edited_run_interrupted_and_put_back(chapter, explored):
    page = chapter(explored[0])
    cell = write(page, 0, "print(6 * 7)")
    cell.get_by_text("42", exact=True).wait_for()
    assert done(cell).startswith("[")
    cell = write(page, 0, "1 / 0")
    cell.get_by_text("ZeroDivisionError: division by zero").wait_for()
    cell = write(page, 0, "print('on')\nwhile True: pass")
    cell.get_by_text("on", exact=True).wait_for()
    page.get_by_role("button", name="Interrupt").click()
    cell.get_by_text("KeyboardInterrupt", exact=False).first.wait_for()
    code = "h = display('before', display_id=True)\nh.update('after')"
    write(page, 0, code).get_by_text("'after'").wait_for()
    write(page, 0, "from IPython.display import Math; Math('a^2')").locator("math msup").wait_for()
    write(page, 0, "import ipywidgets; ipywidgets.IntSlider()").get_by_text("needs JupyterLab").wait_for()
    cell.get_by_role("button", name="Back to the book’s").click()
    assert not cell.locator("textarea").count()
    page.get_by_role("button", name="Restart").click()
    page.locator(".live-bar output").filter(has_text="restarted").wait_for()


SLOW_TO_END = """import time
def wait():
    get_ipython().events.unregister("post_execute", wait)
    time.sleep(1)
get_ipython().events.register("post_execute", wait)
1 / 0"""


def test_what_is_run_the_moment_an_error_shows_does_run_and_what_waited_does_not(chapter, explored):
    page = chapter(explored[0])
    first, second = (page.locator(CELLS).nth(number) for number in (1, 2))  # 0 runs where it was moved from
    for each in (first, second):
        each.get_by_role("button", name="Edit").click()
    second.locator("textarea").fill("print(6 * 7)")
    first.locator("textarea").fill(SLOW_TO_END)
    second.get_by_role("button", name="Run to here").click()
    first.get_by_text("ZeroDivisionError: division by zero").wait_for()
    assert done(second) == "not run"
    page.evaluate(
        """([first, second]) => {
            const run = [...second.querySelectorAll("button")].find(each => each.textContent === "Run");
            new MutationObserver((_, watch) => {
                if (first.querySelector(".error")) { run.click(); watch.disconnect(); }
            }).observe(first, {childList: true, subtree: true});
        }""",
        [each.element_handle() for each in (first, second)],
    )
    first.get_by_role("button", name="Run", exact=True).click()
    second.get_by_text("42", exact=True).wait_for()


def test_a_kernel_that_dies_is_replaced(chapter, explored):
    page = chapter(explored[0])
    cell = write(page, 0, "import os\nos._exit(1)")
    page.locator(".live-bar output").filter(has_text="died").wait_for()
    assert done(cell) == "not run"
    write(page, 0, "print(6 * 7)").get_by_text("42", exact=True).wait_for()


def test_sliders_of_a_cell_that_was_run_ask_the_kernel(chapter, explored):
    name, number = explored
    page = chapter(name)
    cell = page.locator(CELLS).nth(number)
    cell.get_by_role("button", name="Run to here").click()
    figure = cell.locator(".live-output figure[data-ready]")
    figure.wait_for()
    before = figure.locator(".rk-view").inner_html()
    slider = figure.locator("input").first
    slider.focus()
    slider.press("End" if slider.input_value() != slider.get_attribute("max") else "Home")
    page.wait_for_function(
        "([view, before]) => view.innerHTML !== before", arg=[figure.locator(".rk-view").element_handle(), before]
    )
    figure.get_by_role("button", name="Reset").click()
    page.wait_for_function(
        "([view, before]) => view.innerHTML === before", arg=[figure.locator(".rk-view").element_handle(), before]
    )


def test_files_stay_as_built_and_a_token_is_needed(chapter, explored, tab, address, tmp_path):
    path = HTML / "book" / explored[0]
    shutil.copy(path, tmp_path)
    page = chapter(explored[0])
    assert page.locator(".live-buttons").count() > 3
    assert path.read_bytes() == (tmp_path / path.name).read_bytes()
    stranger = tab(address)
    stranger.goto(f"{address}book/book/{explored[0]}")
    assert "login" in stranger.url
    assert stranger.request.post(f"{address}api/sessions", data={}).status == 403
