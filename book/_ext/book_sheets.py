"""One style sheet for all pages, with the rules that they use: the theme and its extensions bring 500 kB in fifteen.

A rule is kept if the classes and ids in its selector occur in a page or in a script.  The sheets that are put together
stay what they are in ``_static``.
"""

import hashlib
import posixpath
import re
from collections.abc import Iterator, Set
from itertools import pairwise
from pathlib import Path

import tinycss2
from sphinx.application import Sphinx
from tinycss2.ast import AtRule, Node, QualifiedRule

LINK = re.compile(r'<link (?=[^>]*\brel="stylesheet")[^>]*\bhref="([^"?]*_static/)([^"?]*)[^"]*"[^>]*>\s*')
NAMED = re.compile(r'\b(?:class|id)="([^"]*)"')
SCRIPT = re.compile(r"<script\b[^>]*>(.*?)</script>", re.DOTALL)
WORD = re.compile(r"[\w-]+")
URL = re.compile(r"url\((['\"]?)(?!data:|#)([^)'\"]*)\1\)")
IMPORT = re.compile(r"@import\s+['\"]([^'\"]*)['\"];")
SHEET = "book-sheets.css"
GROUPS = ("media", "supports")  # at-rules that hold rules


def together(static: Path, names: list[str]) -> str:
    """Return sheets one after the other, each with what it imports, addresses as seen from the folder of all."""

    def text(name: str) -> str:
        def place(address: str) -> str:
            return posixpath.normpath(posixpath.join(posixpath.dirname(name), address))

        own = URL.sub(lambda found: f"url({place(found[2])})", (static / name).read_text(encoding="utf-8"))
        return IMPORT.sub(lambda found: text(place(found[1])), own)

    return "\n".join(map(text, names))


def names_used(pages: Iterator[str], scripts: Iterator[str]) -> set[str]:
    """Return the classes and ids of pages, and all words of scripts, which may set them."""
    used: set[str] = set()
    for page in pages:
        for text in NAMED.findall(SCRIPT.sub("", page)):
            used.update(text.split())
        for text in SCRIPT.findall(page):
            used.update(WORD.findall(text))
    for script in scripts:
        used.update(WORD.findall(script))
    return used


def cut(rules: list[Node], used: Set[str]) -> str:
    """Return the rules of a sheet that can apply."""
    return "".join(filter(None, (kept(rule, used) for rule in rules)))


def kept(rule: Node, used: Set[str]) -> str:
    """Return a rule as text, with the selectors that can match; nothing if none can."""
    if isinstance(rule, QualifiedRule):
        selectors = [each for each in split(rule.prelude) if needed(each) <= used]
        return f"{','.join(map(written, selectors))}{{{written(rule.content)}}}\n" if selectors else ""
    if isinstance(rule, AtRule) and rule.lower_at_keyword in GROUPS:
        inner = cut(tinycss2.parse_rule_list(rule.content, skip_comments=True, skip_whitespace=True), used)
        return f"@{rule.at_keyword}{written(rule.prelude, strip=False)}{{\n{inner}}}\n" if inner else ""
    return f"{rule.serialize()}\n" if isinstance(rule, AtRule) and rule.lower_at_keyword != "charset" else ""


def split(prelude: list[Node]) -> list[list[Node]]:
    """Return the selectors of a list, as tokens."""
    found: list[list[Node]] = [[]]
    for token in prelude:
        if token == ",":
            found.append([])
        else:
            found[-1].append(token)
    return found


def needed(selector: list[Node]) -> set[str]:
    """Return the classes and ids without which a selector cannot match: not those in ``:not(…)`` and its like."""
    names = {token.value for token in selector if token.type == "hash"}
    return names | {name.value for dot, name in pairwise(selector) if dot == "." and name.type == "ident"}


def written(tokens: list[Node], strip: bool = True) -> str:
    """Return tokens as text without comments, with single blanks."""
    text = re.sub(r"\s+", " ", tinycss2.serialize([token for token in tokens if token.type != "comment"]))
    return text.strip() if strip else text


def finish(app: Sphinx, exception: Exception | None) -> None:
    """Write the sheet and let each page link to it alone."""
    if exception is not None or app.builder.format != "html":
        return
    out = Path(app.outdir)
    static = out / "_static"
    paths = (path for path in sorted(out.rglob("*.html")) if static not in path.parents)
    pages = {path: path.read_text(encoding="utf-8") for path in paths}
    names = dict.fromkeys(name for page in pages.values() for _, name in LINK.findall(page) if name != SHEET)
    if not names:  # no page was written
        return
    scripts = (path.read_text(encoding="utf-8") for path in static.rglob("*.js") if path.name != "sections.js")
    rules = tinycss2.parse_stylesheet(together(static, list(names)), skip_comments=True, skip_whitespace=True)
    sheet = cut(rules, names_used(iter(pages.values()), scripts))
    (static / SHEET).write_text(sheet, encoding="utf-8")
    version = hashlib.sha256(sheet.encode()).hexdigest()[:8]
    for path, page in pages.items():
        path.write_text(linked(page, version), encoding="utf-8")


def linked(page: str, version: str) -> str:
    """Return a page with one link in the place of its first."""
    first = LINK.search(page)
    if first is None:
        return page
    link = f'<link rel="stylesheet" href="{first[1]}{SHEET}?v={version}" />\n'
    return page[: first.start()] + link + LINK.sub("", page[first.end() :])


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to Sphinx, after the icons are cut."""
    app.connect("build-finished", finish, priority=950)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
