"""A chapter that `make new` began passes the tests of chapters and its own."""

import re
import shutil
import subprocess
import sys

import pages
import pytest

sys.path.insert(0, str(pages.ROOT / "tools"))
import new

NEW = "(what_is_new or what-is-new) and not notebook"  # which only a built page offers


@pytest.fixture
def book(tmp_path):
    """A book of a first page only, with the tests of this one."""
    for name in ("tests", "book/_ext", "book/data"):
        shutil.copytree(pages.ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "test_*"))
    for name in (
        "pyproject.toml",
        "requirements.txt",
        "tests/site/test_chapters.py",
        "tests/site/test_docs.py",
        "book/welcome.md",
    ):
        shutil.copy(pages.ROOT / name, tmp_path / name)
    shutil.copy(pages.BOOK / "references.bib", tmp_path / "book")
    first = "root: book/welcome\nparts:\n  - caption: One\n    chapters:\n"
    (tmp_path / "_toc.yml").write_text(f"{first}{new.APPENDICES}    numbered: false\n    chapters: []\n")
    return tmp_path


@pytest.mark.slow
def test_a_new_chapter_passes(book):
    new.begin("what-is-new", book)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-v",
        "-p",
        "no:cacheprovider",
        "tests/site",
        "tests/chapters",
        "-k",
        NEW,
    ]
    run = subprocess.run(command, cwd=book, check=False, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout
    passed = re.findall(r"::(\w+)\S* PASSED", run.stdout)
    assert {"test_solutions_pass_their_checks", "test_parts", "test_distance_falls_at_the_rate"} <= set(passed)


@pytest.mark.parametrize("slug", ["poisson-equation", "Two", "a_b", "../a", "a--b"])
def test_a_name_must_be_new_and_plain(slug):
    with pytest.raises(ValueError, match="and new; not"):
        new.begin(slug)
