"""Small faults in the source of the package: a sign, a factor, an index, a transposition, a branch, a missing 1/N."""

import ast
import copy
import hashlib
from collections.abc import Iterator
from pathlib import Path
from types import CodeType
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "rnnkernel"
LEFT_OUT = {"__init__.py", "_jit.py", "_types.py", "figures.py"}  # no mathematics; widgets are tested in a browser
SWAPPED = {
    ast.Add: (ast.Sub, "sign"),
    ast.Sub: (ast.Add, "sign"),
    ast.Mult: (ast.Div, "factor"),
    ast.Div: (ast.Mult, "factor"),
    ast.And: (ast.Or, "branch"),
    ast.Or: (ast.And, "branch"),
}
RENAMED = {
    "mean": "sum",
    "max": "min",
    "min": "max",
    "cos": "sin",
    "sin": "cos",
    "argmax": "argmin",
    "argmin": "argmax",
}


class Fault(NamedTuple):
    """One fault: where it is, what it is, and the code of the faulty function."""

    file: str
    function: str
    kind: str
    before: str
    after: str
    lines: tuple[int, int]
    code: CodeType

    @property
    def name(self) -> str:
        """How reports and the list of survivors call it."""
        before, after = (text.splitlines()[0] for text in (self.before, self.after))  # of a branch its condition
        return f"{self.file} {self.function}: {before} -> {after}"


def chosen() -> list[Fault]:
    """Return the faults that are planted: of each function one, which no change elsewhere replaces by another."""
    return [fault for path in sorted(PACKAGE.glob("*.py")) if path.name not in LEFT_OUT for fault in _of_file(path)]


def _of_file(path: Path) -> Iterator[Fault]:
    tree = ast.parse(path.read_text())
    for names, node in _functions(tree, ()):
        name = ".".join([*names, node.name])
        found = [(kind, before, after, site) for site, kind, before, after in _sites(node)]
        if not found:
            continue
        kind, before, after, (old, new) = min(found, key=lambda each: _rank(path.name, name, *each[1:3]))
        faulty = compile(_Replaced(old, new).tree(tree), str(path), "exec")
        start = min([node.lineno, *(each.lineno for each in node.decorator_list)])
        code = next(each for each in _codes(faulty) if each.co_firstlineno == start and each.co_name == node.name)
        yield Fault(path.name, name, kind, before, after, (start, node.end_lineno or start), code)


def _functions(tree: ast.AST, names: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], ast.FunctionDef]]:
    """Yield the functions of a module and the methods of its classes, with the names of the classes."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef) and node.name != "__repr__":
            yield names, node
        elif isinstance(node, ast.ClassDef):
            yield from _functions(node, (*names, node.name))


def _sites(function: ast.FunctionDef) -> Iterator[tuple[tuple[ast.AST, ast.AST], str, str, str]]:
    """Yield what can go wrong in a function: the node and the faulty one, the kind of fault, both as text."""
    for node in _computing(function):
        for faulty, kind in _faulty(node):
            yield (node, faulty), kind, ast.unparse(node), ast.unparse(faulty)


def _computing(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes that compute something: not docstrings, messages, annotations or defaults."""
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "decorator_list", "args") and not isinstance(node, ast.Call):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not isinstance(child, ast.Raise | ast.JoinedStr):
                yield child
                yield from _computing(child)


def _faulty(node: ast.AST) -> Iterator[tuple[ast.AST, str]]:
    """Yield a node with one fault in it, for each fault that means something there: not in texts and tolerances."""
    if isinstance(node, ast.BinOp | ast.BoolOp) and any(map(_is_text_or_tiny, ast.walk(node))):
        return
    if isinstance(node, ast.BinOp | ast.BoolOp) and type(node.op) in SWAPPED:
        operator, kind = SWAPPED[type(node.op)]
        yield _with(node, op=operator()), kind
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        yield node.left, "missing 1/N"
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult) and not _is_turned(node.left):
        yield _with(node, left=ast.Attribute(node.left, "T", ast.Load())), "transposition"
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow) and isinstance(node.right, ast.Constant):
        yield node.left, "factor"
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and not isinstance(node.operand, ast.Constant):
        yield node.operand, "sign"
    if isinstance(node, ast.Attribute) and _is_turned(node):
        yield node.value, "transposition"
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in RENAMED:
        yield _with(node, func=_with(node.func, attr=RENAMED[node.func.attr])), "factor"
    if isinstance(node, ast.keyword) and node.arg == "axis" and getattr(node.value, "value", None) in (0, 1):
        yield _with(node, value=ast.Constant(1 - node.value.value)), "index"
    if isinstance(node, ast.If | ast.IfExp | ast.While) and not _refuses(node):
        yield _with(node, test=ast.UnaryOp(ast.Not(), node.test)), "branch"
    if isinstance(node, ast.Subscript) and not ast.unparse(node).endswith(("shape[0]", "shape[1]")):
        yield from _off_by_one(node)


def _off_by_one(node: ast.Subscript) -> Iterator[tuple[ast.AST, str]]:
    """Yield a subscript with one of its numbers off by one."""
    for inner in ast.walk(node.slice):
        if isinstance(inner, ast.Constant) and type(inner.value) is int:
            yield _Replaced(inner, ast.Constant(inner.value + 1)).tree(node), "index"


def _with(node: ast.AST, **fields: object) -> ast.AST:
    """Return a node with other fields."""
    new = copy.copy(node)
    vars(new).update(fields)
    return new


def _refuses(node: ast.AST) -> bool:
    """Return whether a branch only refuses bad input: the other way round any good input is refused."""
    return isinstance(node, ast.If) and isinstance(node.body[-1], ast.Raise)


def _is_turned(node: ast.AST) -> bool:
    """Return whether something is a transpose."""
    return isinstance(node, ast.Attribute) and node.attr == "T"


def _is_text_or_tiny(node: ast.AST) -> bool:
    """Return whether something is a text or a tolerance."""
    value = getattr(node, "value", None) if isinstance(node, ast.Constant) else None
    return isinstance(node, ast.JoinedStr) or isinstance(value, str) or (isinstance(value, float) and 0 < value < 1e-6)


def _codes(code: CodeType) -> Iterator[CodeType]:
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield each
            yield from _codes(each)


def _rank(*texts: str) -> str:
    return hashlib.sha256(repr(texts).encode()).hexdigest()


class _Replaced(ast.NodeTransformer):
    """Replaces one node of a tree, and leaves the tree as it was."""

    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self.old, self.new = old, new

    def tree(self, tree: ast.AST) -> ast.AST:
        """Return a copy of a tree with the node replaced."""
        return ast.fix_missing_locations(self.visit(tree))

    def visit(self, node: ast.AST) -> ast.AST:
        """Return a copy of a node, or the new one in its place."""
        if node is self.old:
            return ast.copy_location(copy.deepcopy(self.new), self.old)
        return self.generic_visit(copy.copy(node))

    def generic_visit(self, node: ast.AST) -> ast.AST:
        """Visit the children of a node that is a copy already."""
        for field, value in ast.iter_fields(node):
            if isinstance(value, list):
                setattr(node, field, [self.visit(each) if isinstance(each, ast.AST) else each for each in value])
            elif isinstance(value, ast.AST):
                setattr(node, field, self.visit(value))
        return node
