"""Print the built book as one PDF, _build/book.pdf: python tools/pdf.py.

All pages become one document for Chromium, which gives it outline, page numbers and links.  Figures with sliders show
their stills; hints, answers and solutions stand at the end, so that a page of exercises can be handed out.
"""

import posixpath
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pikepdf
import yaml
from bs4 import BeautifulSoup, Tag
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]
HTML = ROOT / "_build" / "html"
LEFT_OUT = ("api", "tests")  # to look things up in, on a screen
REMOVED = (
    "script, form, button, a.headerlink, .rk-controls, .rk-state, .rk-numbers, .rk-gate, details.hide, summary svg"
)
LATER = ("Hint", "Answer")
FOOTER = '<div style="font: 8px sans-serif; width: 100%; text-align: center"><span class="pageNumber"></span></div>'
READY = "() => document.fonts.ready.then(() => true)"
MARGINS = {"top": "18mm", "bottom": "18mm", "left": "20mm", "right": "20mm"}


def pages(html: Path) -> Iterator[tuple[str, Tag]]:
    """Yield the built pages in reading order, by name."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    for name in [toc["root"], *(each["file"] for part in toc["parts"] for each in part["chapters"])]:
        path = html / f"{name}.html"
        if posixpath.basename(name) not in LEFT_OUT and path.exists():
            whole = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
            yield name, whole.select_one("article.bd-article")


def prefixed(page: str, anchor: str = "") -> str:
    """Return the name that a page, or an anchor in it, has in the whole document."""
    return posixpath.basename(page) + (f"--{anchor}" if anchor else "")


def prepare(page: str, article: Tag, names: set[str]) -> None:
    """Make a page part of the whole: its anchors, links and pictures; nothing in it is to be clicked."""
    for element in article.select(REMOVED):
        element.decompose()
    for element in article.select("[id]"):
        if not element.find_parent("svg"):
            element["id"] = prefixed(page, element["id"])
    article["id"] = prefixed(page)
    folder = posixpath.dirname(page)
    for link in article.select("a[href]"):
        target, _, anchor = link["href"].partition("#")
        if re.match(r"[a-z]+:", link["href"]):
            continue
        to = posixpath.normpath(posixpath.join(folder, target)).removesuffix(".html") if target else page
        if to in names:
            link["href"] = f"#{prefixed(to, anchor)}"
        else:
            link.unwrap()
    for image in article.select("img[src]"):
        image["src"] = posixpath.normpath(posixpath.join(folder, image["src"]))
    for details in article.select("details"):
        details["open"] = ""


def gather(article: Tag) -> list[Tag]:
    """Take hints, answers and solutions out of a page, each under a line that leads back to its question."""
    found: list[Tag] = []
    question: Tag | None = None
    for element in article.select("div.exercise, div.rk-predict, div.solution, details.sd-dropdown"):
        if element.name == "div" and "solution" not in element["class"]:
            question = element
            continue
        name = element.find(["summary", "p"]).get_text().strip()
        if (
            question is None
            or element.find_parent(class_="solution")
            or (element.name == "details" and name not in LATER)
        ):
            continue
        if element.name == "details":
            title = " ".join(question.find(class_="admonition-title").get_text().split())
            element.summary.replace_with(about(f"{name}: {title}", question.get("id", "")))
            element.name = "div"
            element["class"] = "rk-later"
        found.append(element.extract())
    return found


def about(text: str, anchor: str) -> Tag:
    """Return a line that leads to a question."""
    new = BeautifulSoup("", "html.parser").new_tag
    line, link = new("p", attrs={"class": "rk-about"}), new("a", href=f"#{anchor}")
    link.string = text
    line.append(link)
    return line


def document(html: Path) -> str:
    """Return the book as one page, to stand beside its pages."""
    articles = list(pages(html))
    names = {name for name, _ in articles}
    first = BeautifulSoup((html / f"{articles[0][0]}.html").read_text(encoding="utf-8"), "html.parser")
    folder = posixpath.dirname(articles[0][0])
    sheets = [
        posixpath.normpath(posixpath.join(folder, each["href"].partition("?")[0])) for each in first.select(SHEETS)
    ]
    contents, parts, end = [], [], []
    for name, article in articles:
        prepare(name, article, names)
        title = article.find("h1").get_text().strip()
        later = gather(article)
        contents.append(f'<li><a href="#{prefixed(name)}">{title}</a></li>')
        parts.append(str(article))
        if later:
            end.append(f"<section><h2>{title}</h2>{''.join(map(str, later))}</section>")
    answers = f'<article class="bd-article" id="answers"><h1>Hints, answers and solutions</h1>{"".join(end)}</article>'
    contents.append('<li><a href="#answers">Hints, answers and solutions</a></li>')
    style = (ROOT / "tools" / "paper.css").read_text(encoding="utf-8")
    return PAGE.format(
        sheets="".join(f'<link rel="stylesheet" href="{sheet}">' for sheet in sheets),
        style=style,
        title=first.title.get_text().strip(),
        contents="".join(contents),
        parts="".join(parts),
        answers=answers if end else "",
    )


SHEETS = 'link[rel="stylesheet"]'
PAGE = """<!doctype html><html lang="en" data-theme="light" data-mode="light"><head><meta charset="utf-8">
<title>{title}</title>{sheets}<style>{style}</style></head>
<body class="rk-paper"><main class="bd-content"><div class="bd-article-container">
<nav class="rk-contents"><h1>Contents</h1><ol>{contents}</ol></nav>
{parts}{answers}</div></main></body></html>"""


def write(html: Path, pdf: Path) -> None:
    """Print."""
    whole = html / "_book.html"
    whole.write_text(document(html), encoding="utf-8")
    installed = next(
        (path for path in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if path), None
    )
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=installed, args=["--no-sandbox"])
            page = browser.new_page()
            page.set_default_timeout(600_000)
            page.goto(whole.as_uri())
            page.evaluate(READY)
            options = {"display_header_footer": True, "header_template": "<span></span>", "footer_template": FOOTER}
            page.pdf(path=pdf, format="A4", margin=MARGINS, print_background=True, outline=True, tagged=True, **options)
            browser.close()
    finally:
        whole.unlink()
    with pikepdf.open(pdf, allow_overwriting_input=True) as printed:  # its tags, one by one, are half of what it weighs
        printed.save(pdf, object_stream_mode=pikepdf.ObjectStreamMode.generate)


if __name__ == "__main__":
    if not (HTML / "index.html").exists():
        sys.exit("The book is not built: run `make book` first.")
    write(HTML, ROOT / "_build" / "book.pdf")
    print("The book is in _build/book.pdf.")
