"""Of Font Awesome only what the pages show: the theme brings half a megabyte of script, and fonts with all icons.

Once the pages are written, their icons and those of the style sheets are cut out of the theme's fonts.
"""

import re
from pathlib import Path

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont
from sphinx.application import Sphinx

SHEET, FONTS = "styles/pydata-sphinx-theme.css", "vendor/fontawesome/webfonts"
RULE = re.compile(r'((?:\.fa-[\w-]+:before,?)+)\{content:"([^"]*)"\}')
USED = re.compile(r'<i class="([^"]*)"')
ICON = re.compile(r"[\ue000-\uf8ff]|\\([ef][0-9a-f]{3})")
SOURCES = re.compile(r"src:url\(\.\./vendor/fontawesome/webfonts/([\w-]+)\.woff2\)[^}]*")


def finish(app: Sphinx, exception: Exception | None) -> None:
    """Cut style sheet and fonts; the script that would draw icons goes."""
    if exception is not None or app.builder.format != "html":
        return
    out = Path(app.outdir)
    pages = (path.read_text(encoding="utf-8") for path in out.rglob("*.html"))
    used = {name for page in pages for classes in USED.findall(page) for name in classes.split()}
    static = out / "_static"
    sheet = cut_sheet((static / SHEET).read_text(encoding="utf-8"), used)
    (static / SHEET).write_text(sheet, encoding="utf-8")
    sheets = sheet + (static / "styles" / "sphinx-book-theme.css").read_text(encoding="utf-8")
    icons = {int(match[1], 16) if match[1] else ord(match[0]) for match in ICON.finditer(sheets)}
    for path in (static / FONTS).glob("*.ttf"):
        cut_font(path, icons)
    for left in (f"{FONTS}/*.woff2", "scripts/fontawesome.js*", "**/*.map"):
        for path in static.glob(left):
            path.unlink()


def cut_sheet(sheet: str, used: set[str]) -> str:
    """Return a style sheet without the icons that are not used, with fonts in the format that fontTools writes."""

    def kept(rule: re.Match[str]) -> str:
        names = re.findall(r"\.(fa-[\w-]+):before", rule[1])
        return rule[0] if used.intersection(names) else ""

    return SOURCES.sub(r'src:url(../vendor/fontawesome/webfonts/\1.woff) format("woff")', RULE.sub(kept, sheet))


def cut_font(path: Path, icons: set[int]) -> None:
    """Replace a font by a smaller one with some of its icons."""
    with TTFont(path) as font:
        subsetter = Subsetter(Options(layout_features=[], hinting=False))
        subsetter.populate(unicodes=icons)
        subsetter.subset(font)
        font.flavor = "woff"
        font.save(path.with_suffix(".woff"))
    path.unlink()


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to Sphinx, after all pages are written."""
    app.connect("build-finished", finish, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
