"""A headless Firefox, spoken to in WebDriver BiDi over its own websocket: it needs no driver."""

import itertools
import json
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from waiting import eventually
from websocket import WebSocket, create_connection

PATIENCE = 120  # seconds for the browser to start, and for any one answer


@contextmanager
def running(path: str) -> Iterator["Firefox"]:
    """Start a Firefox with a profile of its own; stop it afterwards."""
    with tempfile.TemporaryDirectory(prefix="firefox-", ignore_cleanup_errors=True) as profile:
        command = [path, "--headless", "--no-remote", "--remote-debugging-port=0", "--profile", profile]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                port = eventually(lambda: _port(Path(profile)), PATIENCE)
                address = f"ws://127.0.0.1:{port}/session"
                with closing(create_connection(address, timeout=PATIENCE, suppress_origin=True)) as channel:
                    yield Firefox(channel)
            finally:
                process.terminate()


class Firefox:
    """One window.  ``trouble`` collects the errors that its page logs, and what it asks other hosts for."""

    def __init__(self, channel: WebSocket) -> None:
        self.trouble: list[str] = []
        self._site = ""
        self._channel = channel
        self._numbers = itertools.count()
        self._ask("session.new", capabilities={})
        self._window = self._ask("browsingContext.getTree")["contexts"][0]["context"]
        self._ask("session.subscribe", events=["log.entryAdded", "network.beforeRequestSent"])

    def open(self, url: str) -> None:
        """Go to a page and wait until it is loaded."""
        self.trouble.clear()
        self._site = "/".join(url.split("/")[:3])
        self._ask("browsingContext.navigate", context=self._window, url=url, wait="complete")

    def evaluate(self, expression: str) -> Any:
        """Return the value of an expression, or of its promise, if it is text, a number or a truth value."""
        given = {"expression": expression, "target": {"context": self._window}, "awaitPromise": True}
        answer = self._ask("script.evaluate", **given)
        assert answer["type"] == "success", answer["exceptionDetails"]["text"]
        return answer["result"].get("value")

    def _ask(self, method: str, **params: Any) -> Any:
        number = next(self._numbers)
        self._channel.send(json.dumps({"id": number, "method": method, "params": params}))
        while (message := json.loads(self._channel.recv())).get("id") != number:
            self._note(message)
        assert message["type"] == "success", message
        return message["result"]

    def _note(self, event: dict[str, Any]) -> None:
        params = event["params"]
        if event["method"] == "log.entryAdded" and params["level"] == "error" and not _is_early(params["text"]):
            self.trouble.append(params["text"])
        elif event["method"] == "network.beforeRequestSent":
            url = params["request"]["url"]
            if not url.startswith((self._site, "data:", "blob:")):
                self.trouble.append(f"request to {url}")


def _port(profile: Path) -> int | None:
    try:
        return int(json.loads((profile / "WebDriverBiDiServer.json").read_text())["ws_port"])
    except (FileNotFoundError, json.JSONDecodeError):
        return None


def _is_early(text: str) -> bool:
    """Return whether it is said of a formula of which only a part has arrived; `test_formulas` counts its parts."""
    return text.startswith("Invalid markup: Incorrect number of children")
