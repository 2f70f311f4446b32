"""What all tests share: no windows, the long statistics left out, and a browser over the built book."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import browsers
import matplotlib
import pytest
from firefox import Firefox, running
from webkit import WebKit
from webkit import running as webkit_running

matplotlib.use("Agg")  # for this process only: kernels that run chapters choose their own

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "book" / "_ext"), str(ROOT / "tools")]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With ``-n 2``, tests of a file, or of a page of the book in Chromium, stay in one process."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFileOrPage(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file, _, test = nodeid.partition("::")
            page = re.search(r"book/[\w-]+\.html", test)
            return f"{file} {page[0]}" if page else str(file)

    return ByFileOrPage(config, log)


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
def tab(browser: Any) -> Iterator[Callable[[str], Any]]:
    """Opens fresh pages that see one address; the test fails if one logs an error, throws, or asks another host."""
    with browsers.tabs(browser) as opened:
        yield opened


@pytest.fixture
def page(tab: Callable[[str], Any], site: str) -> Any:
    """A fresh page on the built book."""
    return tab(site)


@pytest.fixture(scope="session")
def firefox() -> Iterator[Firefox]:
    """A Firefox; without one the test is skipped, as one browser is enough to read the book."""
    path = shutil.which("firefox-esr") or shutil.which("firefox")
    if path is None:
        pytest.skip("no Firefox: Debian's package is firefox-esr")
    with running(path) as window:
        yield window


@pytest.fixture(scope="session")
def webkit() -> Iterator[WebKit]:
    """A WebKit; without one, or without a screen for it, the test is skipped."""
    programs = [shutil.which(name) for name in ("WebKitWebDriver", "Xvfb")]
    if None in programs:
        pytest.skip("no WebKit, or no screen for it: Debian's packages are webkit2gtk-driver and xvfb")
    with webkit_running(*programs) as window:
        yield window


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 kB, which is soon full; where this user may mount none the test is skipped."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small disk needs root")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)
