"""What surrounds the pages at an address of their own: without one nothing asks for it, with one all of it is there."""

import json
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from book_published import apply, at_top, owner_and_name
from browsers import HTML
from sphinx.errors import ConfigError

ROOT = Path(__file__).parents[2]
WORKFLOW = ROOT / ".github" / "workflows" / "book.yml"


def test_one_setting_turns_on_all_that_needs_an_address():
    config = SimpleNamespace(
        book_repository="https://github.com/An-Owner/a-book", html_baseurl="", html_theme_options={}
    )
    apply(None, config)
    assert config.html_baseurl == "https://an-owner.github.io/a-book/"
    assert config.html_theme_options == {
        "repository_url": config.book_repository,
        "use_repository_button": True,
        "use_issues_button": True,
    }


@pytest.mark.parametrize("wrong", ["github.com/a/b", "https://example.org/a/b", "https://github.com/a"])
def test_another_address_is_refused(wrong):
    with pytest.raises(ConfigError, match="book_repository must be"):
        owner_and_name(wrong)


def test_a_page_moves_to_the_folder_above():
    page = '<html data-content_root="../"><a href="b.html#c"></a><a href="#d"></a><img src="../_images/e.svg">'
    page += '<a href="https://example.org/"></a><a href="../search.html"></a>'
    expected = '<html data-content_root="./"><a href="book/b.html#c"></a><a href="#d"></a><img src="_images/e.svg">'
    expected += '<a href="https://example.org/"></a><a href="search.html"></a>'
    assert at_top(page, "book") == expected


@pytest.mark.built
def test_index_is_welcome_itself_and_its_links_hold():
    text = (HTML / "index.html").read_text()
    assert "Refresh" not in text
    for target in re.findall(r'\s(?:href|src)="([^"#:?]+)[^":]*"', text):
        assert (HTML / target).exists(), target


@pytest.mark.built
def test_each_page_describes_itself_and_none_speaks_of_an_address():
    for path in (HTML / "book").glob("*.html"):
        text = path.read_text()
        (words,) = re.findall(r'<meta name="description" content="([^"]*)"', text)
        assert 30 < len(words) < 300, path.name
        assert "\\" not in words
        assert 'rel="canonical"' not in text
        assert not re.search(r"colab\.research|mybinder\.org|Open issue", text), path.name
    assert not (HTML / "sitemap.xml").exists()
    assert (HTML / ".nojekyll").exists()
    assert "is not here" in (HTML / "404.html").read_text()


def test_the_workflow_gives_little_and_trusts_hashes():
    text = WORKFLOW.read_text()
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] == {"contents": "read"}
    for used in re.findall(r"uses: (\S+)", text):
        assert re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40}", used)
    writing = {name for name, job in workflow["jobs"].items() if "write" in json.dumps(job.get("permissions", {}))}
    assert writing == {"pages", "release"}
    assert all("checkout" not in json.dumps(workflow["jobs"][name]) for name in writing)
    assert set(workflow["jobs"]["test"]["strategy"]["matrix"]["python"]) == {"3.11", "3.12", "3.13"}
    assert all("timeout-minutes" in workflow["jobs"][name] for name in ("test", "oldest", "sdist", "build"))
    assert "${{ github" not in "".join(
        step.get("run", "") for job in workflow["jobs"].values() for step in job["steps"]
    )
