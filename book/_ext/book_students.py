"""Code of a chapter for a plain Jupyter: what only fills numbers into the page goes, and for students the checks go.

Lines are cut out of the source, so that what stays keeps its layout and its comments.
"""

import ast
import re
import symtable
from collections.abc import Callable, Iterable, Iterator

CALLED = re.compile(r"(\w+)\(")
Statements = Iterable[ast.stmt]


def without_glue(source: str) -> str:
    """Return a cell without the statements that only put numbers into the text of the page."""
    return without(source, is_glue)


def is_glue(statement: ast.stmt) -> bool:
    """Return whether a statement imports or calls ``glue``, or does nothing else."""
    if isinstance(statement, ast.ImportFrom):
        return statement.module == "myst_nb"
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        name = ast.unparse(statement.value.func)
        return name == "glue" or name.endswith("figures.quote")
    if isinstance(statement, ast.For | ast.With | ast.If):
        return all(map(is_glue, [*statement.body, *getattr(statement, "orelse", ())]))
    return False


def without_quoted(cells: list[str], showing: list[bool], named: set[str]) -> list[str]:
    """Return the cells without glue, nor what those that show nothing compute for it alone and no text names."""
    kept = [without_glue(source) for source in cells]
    given = [after != before and not shows for before, after, shows in zip(cells, kept, showing, strict=True)]
    return without_unneeded(kept, given, named)


def without_checks(cells: list[str], checks: set[str]) -> list[str]:
    """Return the cells without the definitions of some checks, nor what those cells compute for nothing else."""
    given = [any(defines(each, checks) for each in parsed(source)) for source in cells]
    return without_unneeded([without(source, lambda each: defines(each, checks)) for source in cells], given, set())


def without_unneeded(cells: list[str], given: list[bool], needed: set[str]) -> list[str]:
    """Return the cells, of those that are given without statements which nothing needs that comes after."""
    kept = list(cells)
    for i in reversed(range(len(kept))):
        unneeded = set()
        for statement in reversed(parsed(kept[i])):
            changed = changes(statement)
            if given[i] and changed and not changed & needed:
                unneeded.add(statement.lineno)
            else:
                needed = needed - defined(statement) | loaded(statement)
        kept[i] = without(kept[i], lambda each, unneeded=unneeded: each.lineno in unneeded)
    return kept


def defines(statement: ast.stmt, names: set[str]) -> bool:
    """Return whether a statement assigns one of some names."""
    return isinstance(statement, ast.Assign) and bool(defined(statement) & names)


def defined(statement: ast.stmt) -> set[str]:
    """Return the names that an assignment, a function or an import binds; nothing for anything else."""
    if isinstance(statement, ast.FunctionDef):
        return {statement.name}
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return {alias.asname or alias.name for alias in statement.names}
    if isinstance(statement, ast.Assign):
        targets = [node for target in statement.targets for node in ast.walk(target)]
        if all(isinstance(node, ast.Name | ast.Tuple | ast.List | ast.Store | ast.Starred) for node in targets):
            return {node.id for node in targets if isinstance(node, ast.Name)}
    return set()


def changes(statement: ast.stmt) -> set[str]:
    """Return the names that a statement binds, and those whose values it changes; nothing if it does anything else."""
    if isinstance(statement, ast.For):
        parts = [names_in(statement.target), *map(changes, statement.body)]
        return set().union(*parts) if all(parts) else set()
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        method = statement.value.func
        return names_in(method.value) if isinstance(method, ast.Attribute) and method.attr == "append" else set()
    if isinstance(statement, ast.Assign):
        return set().union(*map(names_in, statement.targets))
    return names_in(statement.target) if isinstance(statement, ast.AugAssign) else defined(statement)


def names_in(tree: ast.AST) -> set[str]:
    """Return the names that occur in a tree."""
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def loaded(statement: ast.stmt) -> set[str]:
    """Return the names whose earlier values a statement reads, its functions and comprehensions too."""

    def of(table: symtable.SymbolTable) -> set[str]:
        top = table.get_type() == "module"
        here = {each.get_name() for each in table.get_symbols() if each.is_referenced() and (top or each.is_global())}
        return here.union(*map(of, table.get_children()))

    changed_too = [names_in(node.target) for node in ast.walk(statement) if isinstance(node, ast.AugAssign)]
    own = names_in(statement.target) if isinstance(statement, ast.For) else set()
    return of(symtable.symtable(ast.unparse(statement), "cell", "exec")).union(*changed_too) - own


def check_of(sources: list[str]) -> str | None:
    """Return the name of the check with which a solution ends, given the code of its cells."""
    lines = sources[-1].strip().splitlines() if sources else []
    match = CALLED.match(lines[-1]) if lines else None
    return match[1] if match else None


def without(source: str, unwanted: Callable[[ast.stmt], bool]) -> str:
    """Return source code without some of its statements."""
    lines: list[str | None] = list(source.splitlines())
    for statement in outermost(parsed(source), unwanted):
        first = min([statement.lineno, *(each.lineno for each in getattr(statement, "decorator_list", ()))])
        for number in range(first - 1, statement.end_lineno or 0):
            lines[number] = None
    kept = "\n".join(line for line in lines if line is not None)
    return re.sub(r"\n{4,}", "\n\n\n", kept).strip("\n")


def outermost(statements: Statements, unwanted: Callable[[ast.stmt], bool]) -> Iterator[ast.stmt]:
    """Yield unwanted statements, and those in the bodies of statements that stay."""
    for statement in statements:
        if unwanted(statement):
            yield statement
        elif isinstance(statement, ast.For | ast.With | ast.If):
            yield from outermost([*statement.body, *getattr(statement, "orelse", ())], unwanted)


def parsed(source: str) -> list[ast.stmt]:
    """Return the statements of a cell; one with a magic of IPython has none to cut."""
    try:
        return ast.parse(source).body
    except SyntaxError:
        return []
