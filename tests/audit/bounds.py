"""How tight a test sees a bound: the quotient of both sides of each inequality that it asserts, at its smallest."""

import ast
import operator
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

ATTAINED = 4 / 3  # a bound with a constant that is 25 % smaller fails

COMPARED = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}
OPERATORS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}

seen: dict[str, float] = {}  # of each inequality, as Python writes it, the smallest quotient so far


def quotients(module: ModuleType) -> None:
    """Execute a module of tests anew, so that its inequalities note how far apart their sides are."""
    path = Path(str(module.__file__))
    tree = ast.fix_missing_locations(_Watched().visit(ast.parse(path.read_text())))
    vars(module)["_compared"] = _compared
    exec(compile(tree, path, "exec"), vars(module))


class _Watched(ast.NodeTransformer):
    """Replaces each ``a <= b`` of an assertion by ``_compared(["a <= b"], ["<="], a, b)``."""

    inside = False

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        self.inside = True
        try:
            return self.generic_visit(node)
        finally:
            self.inside = False

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        self.generic_visit(node)
        if not self.inside or not all(type(each) in COMPARED for each in node.ops):
            return node
        values = [node.left, *node.comparators]
        signs = [COMPARED[type(each)] for each in node.ops]
        texts = [
            f"{ast.unparse(left)} {sign} {ast.unparse(right)}"
            for left, sign, right in zip(values, signs, values[1:], strict=False)
        ]
        lists = [ast.List([ast.Constant(each) for each in given], ast.Load()) for given in (texts, signs)]
        return ast.Call(ast.Name("_compared", ast.Load()), [*lists, *values], [])


def _compared(texts: list[str], signs: list[str], *values: Any) -> Any:
    result = True
    for text, sign, left, right in zip(texts, signs, values, values[1:], strict=False):
        small, large = (left, right) if sign in ("<", "<=") else (right, left)
        seen[text] = min(seen.get(text, np.inf), _quotient(small, large))
        result = OPERATORS[sign](left, right)
        if len(signs) > 1 and not result:
            break
    return result


def _quotient(small: Any, large: Any) -> float:
    """Return the smallest quotient of two sides where both are positive, infinity if nowhere."""
    try:
        below, above = np.broadcast_arrays(np.asarray(small, float), np.asarray(large, float))
    except (TypeError, ValueError):
        return np.inf
    positive = (below > 0) & (above > 0)
    return float((above[positive] / below[positive]).min()) if positive.any() else np.inf


def tightest(each: Iterable[dict[str, float]]) -> dict[str, float]:
    """Return the smallest quotient of each inequality over several tests; infinity means that it compares no sizes."""
    found: dict[str, float] = {}
    for measured in each:
        for text, quotient in measured.items():
            found[text] = min(found.get(text, np.inf), quotient)
    return {text: quotient for text, quotient in found.items() if np.isfinite(quotient)}


def fault(entry: dict[str, Any], measured: dict[str, float]) -> Iterator[str]:
    """Yield what is wrong with what is said of a bound."""
    claimed, quotient = entry.get("loose"), measured.get(written(entry["check"]))
    if quotient is None:
        yield f"none of its tests asserts {entry['check']}"
    elif claimed is None and quotient > ATTAINED:
        yield f"{entry['bound']} is not attained in {entry['check']}, but loose by {quotient:.3g}"
    elif claimed is not None and not 1 / ATTAINED < quotient / claimed < ATTAINED:
        yield f"{entry['bound']} is loose by {quotient:.3g} in {entry['check']}, not by {claimed}"


def looseness(entries: list[dict[str, Any]], measured: dict[str, float]) -> dict[str, str]:
    """Return in words how each bound of a statement is seen."""
    quotients = {entry["bound"]: measured.get(written(entry["check"]), np.inf) for entry in entries}
    return {bound: "attained" if each < ATTAINED else f"loose by {each:.2g}" for bound, each in quotients.items()}


def written(check: str) -> str:
    """Return an inequality as Python writes it."""
    return ast.unparse(ast.parse(check, mode="eval"))
