"""The pages of the book as their source says: order, directives, code cells and prose."""

import ast
import itertools
import re
import symtable
from collections.abc import Iterator
from contextlib import chdir
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.amsmath import amsmath_plugin
from mdit_py_plugins.colon_fence import colon_fence_plugin
from mdit_py_plugins.deflist import deflist_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.front_matter import front_matter_plugin
from mdit_py_plugins.myst_blocks import myst_block_plugin
from mdit_py_plugins.myst_role import myst_role_plugin

ROOT = Path(__file__).parents[1]
BOOK = ROOT / "book"
TOC = yaml.safe_load((ROOT / "_toc.yml").read_text())
LISTED = [TOC["root"], *(page["file"] for part in TOC["parts"] for page in part["chapters"])]
NUMBERED = [page["file"] for part in TOC["parts"] if part.get("numbered", True) for page in part["chapters"]]
PAGES = [Path(page).name for page in LISTED]
CHAPTERS = [Path(page).name for page in NUMBERED]
OPTIONAL = [page for page in CHAPTERS if page.endswith("-in-depth") or page == "your-own-data"]
MAIN = [page for page in CHAPTERS if page not in OPTIONAL]  # those that a reader may not leave out
CODE = {
    "code-cell",
    "code",
    "code-block",
    "math",
    "glue:math",
    "bibliography",
    "raw",
    "mermaid",
    "glossary",
    "minutes-of-the-book",
    "public-names",
}
PROTECTED = re.compile(r"\{[\w:.-]+\}`[^`]*`|`[^`]*`|\$[^$]*\$|\]\([^)]*\)|<[^>]*>")
END = re.compile(r"""[.!?][”’"')\]*_]* +(?=["“‘'(\[*_]*[A-Z0-9À-ÖΑ-ω\0])""")
ABBREVIATION = re.compile(r"\b(?:[A-Z]|e\.g|i\.e|i\.i\.d|a\.s|cf|vs|pp?|eds?|etc|al|No|Eq|St|Dr|Mr|Mrs)\.[”’)\]*_]* $")

_markdown = MarkdownIt("commonmark").enable("table")
for _plugin in (
    front_matter_plugin,
    myst_block_plugin,
    myst_role_plugin,
    dollarmath_plugin,
    amsmath_plugin,
    colon_fence_plugin,
    deflist_plugin,
):
    _markdown.use(_plugin)


class Directive(NamedTuple):
    """A fenced directive: ``{name} argument``, its options and its body."""

    name: str
    argument: str
    options: dict[str, object]
    body: str


def source(page: str) -> str:
    """Return the text of a page's source."""
    return (BOOK / f"{page}.md").read_text()


def directive(token: Token) -> Directive | None:
    """Return the directive that a token is, if it is one."""
    if token.type not in ("fence", "colon_fence") or not token.info.strip().startswith("{"):
        return None
    name, _, argument = token.info.strip().removeprefix("{").partition("}")
    head, body = [], token.content.splitlines()
    if body and body[0] == "---":
        end = body.index("---", 1)
        options = yaml.safe_load("\n".join(body[1:end])) or {}
        return Directive(name, argument.strip(), options, "\n".join(body[end + 1 :]))
    while body and body[0].startswith(":"):
        head.append(body.pop(0))
    pairs = (line[1:].partition(":") for line in head)
    return Directive(name, argument.strip(), {key: value.strip() for key, _, value in pairs}, "\n".join(body))


def levels(text: str) -> Iterator[list[Directive | None]]:
    """Yield the blocks of a text in order, directives as such and the rest as None, then the same for each body."""
    found = [
        directive(token) for token in _markdown.parse(text) if token.level == 0 and not token.type.endswith("_close")
    ]
    yield found
    for each in found:
        if each is not None and each.name not in CODE:
            yield from levels(each.body)


def directives(text: str) -> Iterator[Directive]:
    """Yield every directive of a text, those inside others too."""
    for level in levels(text):
        yield from (each for each in level if each is not None)


def headings(text: str) -> list[str]:
    """Return the headings of a text."""
    tokens = _markdown.parse(text)
    return [after.content for token, after in itertools.pairwise(tokens) if token.type == "heading_open"]


def prose(text: str) -> Iterator[str]:
    """Yield the words a reader reads: no code, no mathematics, no roles, no addresses; captions and alt texts too."""
    for token in _markdown.parse(text):
        for child in token.children or []:
            if child.type == "text":
                yield child.content
            elif child.type == "image":
                yield from (inner.content for inner in child.children or [] if inner.type == "text")
        found = directive(token)
        if found is not None and found.name == "code-cell":
            shown = found.options.get("mystnb", {})
            yield from prose(str(shown.get("image", {}).get("alt", "")))
            yield from prose(str(shown.get("figure", {}).get("caption", "")))
        elif found is not None and found.name not in CODE:
            yield from prose(found.argument)
            yield from prose(found.body)


def paragraphs(text: str) -> Iterator[str]:
    """Yield every paragraph of a text as it is written, those inside directives too."""
    for opening, token in itertools.pairwise(_markdown.parse(text)):
        if opening.type == "paragraph_open":
            yield token.content
        found = directive(token)
        if found is not None and found.name not in CODE:
            yield from paragraphs(found.body)


def sentences(paragraph: str) -> list[str]:
    """Return the sentences of a paragraph; dots in roles, code, mathematics and addresses end none."""
    kept: list[str] = []
    text = PROTECTED.sub(lambda span: kept.append(span[0]) or "\0", " ".join(paragraph.split()))
    ends = [end.end() for end in END.finditer(text) if not ABBREVIATION.search(text[: end.end()])]
    spans = iter(kept)
    return [
        re.sub("\0", lambda _: next(spans), text[start:end].rstrip())
        for start, end in itertools.pairwise([0, *ends, len(text)])
    ]


def sets(code: str) -> set[str]:
    """Return the names that some code sets; ``a[0] = 1`` sets no name."""
    symbols = symtable.symtable(code, "code", "exec").get_symbols()
    return {each.get_name() for each in symbols if each.is_assigned() or each.is_imported()}


def reads(code: str) -> set[str]:
    """Return the names that some code reads, but for those that it sets."""

    def of(table: symtable.SymbolTable) -> set[str]:
        at_top = table.get_type() == "module"
        here = {
            each.get_name() for each in table.get_symbols() if each.is_referenced() and (at_top or each.is_global())
        }
        return here.union(*map(of, table.get_children()))

    return of(symtable.symtable(code, "code", "exec")) - sets(code)


@cache
def names(page: str, *wanted: str) -> dict[str, Any]:
    """Return the names that a page's code gives to functions and values, these and all that they need.

    Only the statements that set them are run, in the page's order and in its folder.
    """
    cells = [each.body for each in directives(source(page)) if each.name == "code-cell"]
    needed, kept = set(wanted), []
    for node in reversed(ast.parse("\n".join(cells)).body):
        code = ast.unparse(node)
        if sets(code) & needed:
            needed |= reads(code)
            kept.append(node)
    found: dict[str, Any] = {"__name__": page}
    with chdir(BOOK):
        exec(compile(ast.Module(kept[::-1], []), f"{page}.md", "exec"), found)
    return found
