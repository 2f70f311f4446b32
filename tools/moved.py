"""Find what moved from one page of the book to another, so that links to its old place lead to the new one.

    python tools/moved.py <html of the old book> <html of the new book>

Both are folders like ``_build/html/book``.  Headings, statements, exercises, equations, figures and other targets that
a page of the old book had and the same page of the new book has not are looked for on the other new pages.  The table
goes to ``book/_ext/moved.json``, together with what had moved before; what is found on no page is listed.
"""

import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

GENERATED = {"api", "bibliography", "reproducing", "tests"}  # from the package, whose names come and go
TABLE = Path(__file__).parents[1] / "book" / "_ext" / "moved.json"
Table = dict[str, dict[str, list[str]]]


class _Anchors(HTMLParser):
    """The anchors of a page's article to which a reader may have linked: not those numbered by a program."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.within, self.found = False, set[str]()
        self.feed(path.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {key: value or "" for key, value in attrs}
        self.within |= tag == "article"
        linked = tag in ("section", "p", "div", "figure", "span", "dt") and not re.search(
            "rk-|citation", given.get("class", "")
        )
        if self.within and linked and not re.search(r"^id\d+$|^rk-|-content$|-solution-\d+$|^$", given.get("id", "")):
            self.found.add(given["id"])

    def handle_endtag(self, tag: str) -> None:
        self.within &= tag != "article"


def anchors(folder: Path) -> dict[str, set[str]]:
    """Return the anchors of each page in a folder."""
    return {path.stem: _Anchors(path).found for path in sorted(folder.glob("*.html")) if path.stem not in GENERATED}


def find(old: dict[str, set[str]], new: dict[str, set[str]], before: Table) -> tuple[Table, list[str]]:
    """Return what moved, old page → new page → anchors, and what is found nowhere, as ``page#anchor``."""
    had = {page: set(found) for page, found in old.items()}
    for page, moved in before.items():
        had.setdefault(page, set()).update(*moved.values())
    table: Table = {}
    lost = []
    for page, found in sorted(had.items()):
        for anchor in sorted(found - new.get(page, set())):
            homes = [other for other in new if anchor in new[other]]
            homes = [home for home in homes if home.startswith(page)] or homes  # as every page has exercises
            if len(homes) == 1:
                table.setdefault(page, {}).setdefault(homes[0], []).append(anchor)
            else:
                lost.append(f"{page}#{anchor}" + "".join(f" ({home}?)" for home in homes))
    return table, lost


if __name__ == "__main__":
    found, nowhere = find(*map(anchors, map(Path, sys.argv[1:])), json.loads(TABLE.read_text()))
    TABLE.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    if nowhere:
        sys.exit("\n".join(["These are on no page, or on several:", *nowhere]))
