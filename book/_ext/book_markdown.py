r"""A built page as Markdown that any Jupyter shows: numbers, citations and references stand in it as in the page.

`blocks` reads the HTML of a page and yields pieces of Markdown, and in their places the elements that are no text:
code cells, solutions and fields for answers.  Mathematics stays TeX, with its number as ``\tag``.  What has a label and
can be referred to is a heading or an anchor of that name.
"""

import html
import re
from collections.abc import Callable, Iterator
from typing import TypeAlias

from bs4 import BeautifulSoup, NavigableString, Tag

Block: TypeAlias = str | Tag
Link: TypeAlias = Callable[[str], str | None]  # from an address in the page to one in the notebook, if there is one

NOT_TEXT = "div.cell, div.solution, form.rk-answer"
AWAITED = '[class*="rk-after-predict-"]'
UNSEEN = "script, style, form, svg, button, a.headerlink, span.eqno, span.sd-summary-state-marker"
BOXES = {"warning": "warning", "caution": "warning", "danger": "danger", "tip": "success"}
MARKS = {"strong": "**", "b": "**", "em": "*", "i": "*"}
SPECIAL = re.compile(r"([\\`*_\[\]<>$~])")
BULLET, ORDINAL = re.compile(r"^(#{1,6}|[-+])(?=\s)"), re.compile(r"^(\d+)([.)])(?=\s)")


class Waiting(str):
    """Text, not folded yet, that a reader sees after a prediction."""

    __slots__ = ()


def blocks(body: str, link: Link) -> Iterator[Block]:
    """Yield the text of a page, block by block, and what is not text as it stands in the page.

    The figure that the page shows first goes back to where its cell can run (`book_lead`).
    """
    page = BeautifulSoup(body, "html.parser")
    if place := page.select_one(".rk-lead-place"):
        place.replace_with(page.select_one(".tag_lead").extract())
    yield from Writer(link).blocks(page)


def solution_blocks(solution: Tag, link: Link) -> Iterator[Block]:
    """Yield the blocks of a solution, under its title."""
    title = solution.find("p", class_="admonition-title", recursive=False).extract()
    yield f"#### {escaped(title.get_text()).strip()}"
    yield from Writer(link).blocks(solution)


def caption(figure: Tag, link: Link) -> str:
    """Return the caption of a figure, with its number."""
    number, text = figure.select_one(".caption-number"), figure.select_one(".caption-text")
    parts = [f"**{number.get_text().strip()}.**"] if number else []
    return " ".join([*parts, Writer(link).inline(text).strip()])


class Writer:
    """Writes Markdown, with links as a function has them."""

    def __init__(self, link: Link) -> None:
        self.link = link

    def blocks(self, element: Tag) -> Iterator[Block]:
        """Yield the blocks of an element's children; runs of inline elements make paragraphs."""
        run: list[str] = []
        for child in element.children:
            if isinstance(child, Tag) and (child.name in WRITERS or child.name in ("pre", "form")):
                yield from paragraph("".join(run))
                run = []
                yield from self.block(child)
            else:
                run.append(self.one(child))
        yield from paragraph("".join(run))

    def block(self, element: Tag) -> Iterator[Block]:
        """Yield the blocks of a block."""
        classes = element.get("class", [])
        if element.css.match(NOT_TEXT):
            yield element
        elif "math" in classes:
            yield self.display(element)
        elif "admonition" in classes and element.name == "div":
            yield from self.admonition(element)
        elif element.css.match(AWAITED):
            for block in self.blocks(element):
                is_open = isinstance(block, str) and not block.startswith("<details>")
                yield Waiting(block) if is_open else block
        elif element.name == "pre" or any(name.startswith("highlight-") for name in classes):
            yield listing(element)
        elif not element.css.match(UNSEEN):
            yield from WRITERS[element.name](self, element)

    def text(self, element: Tag) -> str:
        """Return the blocks of an element that holds nothing but text."""
        found = list(self.blocks(element))
        for block in found:
            if not isinstance(block, str):
                raise ValueError(f"in a notebook <{element.name}> cannot hold a {' '.join(block['class'])}")
        return "\n\n".join(found)

    def heading(self, element: Tag) -> Iterator[Block]:
        """Yield a heading, under an anchor if the page links to its section."""
        name = element.parent.get("id")
        referred = name and any("headerlink" not in each.get("class", ()) for each in linked(element, f"#{name}"))
        place = f"{anchor(name)}\n\n" if referred else ""
        yield f"{place}{'#' * int(element.name[1])} {self.inline(element).strip()}"

    def paragraph(self, element: Tag) -> Iterator[Block]:
        """Yield a paragraph, behind an anchor if it has a name."""
        place = anchor(element["id"]) if element.get("id") else ""
        yield from paragraph(place + self.inline(element))

    def quotation(self, element: Tag) -> Iterator[Block]:
        """Yield what is quoted."""
        yield "\n".join(f"> {line}".rstrip() for line in self.text(element).splitlines())

    def display(self, element: Tag) -> str:
        """Return a displayed formula."""
        number = element.select_one(".eqno")
        tag = rf" \tag{{{number.get_text().strip('()#¶ ')}}}" if number else ""
        lines = "\n".join(line for line in tex(element).splitlines() if line.strip())
        place = f"{anchor(element['id'])}\n\n" if element.get("id") else ""
        return f"{place}$$\n{lines}{tag}\n$$"

    def items(self, element: Tag) -> Iterator[Block]:
        """Yield a list."""
        lines = []
        for number, item in enumerate(element.find_all("li", recursive=False), int(element.get("start", 1))):
            mark = f"{number}. " if element.name == "ol" else "- "
            first, *more = self.text(item).splitlines()
            lines += [mark + first, *(" " * len(mark) + line if line else "" for line in more)]
        yield "\n".join(lines)

    def definitions(self, element: Tag) -> Iterator[Block]:
        """Yield the entries of a list of definitions."""
        for child in element.find_all(["dt", "dd"], recursive=False):
            yield f"**{self.inline(child).strip()}**" if child.name == "dt" else self.text(child)

    def table(self, element: Tag) -> Iterator[Block]:
        """Yield a table."""
        rows = [[self.cell(cell) for cell in row.find_all(["th", "td"])] for row in element.find_all("tr")]
        if not element.find("th"):
            rows.insert(0, [""] * len(rows[0]))
        rows.insert(1, ["---"] * len(rows[0]))
        yield "\n".join(f"| {' | '.join(row)} |" for row in rows)

    def cell(self, cell: Tag) -> str:
        """Return a cell of a table, in one line; a bar in it must not look like its edge."""
        parts = re.split(r"(\$[^$]*\$)", " ".join(self.text(cell).split()))
        bars = [(r"\|", r"\Vert "), ("|", r"\vert ")], [("|", r"\|")]
        for i, part in enumerate(parts):
            for bar, instead in bars[0 if i % 2 else 1]:
                part = part.replace(bar, instead)  # noqa: PLW2901
            parts[i] = part
        return "".join(parts)

    def details(self, element: Tag) -> Iterator[Block]:
        """Yield what is folded, which HTML does in Markdown, too."""
        name = self.inline(element.find("summary").extract()).strip()
        yield folded(name, self.text(element))

    def admonition(self, element: Tag) -> Iterator[Block]:
        """Yield a statement or an exercise under its own heading, anything else in a box."""
        name = " ".join(self.inline(element.find("p", class_="admonition-title", recursive=False).extract()).split())
        classes = element["class"]
        if "proof" in classes or "exercise" in classes:
            yield f'<h4 id="{element["id"]}">{as_html(name)}</h4>'
            yield from self.blocks(element)
            return
        fields = [form.extract() for form in element.select("form.rk-answer")]
        look = next((BOXES[each] for each in classes if each in BOXES), "info")
        place = f' id="{element["id"]}"' if element.get("id") else ""
        yield f'<div class="alert alert-{look}"{place}>\n\n**{name}**\n\n{self.text(element)}\n\n</div>'
        yield from fields

    def inline(self, element: Tag) -> str:
        """Return inline text."""
        return "".join(self.one(child) for child in element.children)

    def one(self, node: Tag | NavigableString) -> str:
        """Return a piece of inline text."""
        if not isinstance(node, Tag):
            return escaped(node) if type(node) is NavigableString else ""
        if node.css.match(UNSEEN):
            return ""
        if "math" in node.get("class", ()) or node.name in VERBATIM:
            return VERBATIM.get(node.name, formula)(node)
        inner = self.inline(node)
        if node.get("id") and not inner:
            return anchor(node["id"])
        if node.name in MARKS and inner.strip():
            mark = MARKS[node.name]
            return inner.replace(inner.strip(), f"{mark}{inner.strip()}{mark}")
        address = self.link(node["href"]) if node.name == "a" and node.get("href") else None
        return f"[{inner.strip()}]({address})" if address else inner


WRITERS: dict[str, Callable[[Writer, Tag], Iterator[Block]]] = {
    **dict.fromkeys(("h1", "h2", "h3", "h4", "h5", "h6"), Writer.heading),
    **dict.fromkeys(("article", "div", "figure", "hr", "section"), Writer.blocks),
    "p": Writer.paragraph,
    "ul": Writer.items,
    "ol": Writer.items,
    "dl": Writer.definitions,
    "table": Writer.table,
    "details": Writer.details,
    "blockquote": Writer.quotation,
}


def paragraph(text: str) -> Iterator[str]:
    """Yield a paragraph, unless it is empty; its first word must not look like a mark of a list or heading."""
    if text.strip():
        yield ORDINAL.sub(r"\1\\\2", BULLET.sub(r"\\\1", text.strip()))


def folded(name: str, text: str) -> str:
    """Return text under a name that opens it."""
    return f"<details><summary>{name}</summary>\n\n{text}\n\n</details>"


def anchor(name: str) -> str:
    """Return what a link can lead to."""
    return f'<a id="{name}"></a>'


def linked(element: Tag, address: str) -> list[Tag]:
    """Return the links with an address in the page of an element."""
    return list(element.find_parents())[-1].find_all("a", href=address)


def listing(element: Tag) -> str:
    """Return code that is no cell."""
    language = next((name[10:] for name in element.get("class", ()) if name.startswith("highlight-")), "")
    text = element.get_text().strip("\n")
    return f"```{language}\n{text}\n```"


def tex(element: Tag) -> str:
    """Return what a formula was written as, which stands in its annotation."""
    return element.find("annotation").get_text().strip()


def formula(element: Tag) -> str:
    """Return a formula within a line."""
    return f"${tex(element)}$"


def code(element: Tag) -> str:
    """Return code within a line."""
    text = " ".join(element.get_text().split())
    return f"`` {text} ``" if "`" in text else f"`{text}`"


VERBATIM: dict[str, Callable[[Tag], str]] = {
    "code": code,
    "samp": code,
    "kbd": code,
    "br": lambda _: "  \n",
    "img": lambda element: f"*{escaped(element.get('alt', ''))}*",
}


def escaped(text: str) -> str:
    """Return text in which nothing looks like Markdown."""
    return SPECIAL.sub(r"\\\1", re.sub(r"\s+", " ", text))


def as_html(name: str) -> str:
    """Return a title in which marks of Markdown are elements; formulas stay as they are."""
    name = re.sub(r"\*([^*$]+)\*", r"<em>\1</em>", name)
    return re.sub(r"`([^`]+)`", lambda match: f"<code>{html.escape(match[1])}</code>", name)
