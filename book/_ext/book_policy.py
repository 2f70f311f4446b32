"""Each page as it leaves the theme, made lighter and safe: what it may run stands in its Content-Security-Policy.

Scripts run when the page has been read, in their order; what all pages say in scripts of their own stands in one file.
The policy allows the project's files, WebAssembly, and the scripts that stand in this very page, by their hashes.
"""

import base64
import hashlib
import re
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

DROPPED = re.compile(
    r'\s*<script[^>]* src="[^"]*/fontawesome\.js[^"]*"></script>'
    r'|\s*<link rel="preload" as="script"[^>]*>'
    r"|\s*<script>DOCUMENTATION_OPTIONS\.pagename = '[^']*';</script>"
)
SETTING = re.compile(r"\s*<script>((?:let toggle|var togglebutton|DOCUMENTATION_OPTIONS\.)[^<]*)</script>")
WAITING = re.compile(r"<script (?![^>]*\b(?:defer|async|type)\b)(?=[^>]*\bsrc=)")
FIRST = re.compile(r'<script [^>]*src="([^"]*)documentation_options\.js[^>]*></script>')
PRINTING = ' onclick="window.print()"'
SCRIPT = re.compile(r"<script(?![^>]*\bsrc=)([^>]*)>(.*?)</script>", re.DOTALL)
POLICY = (
    "default-src 'self'; object-src 'none'; script-src 'self' 'wasm-unsafe-eval'{hashes}; worker-src blob:; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'"
)


def lighter(page: str) -> tuple[str, str]:
    """Return a page without what it does not need, and the settings that it had in scripts of its own."""
    page = DROPPED.sub("", page).replace(PRINTING, " data-print")
    settings = dict.fromkeys(SETTING.findall(page))
    page = WAITING.sub("<script defer ", SETTING.sub("", page))
    page = FIRST.sub(r'\g<0><script defer src="\1settings.js"></script>', page)
    return page, "".join(f"{each}\n" for each in settings)


def guarded(page: str) -> str:
    """Return a page with its policy."""
    scripts = (text for attributes, text in SCRIPT.findall(page) if "json" not in attributes)
    digests = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in scripts)
    hashes = "".join(f" 'sha256-{digest}'" for digest in dict.fromkeys(digests))
    meta = f'<meta http-equiv="Content-Security-Policy" content="{POLICY.format(hashes=hashes)}">'
    return page.replace('<meta charset="utf-8" />', f'<meta charset="utf-8" />{meta}', 1)


def prepare(app: Sphinx) -> None:
    """Change each page between its template and its file."""
    if app.builder.format != "html":
        return
    render = app.builder.templates.render

    def changed(template: str, context: dict[str, Any]) -> str:
        page, settings = lighter(render(template, context))
        if settings:
            path = Path(app.outdir) / "_static" / "settings.js"
            path.parent.mkdir(exist_ok=True)
            path.write_text(settings, encoding="utf-8")
        return guarded(page)

    app.builder.templates.render = changed


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to Sphinx."""
    app.connect("builder-inited", prepare)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
