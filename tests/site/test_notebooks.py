"""The notebooks made from the built book: what each edition holds, and that nothing in them needs the book's tools."""

import re

import nbformat
import pages
import pytest
from browsers import HTML
from bs4 import BeautifulSoup

NOTEBOOKS = HTML.parent / "notebooks"
pytestmark = pytest.mark.built
MATH = re.compile(r"\$\$.*?\$\$|\$[^$]+\$", re.DOTALL)
BEGINS_OR_ENDS_A_CALL = re.compile(r"\s*(?:.*[(\[{]|[)\]},]*)")  # alone it says nothing
FORMULA = re.compile(r"<math\b.*?</math>", re.DOTALL)  # most of a page
SOLUTION = re.compile(r"^`{3,}\{solution-start\} ([\w-]+)\n(.*?)^`{3,}\{solution-end\}", re.DOTALL | re.MULTILINE)
FOREIGN = re.compile(
    r"\bmyst_nb\b|\bglue\(|figures\.quote\(|\{(?:prf:ref|numref|eq|cite|glue:text)\}|^```\{|^:::", re.MULTILINE
)


def notebooks(edition):
    found = sorted((NOTEBOOKS / edition).glob("*.ipynb"))
    assert found, "the book is not built: run `make book` first"
    return {path.name: nbformat.read(path, as_version=4) for path in found}


@pytest.fixture(scope="module")
def student():
    return notebooks("student")


@pytest.fixture(scope="module")
def solved():
    return notebooks("solved")


def code_of(notebook):
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


def text_of(notebook):
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def test_each_chapter_has_both_editions_in_reading_order(student, solved):
    chapters = [page for page in pages.PAGES if "```{code-cell}" in (pages.BOOK / f"{page}.md").read_text()]
    expected = [f"{number:02}-{page}.ipynb" for number, page in enumerate(chapters)]
    assert list(student) == list(solved) == expected


def test_notebooks_are_valid_and_hold_nothing_that_only_the_book_knows(student, solved):
    for name, notebook in (*student.items(), *solved.items()):
        nbformat.validate(notebook)
        for cell in notebook.cells:
            assert not FOREIGN.search(cell.source), (name, cell.source)


def test_every_picture_has_a_png_and_words(solved, student):
    for name, notebook in (*solved.items(), *student.items()):
        for cell in (cell for cell in notebook.cells if cell.cell_type == "code"):
            for output in (output for output in cell.outputs if "image/svg+xml" in output.get("data", {})):
                assert "image/png" in output.data, (name, cell.source)
                assert output.metadata["image/png"]["alt"], (name, cell.source)


def test_a_student_file_asks_and_holds_no_answer(student):
    """Neither the lines of a solution nor the definition of a check that is asked for."""
    for name, notebook in student.items():
        source = (pages.BOOK / f"{name[3:-6]}.md").read_text()
        elsewhere = SOLUTION.sub("", source).splitlines()
        held = {line for cell in notebook.cells for line in cell.source.splitlines()}
        code = "\n".join(code_of(notebook))
        for label, text in SOLUTION.findall(source):
            cells = re.findall(r"```\{code-cell\}[^\n]*\n(.*?)```", text, re.DOTALL)
            assert not cells or f'rk.check("{label}", answer)' in code, (name, label)
            lines = {line for cell in cells for line in cell.splitlines() if not BEGINS_OR_ENDS_A_CALL.fullmatch(line)}
            assert not (lines - set(elsewhere)) & held, name
        if "rk.check(" in code:
            assert not re.search(r"\brk\.Check\(", code), name
            assert "rk.hand_in(" in code


def test_what_a_prediction_waits_for_is_folded_and_not_run(student, solved):
    """Of each page: its cells have no output and a folded source, its words stand below a click."""
    n_cells = 0
    for name, notebook in student.items():
        text = (HTML / "book" / f"{name[3:-6]}.html").read_text()
        page = BeautifulSoup(FORMULA.sub("", text), "html.parser")
        awaited = page.select('[class*="rk-after-predict-"]')
        code = [cell.get_text() for group in awaited for cell in group.select("div.cell_input pre")]
        whole = {cell.source: cell for cell in solved[name].cells if cell.cell_type == "code" and cell.outputs}
        for cell in (cell for cell in notebook.cells if any(cell.source and cell.source in each for each in code)):
            assert not cell.outputs, (name, cell.source)
            assert cell.metadata.jupyter.source_hidden, (name, cell.source)
            n_cells += cell.source in whole
        n_texts = sum(1 for group in awaited if group.find("p", recursive=False))
        assert ("Run the cells one after the other" in text_of(notebook)) == bool(code), name
        assert text_of(notebook).count("<details><summary>After your prediction</summary>") >= n_texts, name
    assert n_cells > 10


def test_a_solved_file_holds_every_solution_with_its_verdict(solved):
    for name, notebook in solved.items():
        solutions = "\n".join(text for _, text in SOLUTION.findall((pages.BOOK / f"{name[3:-6]}.md").read_text()))
        right = sum(
            "Correct" in output.get("data", {}).get("text/plain", "")
            for cell in notebook.cells
            for output in cell.get("outputs", [])
        )
        assert right >= len(re.findall(r"^check_\w+\(", solutions, re.MULTILINE)), name


def test_links_lead_to_notebooks_and_pages_that_are_there(student, solved):
    for edition in (student, solved):
        for name, notebook in edition.items():
            for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", MATH.sub("", text_of(notebook))):
                if target.startswith("../book/"):
                    assert (HTML / target.removeprefix("../book/")).exists(), (name, target)
                else:
                    assert target in edition, (name, target)


def test_anchors_of_a_notebook_are_in_it(student):
    for name, notebook in student.items():
        text = text_of(notebook)
        for anchor in re.findall(r"\]\(#([^)]+)\)", text):
            assert f'id="{anchor}"' in text, (name, anchor)


def test_the_page_offers_the_students_notebook():
    for path in (NOTEBOOKS / "student").glob("*.ipynb"):
        offered = HTML / "_sources" / "book" / path.name
        assert offered.read_bytes() == path.read_bytes()
        assert f"book/{path.name}" in (HTML / "book" / f"{path.stem[3:]}.html").read_text()
