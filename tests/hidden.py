"""What the hidden cells of a page hold, read from their syntax trees.

A hidden cell imports, plots, glues and defines checks.  It may bring what was computed in view to the scale of a
picture; what computes stands in view.  A cell that ends with ``check_x = rk.Check(...)``, or
``predict_x``, may compute the answer by assignments and functions, if no other cell uses them.

``python tests/hidden.py book/<slug>.md`` names each line that does more, and the share of code lines that are hidden.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pages
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colorbar import Colorbar
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.lines import Line2D

SHARE = 0.35  # of the lines of code, at most
TAGS = ("hide-input", "hide-cell", "remove-input", "remove-cell")
NEVER = (ast.Assert, ast.While, ast.ClassDef, ast.Try, ast.Raise, ast.Global)
OPEN = ("rk.figures", "rk.widgets", "rk.explore", "rk.Check", "plt", "itertools", "textwrap")
PLOTS = {name for thing in (Axes, Axis, Colorbar, Figure, Legend, Line2D) for name in dir(thing) if name[0] != "_"}
BUILTINS = """abs bool dict enumerate float int iter len list max min next print range repr reversed round set slice
    sorted str sum tuple zip"""
METHODS = """append astype copy cumsum extend flatten format get index insert item items join keys lower max maketrans
    min pdf pop ravel removeprefix removesuffix replace reshape round setdefault sort split splitlines squeeze strip
    sum swapaxes title tolist translate transpose upper values"""
NUMPY = """abs append arange arctanh argmax argmin argsort array asarray atleast_1d atleast_2d broadcast_to ceil clip
    column_stack concatenate cos cumsum diag diff empty exp expm1 eye flatnonzero flip floor full full_like geomspace
    histogram hstack interp isfinite isin isinf isnan linspace log log10 log1p log2 logspace max maximum
    maximum.accumulate meshgrid min minimum moveaxis nan_to_num ones ones_like ptp ravel repeat reshape rint round
    searchsorted sign sin sqrt square squeeze stack sum swapaxes tan tanh tile transpose tril_indices triu_indices
    unique vstack where zeros zeros_like"""


class Cell(NamedTuple):
    """A code cell: what it holds, the line of the source on which that begins, whether a reader must open it."""

    code: str
    line: int
    hidden: bool

    @property
    def n_lines(self) -> int:
        """How many lines of code it has; blank ones do not count."""
        return sum(1 for line in self.code.splitlines() if line.strip())


def cells(page: str) -> list[Cell]:
    """Return the code cells of a page."""
    text = pages.source(page)
    found = [each for each in pages.directives(text) if each.name == "code-cell"]
    return [
        Cell(
            each.body,
            text.count("\n", 0, text.index(each.body)) + 1,
            any(tag in str(each.options.get("tags", "")) for tag in TAGS),
        )
        for each in found
    ]


def share(*names: str) -> float:
    """Return the share of the pages' lines of code that are hidden; what defines a check stands on no page."""
    every = [cell for page in names for cell in cells(page) if not defines_a_check(ast.parse(cell.code))]
    return sum(cell.n_lines for cell in every if cell.hidden) / max(sum(cell.n_lines for cell in every), 1)


def offences(page: str) -> Iterator[str]:
    """Yield what hidden cells of a page hold and should not, each with its place in the source."""
    every = cells(page)
    code = ast.parse("\n".join(cell.code for cell in every))
    functions = {node.name: node for node in ast.walk(code) if isinstance(node, ast.FunctionDef)}
    drawing = {name for name, node in functions.items() if any(map(draws, ast.walk(node)))}
    slid = {
        path(node.args[0])
        for node in ast.walk(code)
        if isinstance(node, ast.Call) and path(node.func) == "rk.explore" and node.args
    }
    names = {*BUILTINS.split(), "glue", *drawing, *imported(code)}
    for cell in every:
        if not cell.hidden:
            continue
        tree = ast.parse(cell.code)
        others = [other for other in every if other is not cell]
        is_answer = defines_a_check(tree) and not answers(cell) & set().union(
            *(pages.reads(each.code) for each in others)
        )
        for statement in tree.body:
            found = banned(statement)
            if not is_answer:
                of_frames = isinstance(statement, ast.FunctionDef) and statement.name in slid
                # what a slider asks for may be computed by functions in view
                found = [*found, *computes(statement, drawing, names | set(functions) if of_frames else names)]
            yield from (f"book/{page}.md:{cell.line + line - 1}: {what}" for line, what in found)


def banned(statement: ast.stmt) -> list[tuple[int, str]]:
    """Return the lines of what no hidden cell may hold."""
    return [(node.lineno, type(node).__name__.lower()) for node in outside_checks(statement) if isinstance(node, NEVER)]


def computes(statement: ast.stmt, drawing: set[str], names: set[str]) -> Iterator[tuple[int, str]]:
    """Yield the lines that do more than plot, glue or bring to scale; calls of `names` are allowed."""
    for node in outside_checks(statement):
        if isinstance(node, ast.FunctionDef) and node.name not in drawing:
            yield node.lineno, f"{node.name} does not draw"
        elif isinstance(node, ast.Call) and not may_call(node.func, names):
            yield node.lineno, f"calls {ast.unparse(node.func)}"
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
            yield node.lineno, "matrix product"


def may_call(function: ast.expr, names: set[str]) -> bool:
    """Whether a hidden cell may call this."""
    root, _, rest = path(function).partition(".")
    if root == "np":
        return rest in NUMPY.split()
    if root == "stats":
        return rest in ("norm", "norm.pdf")  # the curve over a histogram
    if root in ("rk", "plt", "itertools", "textwrap"):
        return f"{root}.{rest}.".startswith(tuple(f"{name}." for name in OPEN))
    if isinstance(function, ast.Attribute):
        return function.attr in PLOTS or function.attr in METHODS.split()
    return root in names


def draws(node: ast.AST) -> bool:
    """Whether a node is a call that makes part of a picture, or glues."""
    name = path(node.func) if isinstance(node, ast.Call) else ""
    return name == "glue" or name.startswith(("plt.", "rk.figures.")) or name.rpartition(".")[2] in vars(Axes)


def defines_a_check(tree: ast.Module) -> bool:
    """Whether a cell ends with the definition of a check."""
    last = tree.body[-1] if tree.body else None
    return isinstance(last, ast.Assign) and isinstance(last.value, ast.Call) and path(last.value.func) == "rk.Check"


def answers(cell: Cell) -> set[str]:
    """Return the names that a cell sets, but for checks."""
    return {name for name in pages.sets(cell.code) if not name.startswith(("check_", "predict_"))}


def outside_checks(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a tree, but for the arguments of `rk.Check`: answers are not for view."""
    yield tree
    if not (isinstance(tree, ast.Call) and path(tree.func) == "rk.Check"):
        for child in ast.iter_child_nodes(tree):
            yield from outside_checks(child)


def imported(code: ast.Module) -> set[str]:
    """Return the names that a page imports from what serves to draw, to glue and to loop."""
    return {
        alias.asname or alias.name
        for node in ast.walk(code)
        if isinstance(node, ast.ImportFrom)
        and (node.module or "").partition(".")[0] in ("matplotlib", "myst_nb", "itertools", "textwrap", "IPython")
        for alias in node.names
    }


def glued(page: str) -> list[tuple[str, int]]:
    """Return how the names that a page glues begin, and where."""
    found = []
    for cell in cells(page):
        for node in ast.walk(ast.parse(cell.code)):
            if isinstance(node, ast.Call) and path(node.func) in ("glue", "rk.figures.quote"):
                first = node.args[0].values[0] if isinstance(node.args[0], ast.JoinedStr) else node.args[0]
                start = str(first.value) if isinstance(first, ast.Constant) else ""
                found.append((f"{start}-" if path(node.func) != "glue" else start, cell.line + node.lineno - 1))
    return found


def misnamed(page: str) -> Iterator[str]:
    """Yield each place where the name of what is glued does not begin with the page's slug."""
    for start, line in glued(page):
        if not start.startswith(f"{page}-"):
            yield f"book/{page}.md:{line}: glues {start or 'a name'!r}, which does not begin with {page}-"


def path(node: ast.AST) -> str:
    """Return the path of names that an expression is, as ``np.linalg.norm``; what is no name in it is left out."""
    if isinstance(node, ast.Attribute):
        return f"{path(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


if __name__ == "__main__":
    for name in (Path(argument).stem for argument in sys.argv[1:]):
        print(*offences(name), *misnamed(name), f"{name}: {share(name):.1%} of the lines are hidden", sep="\n")
