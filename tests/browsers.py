"""The built book, served from this machine, and a Chromium to read it: for the tests and for the benchmarks."""

import functools
import gzip
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

HTML = Path(__file__).parents[1] / "_build" / "html"


class Quiet(SimpleHTTPRequestHandler):
    """Serves files."""

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def served(folder: Path = HTML, by: Any = Quiet) -> Iterator[str]:
    """Give the address of a folder's pages."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(by, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@contextmanager
def chromium() -> Iterator[Any]:
    """Give a Chromium: the installed one, or else Playwright's own."""
    from playwright.sync_api import sync_playwright

    names = ("chromium", "chromium-browser", "google-chrome")
    installed = next((path for path in map(shutil.which, names) if path), None)
    options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=installed, args=options)
        yield browser
        browser.close()


@contextmanager
def tabs(browser: Any) -> Iterator[Callable[[str], Any]]:
    """Open fresh pages that see one address; none may log an error, throw, or ask another host."""
    trouble: list[str] = []
    contexts = []

    def opened(address: str) -> Any:
        def only_here(route: Any) -> None:
            if route.request.url.startswith(address):
                route.continue_()
            else:
                trouble.append(f"request to {route.request.url}")
                route.abort()

        context = browser.new_context(base_url=address)
        contexts.append(context)
        context.route("**/*", only_here)
        page = context.new_page()
        page.on("console", lambda message: trouble.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: trouble.append(str(error)))
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not trouble, trouble


def weighed(page: Any, path: str) -> dict[str, float]:
    """Open a page, and return what the browser fetched for it: file by file, in KiB, compressed as servers do."""
    found: dict[str, Any] = {}

    def keep(response: Any) -> None:
        found[response.url] = response

    page.on("response", keep)
    page.goto(f"/{path}", wait_until="networkidle")
    page.evaluate("document.fonts.ready.then(() => {})")
    page.remove_listener("response", keep)
    return {url.rpartition("/")[2]: len(gzip.compress(each.body())) / 1024 for url, each in list(found.items())}
