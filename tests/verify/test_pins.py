"""The pins are those that `make pins` writes; it needs uv and an index of packages."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PINS = ("requirements.txt", "tests/requirements.txt")


@pytest.mark.verify
def test_pins_are_what_make_pins_writes(tmp_path):
    """Written over themselves they stay as they are, as uv keeps a version that still fits."""
    if shutil.which("uv") is None:
        pytest.skip("needs uv")
    (tmp_path / "tests").mkdir()
    for name in ("Makefile", "README.md", "pyproject.toml", *PINS):
        shutil.copy(ROOT / name, tmp_path / name)
    subprocess.run(["make", "pins"], cwd=tmp_path, check=True, capture_output=True)
    for name in PINS:
        assert (tmp_path / name).read_text() == (ROOT / name).read_text()
