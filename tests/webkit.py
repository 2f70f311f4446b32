"""A WebKit, the engine of Safari, over the built book: on a screen of its own, spoken to in WebDriver."""

import json
import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from browsers import HTML, Quiet, served
from waiting import eventually

PATIENCE = 120  # seconds for the browser to start, and for any one answer
ANSWER = """const done = arguments[arguments.length - 1];
    Promise.resolve().then(() => (%s)).then(value => done({value}), error => done({error: String(error)}));"""
SPY = b"""var trouble = []; // of which WebDriver tells nothing
    addEventListener("error", ({message, target}) => trouble.push(message ?? target.src ?? target.href), true);
    addEventListener("unhandledrejection", ({reason}) => trouble.push(String(reason)));
    addEventListener("securitypolicyviolation", ({blockedURI}) => trouble.push(blockedURI));
    console.error = (...said) => trouble.push(said.join(" "));"""
PHONE = b"<!doctype html><iframe style='width: 390px; height: 844px; border: 0'></iframe>"  # windows are not so narrow
IN_A_FRAME = """new Promise(done => {
    const [frame] = document.querySelectorAll("iframe");
    Object.assign(frame, {onload: () => done(), src: "/%s"});
})"""


@contextmanager
def running(driver: str, screen: str) -> Iterator["WebKit"]:
    """Start a screen and a WebKit on it; stop both afterwards."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (
        served(HTML, Spied) as site,
        subprocess.Popen([screen, "-displayfd", "1"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as shown,
    ):
        assert shown.stdout is not None
        places = {"DISPLAY": f":{int(shown.stdout.readline())}", "WEBKIT_DISABLE_COMPOSITING_MODE": "1"}
        with subprocess.Popen([driver, f"--port={port}"], env={**os.environ, **places}) as process:
            try:
                window = eventually(lambda: _started(f"http://127.0.0.1:{port}", site), PATIENCE)
                yield window
                window.close()
            finally:
                process.terminate()
                shown.terminate()


class WebKit:
    """One window on the book.  In each page, ``trouble`` lists errors and what its policy refused."""

    def __init__(self, driver: str, site: str) -> None:
        self._session, self._site = f"{driver}/session", site
        asked = {"browserName": "MiniBrowser", "timeouts": {"script": 1000 * PATIENCE}}
        self._session += f"/{self._ask('POST', '', capabilities={'alwaysMatch': asked})['sessionId']}"
        self._ask("POST", "/window/rect", width=1280, height=900)

    def open(self, path: str, phone: bool = False) -> None:
        """Go to a page and wait until it is loaded."""
        self._ask("POST", "/url", url=f"{self._site}/{'phone' if phone else path}")
        if phone:
            self.evaluate(IN_A_FRAME % path)
            self._ask("POST", "/frame", id=0)

    def evaluate(self, expression: str) -> Any:
        """Return the value of an expression, or of its promise."""
        answer = self._ask("POST", "/execute/async", script=ANSWER % expression, args=[])
        assert "error" not in answer, answer["error"]
        return answer.get("value")

    def close(self) -> None:
        """Close the window."""
        self._ask("DELETE", "")

    def _ask(self, method: str, path: str, **given: Any) -> Any:
        data = json.dumps(given).encode() if method == "POST" else None
        request = Request(self._session + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urlopen(request, timeout=PATIENCE) as answer:
                return json.load(answer)["value"]
        except HTTPError as error:
            raise AssertionError(error.read().decode()) from None


class Spied(Quiet):
    """Serves pages with a script in front of their own, which notes what goes wrong."""

    def do_GET(self) -> None:
        """Answer a request."""
        path = self.translate_path(self.path)
        if self.path == "/phone":
            self._say(PHONE, "text/html")
        elif self.path == "/spy.js":
            self._say(SPY, "text/javascript")
        elif path.endswith(".html"):
            with open(path, "rb") as file:
                self._say(file.read().replace(b"<head>", b'<head><script src="/spy.js"></script>', 1), "text/html")
        else:
            super().do_GET()

    def _say(self, text: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


def _started(driver: str, site: str) -> WebKit | None:
    try:
        return WebKit(driver, site)
    except URLError:
        return None
