"""What the book needs to stand at an address of its own, all of it from one setting: the address of its repository.

With ``book_repository`` set, pages get links to the repository and its issues, buttons that run their notebook on
Colab and on Binder, canonical addresses, social cards, and a sitemap.  Without it none of these is shown.  What is
always there: descriptions, a page for what is not found, and an ``index.html`` that is Welcome itself.
"""

import html
import posixpath
import re
import shutil
from pathlib import Path
from typing import Any

from book_notebooks import names
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ConfigError

BRANCH = "notebooks"  # on which the workflow puts the notebooks, as Colab and Binder open repositories only
ADDRESS = re.compile(r"https://github\.com/([\w-]+)/([\w.-]+?)/?$")
LINK = re.compile(r'(?<=[\s"])((?:href|src|data-content_root|action)=")([^"#:]*)(?=["#])')
CARD = "picture.png"
FORMULA = "\0"
NOT_FOUND = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Not found</title>
<style>body {{ font: 1.1rem/1.6 system-ui, sans-serif; margin: 15vh auto; max-width: 32rem; padding: 1rem; }}</style>
<h1>This page is not here</h1><p>It may have moved. <a href="{home}">The book begins here.</a></p></html>
"""


def owner_and_name(address: str) -> tuple[str, str]:
    """Return whose a repository is, and what it is called."""
    match = ADDRESS.match(address)
    if match is None:
        raise ConfigError(f"book_repository must be https://github.com/<owner>/<name>, not {address!r}")
    return match[1], match[2]


def apply(app: Sphinx, config: Config) -> None:
    """Turn on what needs an address."""
    if config.book_repository:
        owner, name = owner_and_name(config.book_repository)
        config.html_baseurl = f"https://{owner.lower()}.github.io/{name}/"
        buttons = {"use_repository_button": True, "use_issues_button": True}
        config.html_theme_options |= {"repository_url": config.book_repository, **buttons}


def describe(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None) -> None:
    """Give a page its description, and with an address its card."""
    if doctree is None:
        return
    title, text = app.env.titles[page].astext(), description(doctree)
    tags = {"description": text}
    cards = {"og:title": title, "og:description": text, "og:type": "article"}
    if app.config.html_baseurl:
        cards |= {"og:url": f"{app.config.html_baseurl}{page}.html", "og:image": f"{app.config.html_baseurl}{CARD}"}
    lines = [f'<meta name="{name}" content="{html.escape(value)}">' for name, value in tags.items()]
    lines += [f'<meta property="{name}" content="{html.escape(value)}">' for name, value in cards.items()]
    context["metatags"] = context.get("metatags", "") + "\n".join(lines)


def description(doctree: nodes.document) -> str:
    """Return the first sentences of a page that have no formula, in one or two lines."""
    text = ""
    for paragraph in doctree.findall(nodes.paragraph):
        if paragraph.parent.tagname != "section" or {"evidence", "rk-minutes"} & set(paragraph["classes"]):
            continue
        words = "".join(
            FORMULA if isinstance(each.parent, nodes.math) else str(each) for each in paragraph.findall(nodes.Text)
        )
        for sentence in re.split(r"(?<=[.?!:])\s+", " ".join(words.split())):
            if FORMULA not in sentence and len(text) + len(sentence) < 200:
                text = f"{text} {sentence}".strip()
            if len(text) > 80:
                return text
    return text


def launch(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None) -> None:
    """Offer to run the page's notebook elsewhere."""
    name = names(app.env).get(page) if app.config.book_repository and doctree is not None else None
    if name is None:
        return
    owner, repository = owner_and_name(app.config.book_repository)
    places = {
        "Colab": f"https://colab.research.google.com/github/{owner}/{repository}/blob/{BRANCH}/{name}.ipynb",
        "Binder": f"https://mybinder.org/v2/gh/{owner}/{repository}/{BRANCH}?urlpath=lab/tree/{name}.ipynb",
    }
    buttons = [
        {"type": "link", "text": text, "tooltip": f"Run this chapter on {text}", "icon": "fas fa-play", "url": url}
        for text, url in places.items()
    ]
    group = {"type": "group", "tooltip": "Run this chapter", "icon": "fas fa-rocket", "label": "launch-buttons"}
    context["header_buttons"].insert(0, {**group, "buttons": buttons})


def finish(app: Sphinx, exception: Exception | None) -> None:
    """Write the files around the pages."""
    if exception is not None or app.builder.format != "html":
        return
    out, address = Path(app.outdir), app.config.html_baseurl
    (out / ".nojekyll").touch()
    (out / "404.html").write_text(NOT_FOUND.format(home=address or "/"), encoding="utf-8")
    root = app.env.external_site_map.root.docname
    page = (out / f"{root}.html").read_text(encoding="utf-8")
    (out / "index.html").write_text(at_top(page, posixpath.dirname(root)), encoding="utf-8")
    if address:
        shutil.copy(Path(app.srcdir) / "book" / CARD, out / CARD)
        pages = [page for page in app.env.external_site_map if page in app.env.found_docs]
        urls = "".join(f"<url><loc>{address}{page}.html</loc></url>" for page in pages)
        space = "http://www.sitemaps.org/schemas/sitemap/0.9"
        sitemap = f'<?xml version="1.0" encoding="UTF-8"?><urlset xmlns="{space}">{urls}</urlset>'
        (out / "sitemap.xml").write_text(sitemap, encoding="utf-8")
        (out / "robots.txt").write_text(f"User-agent: *\nAllow: /\nSitemap: {address}sitemap.xml\n", encoding="utf-8")


def at_top(page: str, folder: str) -> str:
    """Return a page of a folder as it must read in the folder above."""

    def moved(match: re.Match[str]) -> str:
        if not match[2]:
            return match[0]
        place = posixpath.normpath(posixpath.join(folder, match[2]))
        return f"{match[1]}{'./' if place == '.' else place}{'/' if match[2].endswith('/') and place != '.' else ''}"

    return LINK.sub(moved, page)


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to Sphinx: descriptions before a page is written, buttons after the theme's own."""
    app.add_config_value("book_repository", "", "html")
    app.connect("config-inited", apply)
    app.connect("html-page-context", describe)
    app.connect("html-page-context", launch, priority=502)
    app.connect("build-finished", finish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
