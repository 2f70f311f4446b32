"""A Jupyter server that a test starts, with a home of its own."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from waiting import eventually

PATIENCE = 60  # seconds for a server, a page, a kernel
PLACES = {
    "JUPYTER_CONFIG_DIR": "config",
    "JUPYTER_DATA_DIR": "data",
    "JUPYTER_RUNTIME_DIR": "runtime",
    "JUPYTERLAB_SETTINGS_DIR": "settings",
    "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
    "IPYTHONDIR": "ipython",
}


@contextmanager
def serving(command: list[str], home: Path) -> Iterator[str]:
    """Give the address of a server that a command starts; its token is "secret"."""
    options = ["--no-browser", "--ip=127.0.0.1", "--port=0", "--IdentityProvider.token=secret"]
    places = {name: str(home / place) for name, place in PLACES.items()}
    with (
        (home / "log").open("w") as log,
        subprocess.Popen([*command, *options], env={**os.environ, **places}, stdout=log, stderr=log) as process,
    ):
        try:
            found = eventually(lambda: list((home / "runtime").glob("jpserver-*.json")), PATIENCE)
            assert found, (home / "log").read_text()
            yield eventually(lambda: _address(found[0]), PATIENCE)
        finally:
            process.terminate()


def _address(server: Path) -> str | None:
    """Return the address of a server from the file that it writes, once it is whole."""
    try:
        return str(json.loads(server.read_text())["url"])
    except json.JSONDecodeError:
        return None
