"""What Lighthouse says of every page, on a desk and on a phone, served as a web server does: compressed."""

import functools
import gzip
import io
import json
import os
import shutil
import subprocess
import threading
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pages
import pytest
from browsers import HTML

pytestmark = [pytest.mark.verify, pytest.mark.browser]

LEAST = {"desktop": 0.9, "mobile": 0.8}  # of performance; of everything else all
FLAGS = "--headless=new --no-sandbox --disable-gpu"


class Compressed(SimpleHTTPRequestHandler):
    """Sends what can be compressed compressed, and says how long it may be kept."""

    def send_head(self):
        path = self.translate_path(self.path)
        if not os.path.isfile(path) or path.endswith((".woff", ".woff2", ".png")):
            return super().send_head()
        with open(path, "rb") as file:
            body = gzip.compress(file.read())
        self.send_response(200)
        for name, value in {
            "Content-Type": self.guess_type(path),
            "Content-Encoding": "gzip",
            "Content-Length": str(len(body)),
            "Cache-Control": "max-age=86400",
        }.items():
            self.send_header(name, value)
        self.end_headers()
        return io.BytesIO(body)

    def log_message(self, format, *args):
        """Say nothing."""


@contextmanager
def served(folder):
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Compressed, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def lighthouse(tmp_path_factory):
    """Lighthouse from npm, and the Chromium that it drives."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if shutil.which("npm") is None or chromium is None:
        pytest.skip("Lighthouse needs npm and a Chromium")
    folder = tmp_path_factory.mktemp("lighthouse")
    install = ["npm", "install", "--prefix", str(folder), "--no-audit", "--no-fund", "--silent", "lighthouse@12.8.2"]
    if subprocess.run(install, check=False).returncode:
        pytest.skip("Lighthouse cannot be had from npm")
    program = folder / "node_modules" / ".bin" / "lighthouse"

    def judge(address, *options):
        command = [program, address, "--quiet", "--output=json", f"--chrome-flags={FLAGS}", *options]
        told = subprocess.run(command, env={**os.environ, "CHROME_PATH": chromium}, capture_output=True, check=True)
        return json.loads(told.stdout)

    return judge


@pytest.mark.parametrize("page", pages.LISTED)
@pytest.mark.parametrize("machine", LEAST)
def test_scores(machine, page, lighthouse):
    options = ["--preset=desktop"] if machine == "desktop" else []
    with served(HTML) as address:
        report = lighthouse(f"{address}/{page}.html", *options)
    scores = {name: category["score"] for name, category in report["categories"].items()}
    failed = [audit["title"] for audit in report["audits"].values() if audit["score"] == 0]
    assert scores["performance"] >= LEAST[machine], (scores, failed)
    assert {scores[name] for name in ("accessibility", "best-practices", "seo")} == {1}, (scores, failed)
