"""Names in the code of a chapter link to the API reference.

The code of a page is read from top to bottom, and what each variable is follows from imports, from calls of
classes, and from the return annotations of the package.  What cannot be told in this way is left alone.
"""

import ast
import html
import re
import typing
from functools import cached_property
from types import ModuleType
from typing import Any, NamedTuple

from docutils import nodes
from sphinx.application import Sphinx

import rnnkernel

BLOCK = re.compile(r'(<div class="highlight-ipython3? .*?<pre>)(.*?)(</pre>)', re.DOTALL)
TOKEN = re.compile(r"<[^>]*>|&[^;]+;|.", re.DOTALL)


class Instance(NamedTuple):
    """A value of which only the class is known."""

    of: type


class Reader(ast.NodeVisitor):
    """Follows what the names of a chapter stand for, and collects those of the package."""

    def __init__(self) -> None:
        self.known: dict[str, Any] = {}
        self.found: dict[tuple[int, int], str] = {}  # (line, column of its end) -> public name

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            if alias.name == "rnnkernel":
                self.known[alias.asname or alias.name] = rnnkernel

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        for alias in node.names:
            if node.module == "rnnkernel" and alias.name in rnnkernel.__all__:
                self.known[alias.asname or alias.name] = getattr(rnnkernel, alias.name)

    def visit_Assign(self, node: ast.Assign) -> None:
        self.visit(node.value)
        value = self.value(node.value)
        for target in node.targets:
            self.visit(target)
            for name in (each for each in ast.walk(target) if isinstance(each, ast.Name)):
                self.known.pop(name.id, None)
            if isinstance(target, ast.Name) and value is not None:
                self.known[target.id] = value

    def visit_Name(self, node: ast.Name) -> None:
        self.note(node, self.known.get(node.id))

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self.visit(node.value)
        owner = self.value(node.value)
        if isinstance(owner, Instance) or (isinstance(owner, type) and hasattr(owner, node.attr)):
            cls = owner.of if isinstance(owner, Instance) else owner
            home = next((each for each in cls.__mro__ if node.attr in vars(each)), cls)
            self.found[node.end_lineno, node.end_col_offset] = f"rnnkernel.{home.__name__}.{node.attr}"
        else:
            self.note(node, self.value(node))

    def note(self, node: ast.expr, value: Any) -> None:
        """Record a name that stands for a public object itself."""
        if isinstance(value, ModuleType) and value is not rnnkernel:
            self.found[node.end_lineno, node.end_col_offset] = value.__name__
        elif isinstance(value, type) or callable(value):
            module = value.__module__ if value.__module__ == "rnnkernel.figures" else "rnnkernel"
            self.found[node.end_lineno, node.end_col_offset] = f"{module}.{value.__qualname__}"

    def value(self, node: ast.expr) -> Any:
        """Return the object of the package that an expression stands for, an Instance, or None if unknown."""
        if isinstance(node, ast.Name):
            return self.known.get(node.id)
        if isinstance(node, ast.Attribute):
            owner = self.value(node.value)
            if isinstance(owner, Instance):
                attribute = getattr(owner.of, node.attr, None)
                if isinstance(attribute, property):
                    return returned(attribute.fget)
                return returned(attribute.func) if isinstance(attribute, cached_property) else attribute
            return getattr(owner, node.attr, None) if owner is not None else None
        if isinstance(node, ast.Call):
            function = self.value(node.func)
            return Instance(function) if isinstance(function, type) else returned(function)
        return None


def returned(function: Any) -> Instance | None:
    """Return what a function of the package returns, by its annotation, if that is a class of the package."""
    try:
        hint = typing.get_type_hints(function).get("return")
    except (NameError, TypeError):  # an annotation that is only for type checkers, or no function
        return None
    return Instance(hint) if isinstance(hint, type) and hint.__module__.startswith("rnnkernel") else None


def link_names(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None) -> None:
    """Link the names in every code cell of a page."""
    if doctree is None or "body" not in context:
        return
    reader = Reader()
    objects = app.env.domains["py"].objects

    def link(match: re.Match[str]) -> str:
        code = html.unescape(re.sub(r"<[^>]*>", "", match[2]))
        try:
            tree = ast.parse(code)
        except SyntaxError:  # a magic of IPython
            return match[0]
        reader.found.clear()
        reader.visit(tree)
        urls = {}
        for place, name in reader.found.items():
            if name in objects:
                entry = objects[name]
                uri = app.builder.get_relative_uri(page, entry.docname)
                urls[place] = f'<a class="code-link" href="{uri}#{entry.node_id}" title="{name}">'
        return match[1] + wrap(match[2], code, urls) + match[3]

    context["body"] = BLOCK.sub(link, context["body"])


def wrap(markup: str, code: str, links: dict[tuple[int, int], str]) -> str:
    """Return highlighted code with a link around each span that ends where a linked name ends."""
    ends = {offset(code, *place): link for place, link in links.items()}
    position, opened = 0, 0
    pieces: list[str] = []
    for token in TOKEN.findall(markup):
        pieces.append(token)
        if token.startswith("<span"):
            opened = len(pieces) - 1
        elif token.startswith("</"):
            if position in ends:
                pieces.insert(opened, ends.pop(position))
                pieces.append("</a>")
        elif not token.startswith("<"):
            position += 1
    return "".join(pieces)


def offset(code: str, line: int, column: int) -> int:
    """Return the position of a place that ast gives: lines from 1, columns in bytes."""
    lines = code.splitlines(keepends=True)
    return sum(map(len, lines[: line - 1])) + len(lines[line - 1].encode()[:column].decode())


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to Sphinx."""
    app.connect("html-page-context", link_names)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
