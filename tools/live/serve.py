"""Serve the built book so that its cells can be edited and run: python tools/live/serve.py [options of Jupyter].

A Jupyter server, on this machine only and behind a token, serves the pages under ``/book``.  Each gets a script tag
as it goes out, and loses its Content-Security-Policy, as what a kernel sends may run; the files stay as they were
built.  The kernel runs in ``book``, where ``data`` is found.
"""

import os
import re
import sys
from pathlib import Path

from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.serverapp import ServerApp
from tornado import web

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
POLICY = re.compile(rb'<meta http-equiv="Content-Security-Policy"[^>]*>')
CLIENT = b'<script type="module" src="/book/_live/live.js"></script></body>'  # what the end of each page becomes


class Book(JupyterHandler, web.StaticFileHandler):
    """A file of the book.  Not AuthenticatedFileHandler: that puts pages in a sandbox and refuses typed addresses."""

    @web.authenticated
    async def get(self, path: str, include_body: bool = True) -> None:
        """Send a file, and the cookie that each request for the kernel must repeat."""
        self.xsrf_token  # noqa: B018
        await super().get(path or "index.html", include_body)

    @classmethod
    def get_content(cls, abspath: str, start: int | None = None, end: int | None = None) -> bytes:
        """Return a file, a page with the script."""
        content = Path(abspath).read_bytes()
        if abspath.endswith(".html"):
            content = POLICY.sub(b"", content).replace(b"</body>", CLIENT)
        return content[start:end]

    def get_content_size(self) -> int:
        """Return the size of what is sent."""
        return len(self.get_content(self.absolute_path))


def main(html: Path, sources: Path, options: list[str]) -> None:
    """Serve until interrupted."""
    if not (html / "index.html").exists():
        sys.exit("The book is not built: run `make book` first.")
    if getattr(os, "geteuid", lambda: 1)() == 0:  # in a container
        options = ["--allow-root", *options]
    app = ServerApp.instance(ip="127.0.0.1", root_dir=str(sources), default_url="/book/index.html")
    app.initialize(options, find_extensions=False)
    folders = {"/book/_live/(.*)": HERE, "/book/(.*)": html.resolve()}
    app.web_app.add_handlers(".*$", [(url, Book, {"path": str(folder)}) for url, folder in folders.items()])
    app.start()


if __name__ == "__main__":
    main(ROOT / "_build" / "html", ROOT / "book", sys.argv[1:])
