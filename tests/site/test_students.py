"""What a student's notebook leaves out: numbers for the prose, solutions, checks; the rest runs without them."""

import ast
import builtins

import pages
import pytest
from book_execution import read
from book_students import check_of, without_checks, without_glue, without_quoted


def test_glue_goes_and_the_rest_keeps_its_layout():
    source = (
        "from myst_nb import glue\n"
        "x = 1  # one\n"
        'glue("a", x, display=False)\n'
        "for name in names:\n    glue(name, x)\n\n\n"
        'rk.figures.quote("page",\n    b=x)\n'
        "plt.show()"
    )
    assert without_glue(source) == "x = 1  # one\n\n\nplt.show()"
    assert without_glue("%pip install this") == "%pip install this"


def test_what_only_numbers_of_the_page_need_goes_with_them():
    """But not what a text names, nor anything in a cell that shows something."""
    cells = [
        "a = 2",
        "found = {'a': a}\nb = a\nrk.figures.quote('page', **found)",
        "glue('c', a)\nc = plt.plot()\nplt.show()",
        "unused = a",
    ]
    kept = without_quoted(cells, [False, False, True, False], {"b"})
    assert kept == ["a = 2", "b = a", "c = plt.plot()\nplt.show()", "unused = a"]


def test_a_check_goes_with_what_was_computed_for_it_alone():
    cells = [
        "import numpy as np\na = 2",
        "b = a + 1\n\n\ndef f(x):\n    return x * b\n\n\nc = 3\ncheck_it = rk.Check(f(2))",
        "print(c)",
    ]
    assert without_checks(cells, {"check_it"}) == ["import numpy as np\na = 2", "c = 3", "print(c)"]
    assert without_checks(cells, {"another"}) == cells


def test_a_loop_goes_that_fills_only_what_a_check_needs():
    cells = [
        "x = 1\nnames = [x]",
        "found = []\nfor x in names:\n    found.append(x)\n    x += 1\ncheck_it = rk.Check(found)",
    ]
    assert without_checks(cells, {"check_it"}) == [cells[0], ""]
    assert without_checks([*cells, "print(found)"], {"check_it"})[1] == cells[1].rpartition("\n")[0]
    shown = cells[1].replace("x += 1", "print(x)")
    assert without_checks([cells[0], shown], {"check_it"})[1] == shown.rpartition("\n")[0]


@pytest.mark.parametrize(
    "after", ["value = 2\nprint(value)", "def f():\n    value = 2\n    return value", "[value for value in x]"]
)
def test_what_another_cell_sets_for_itself_does_not_keep_an_answer(after):
    assert without_checks(["value = f(x)\ncheck_it = rk.Check(value)", after], {"check_it"}) == ["", after]


@pytest.mark.parametrize(
    "after", ["value += 1", "def f():\n    return value", "[value for each in x]", "value = value + 1"]
)
def test_what_another_cell_reads_stays(after):
    assert without_checks(["value = f(x)\ncheck_it = rk.Check(value)", after], {"check_it"}) == ["value = f(x)", after]


def test_a_check_may_stand_in_a_cell_of_its_own_or_beside_others():
    cells = ["check_a, check_b = rk.Check(1), rk.Check(2)", "check_c = rk.Check(3)"]
    assert without_checks(cells, {"check_a", "check_b"}) == ["", "check_c = rk.Check(3)"]


def test_the_check_of_a_solution_is_what_its_last_line_calls():
    assert check_of(["x = 1", "y = 2\ncheck_it(\n    y\n)"]) is None
    assert check_of(["x = 1", "y = 2\ncheck_it(y)"]) == "check_it"
    assert check_of([]) is None


def split(page):
    """Return the code of a page's cells, and which of them stand in solutions."""
    inside, sources, solving, groups = False, [], set(), []
    for cell in read(pages.BOOK / f"{page}.md").cells:
        if cell.cell_type == "markdown":
            for line in cell.source.splitlines():
                if "{solution-start}" in line:
                    inside = True
                    groups.append([])
                elif "{solution-end}" in line:
                    inside = False
        elif cell.cell_type == "code":
            if inside:
                solving.add(len(sources))
                groups[-1].append(cell.source)
            sources.append(without_glue(cell.source))
    return sources, solving, {check for check in map(check_of, groups) if check}


@pytest.mark.parametrize("page", [page for page in pages.PAGES if "```{code-cell}" in pages.source(page)])
def test_no_cell_leans_on_a_solution(page):
    """Without solutions and checks, each name that a cell reads was set before, or is Python's own."""
    sources, solving, checks = split(page)
    known = set(dir(builtins)) | {"display", "get_ipython"}
    kept = without_checks(["" if i in solving else source for i, source in enumerate(sources)], checks)
    for source in kept:
        assert not pages.reads(source) - known, source
        known |= pages.sets(source)


@pytest.mark.parametrize("page", [page for page in pages.PAGES if "rk.Check(" in pages.source(page)])
def test_what_is_left_of_a_check_is_what_others_need(page):
    """Where a check was defined, a statement stays only if a later one reads a name of it, or if it shows something."""
    sources, solving, checks = split(page)
    sources = ["" if i in solving else source for i, source in enumerate(sources)]
    kept = without_checks(sources, checks)
    statements = [(i, ast.unparse(each)) for i, source in enumerate(kept) for each in ast.parse(source).body]
    for place, (i, code) in enumerate(statements):
        if checks & pages.sets(sources[i]):
            later = set().union(*(pages.reads(each) | changed(each) for _, each in statements[place + 1 :]))
            assert later & (pages.sets(code) | changed(code)) or code.startswith(("print(", "check_", "display(")), code


def changed(code):
    """Return the names whose values some code changes in place."""
    nodes = list(ast.walk(ast.parse(code)))
    return {each.target.id for each in nodes if isinstance(each, ast.AugAssign) and isinstance(each.target, ast.Name)}
