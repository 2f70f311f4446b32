"""What all tests share: no windows, the long statistics left out, and a browser over the built book."""

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import browsers
import matplotlib
import pytest

matplotlib.use("Agg")  # for this process only: kernels that run chapters choose their own

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "book" / "_ext"))


@pytest.fixture(scope="session")
def site() -> Iterator[str]:
    """The address of the built book, served from this machine."""
    if not (browsers.HTML / "index.html").exists():
        pytest.fail("the book is not built: run `make book` first")
    with browsers.served() as address:
        yield address


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A Chromium that talks to this machine only; without one the test is skipped, with CI=true it fails."""
    from playwright.sync_api import Error

    with ExitStack() as stack:
        try:
            chromium = stack.enter_context(browsers.chromium())
        except Error as error:
            if os.environ.get("CI") == "true":
                raise
            pytest.skip(f"no Chromium: {error.message.splitlines()[0]}")
        yield chromium


@pytest.fixture
def page(browser: Any, site: str) -> Iterator[Any]:
    """A fresh page; the test fails if the page logs an error, throws, or asks another host for anything."""
    context = browser.new_context(base_url=site)
    trouble: list[str] = []

    def only_here(route: Any) -> None:
        if route.request.url.startswith(site):
            route.continue_()
        else:
            trouble.append(f"request to {route.request.url}")
            route.abort()

    context.route("**/*", only_here)
    page = context.new_page()
    page.on("console", lambda message: trouble.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: trouble.append(str(error)))
    yield page
    context.close()
    assert not trouble
