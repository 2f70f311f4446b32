"""Compiled code: whatever happens to the folder it is kept in, results are right, and at most one warning says so."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import naive
import numpy as np
import pytest
from waiting import eventually

import rnnkernel
from rnnkernel import _jit

PACKAGE = Path(rnnkernel.__file__).parent
USE = """
import warnings
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    from rnnkernel.chains import MarkovChain
    print(*MarkovChain([[0.9, 0.1], [0.3, 0.7]]).simulate(8, rng=0))
print(len(caught), *(each.message for each in caught))
"""
PATH = " ".join(map(str, naive.walk([[0.9, 0.1], [0.3, 0.7]], 0, np.random.default_rng(0).random(8))))


def used(folder, **environment):
    """Use the package in a fresh process; return the path that it simulates, the number of warnings and their text."""
    env = {key: value for key, value in os.environ.items() if key != "NUMBA_CACHE_DIR"}
    env |= {"PYTHONPATH": str(PACKAGE.parent), **environment}
    done = subprocess.run(
        [sys.executable, "-c", USE], cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    path, said = done.stdout.strip().splitlines()
    count, _, text = said.partition(" ")
    assert path == PATH
    return int(count), text


@pytest.fixture
def installed(tmp_path):
    """The package where pip would put it, in a folder of its own, as PYTHONPATH for a fresh process."""
    site = tmp_path / "site-packages"
    shutil.copytree(PACKAGE, site / "rnnkernel", ignore=shutil.ignore_patterns("__pycache__"))
    return site


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_installed_package_keeps_its_code_in_the_users_cache(installed, tmp_path):
    before, home = files(installed), tmp_path / "home"
    env = {"HOME": str(home), "PYTHONPATH": str(installed), "PYTHONDONTWRITEBYTECODE": "1"}
    env |= {"XDG_CACHE_HOME": str(home / "cache")}
    assert used(tmp_path, **env) == (0, "")
    assert files(installed) == before
    assert [name for name in files(home / "cache" / "rnnkernel") if name.endswith(".nbc")]


@pytest.mark.parametrize("home", ["/proc/nowhere", "/dev/null"])
def test_without_a_place_to_write_there_is_one_warning(installed, tmp_path, home):
    env = {"HOME": home, "PYTHONPATH": str(installed), "XDG_CACHE_HOME": f"{home}/cache"}
    count, text = used(tmp_path, **env)
    assert count == 1
    assert "each process compiles it anew" in text
    assert "NUMBA_CACHE_DIR" in text


@pytest.mark.slow
def test_a_damaged_cache_is_compiled_again(tmp_path):
    env = {"NUMBA_CACHE_DIR": str(tmp_path / "kept")}
    assert used(tmp_path, **env)[0] == 0
    made = [path for path in (tmp_path / "kept").rglob("*") if path.suffix in (".nbi", ".nbc")]
    for suffix in (".nbc", ".nbi"):
        assert [path for path in made if path.suffix == suffix]
        for path in made:
            if path.suffix == suffix:
                path.write_bytes(path.read_bytes()[:40])
        assert used(tmp_path, **env)[0] >= 1
        assert used(tmp_path, **env)[0] == 0


def test_a_full_disk_is_survived(small_disk, tmp_path):
    count, text = used(tmp_path, NUMBA_CACHE_DIR=str(small_disk))
    assert count == 1
    assert "No space left" in text


@pytest.mark.slow
def test_processes_that_compile_at_once_do_not_disturb_each_other(tmp_path):
    env = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(PACKAGE.parent)}
    running = [
        subprocess.Popen([sys.executable, "-c", USE], env=env, stdout=subprocess.PIPE, text=True) for _ in range(4)
    ]
    for process in running:
        said, _ = process.communicate(timeout=120)
        assert said.splitlines() == [PATH, "0"]


@pytest.mark.slow
@pytest.mark.parametrize("n_files", [1, 2, 3])
def test_one_that_is_killed_while_it_compiles_leaves_nothing_wrong(n_files, tmp_path):
    env = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(PACKAGE.parent)}
    process = subprocess.Popen([sys.executable, "-c", USE], env=env, stdout=subprocess.DEVNULL)
    assert eventually(lambda: len(files(tmp_path)) >= n_files, 120)
    process.kill()
    process.wait()
    assert used(tmp_path, NUMBA_CACHE_DIR=str(tmp_path)) == (0, "")


def test_two_versions_never_share_a_file(tmp_path, monkeypatch):
    """The index as two processes leave it that save two versions of one function, neither knowing of the other."""
    monkeypatch.setattr(_jit, "_FOLDER", str(tmp_path))

    @_jit.jit
    def twice(x):
        return x + x

    assert twice(1) == 2
    index = next(tmp_path.rglob("*.nbi"))
    index.unlink()  # what a process that began earlier knows
    assert twice(0.5) == 1.0
    assert len(list(tmp_path.rglob("*.nbc"))) == 2
