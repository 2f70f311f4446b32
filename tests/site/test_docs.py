"""The book and the docstrings keep their promises: evidence, numbers, links, signatures and examples."""

import ast
import importlib.metadata
import inspect
import itertools
import re
import subprocess
import sys
import tomllib
import urllib.parse
from html.parser import HTMLParser
from pathlib import Path

import book_evidence
import pages
import pytest
import yaml
from pybtex.database import parse_file

import rnnkernel as rk

ROOT = Path(__file__).parents[2]
HTML = ROOT / "_build" / "html"
PREFIXES = {"prf:theorem": "thm-", "prf:proposition": "prop-", "prf:lemma": "lem-", "prf:corollary": "cor-"}
DECIMAL = re.compile(r"(?<!arXiv:)(?<![\w.])\d*\.\d+")
LOADED = {
    "script": "src",
    "img": "src",
    "source": "src",
    "iframe": "src",
    "audio": "src",
    "video": "src",
    "link": "href",
}


def test_every_page_is_in_the_table_of_contents():
    assert sorted(pages.PAGES) == sorted(path.stem for path in pages.BOOK.glob("*.md"))


@pytest.mark.parametrize("page", pages.PAGES)
def test_page_opens_as_a_notebook(page):
    _, header, _ = pages.source(page).split("---\n", 2)
    meta = yaml.safe_load(header)
    assert meta["jupytext"]["text_representation"]["format_name"] == "myst"
    assert meta["kernelspec"]["name"] == "python3"


@pytest.mark.parametrize("page", pages.PAGES)
def test_every_statement_has_its_evidence(page):
    for level in pages.levels(pages.source(page)):
        for statement, after in itertools.pairwise([*level, None]):
            if statement is None or statement.name not in PREFIXES:
                continue
            label = str(statement.options.get("label", ""))
            assert label.startswith(PREFIXES[statement.name]), statement
            assert getattr(after, "name", None) == "evidence", f"{label} is not followed by its evidence"
            for name in split(after.options["computed-by"]):
                assert is_public(name), f"{label}: {name} is not a public name"
            for test in split(after.options["verified-by"]):
                assert book_evidence.source_of(test), f"{label}: there is no test {test}"


def split(names):
    return [name.strip() for name in str(names).split(",")]


def is_public(name):
    package, first, *rest = name.split(".")
    thing = getattr(rk, first, None) if package == "rnnkernel" and first in rk.__all__ else None
    for attribute in rest:
        field = getattr(thing, "__dataclass_fields__", {}).get(attribute)
        thing = getattr(thing, attribute, field)
    return thing is not None


@pytest.mark.parametrize("page", pages.PAGES)
def test_numbers_in_prose_come_from_code(page):
    typed = [text for text in pages.prose(pages.source(page)) if DECIMAL.search(text)]
    assert not typed


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("The error is 0.25.", True),
        ("About .5 of it.", True),
        ("See *1.5* there.", True),
        ("```{admonition} Of 2.5\nText.\n```", True),
        ("````{dropdown} Proof\n```{tip}\nIt is 0.1.\n```\n````", True),
        ("| a | 0.1 |\n|---|---|\n| b | c |", True),
        ("```{code-cell} ipython3\n---\nmystnb:\n  figure:\n    caption: Rate 0.5.\n---\n1.5\n```", True),
        ("It is {glue:text}`slug-error:.3f`, or $0.25$, or `0.25`.", False),
        ("$$\n0.25\n$$", False),
        ("```{code-cell} ipython3\n0.25\n```", False),
        ("In 1913, of 20000 letters, arXiv:2308.14555.", False),
    ],
)
def test_typed_numbers_are_recognised(text, refused):
    assert any(DECIMAL.search(words) for words in pages.prose(text)) == refused


@pytest.mark.parametrize(
    "path", [*sorted(pages.BOOK.glob("*.md")), *sorted(ROOT.glob("*.md"))], ids=lambda path: path.stem
)
def test_each_sentence_has_its_line(path):
    paragraphs = ([" ".join(line.split()) for line in each.splitlines()] for each in pages.paragraphs(path.read_text()))
    assert not [lines for lines in paragraphs if lines != pages.sentences(" ".join(lines))]


@pytest.mark.parametrize(
    ("text", "n"),
    [
        ("It tends to $1.0$. The rest follows.", 2),
        ("*It holds.* (So does that.) $x$ is next? Yes!", 4),
        ("By Dr. Who, i.e. S. Doe et al. It is {glue:text}`a. B`, `c. D` and [e](f. G).", 1),
    ],
)
def test_sentences_are_told_apart(text, n):
    assert len(pages.sentences(text)) == n
    assert " ".join(pages.sentences(text)) == text


class Links(HTMLParser):
    """The ids of a page, what it loads, and where it links to."""

    def __init__(self, path):
        super().__init__()
        self.ids, self.loads, self.links = set(), set(), set()
        self.feed(path.read_text())

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.ids |= {given[key] for key in ("id", "name") if given.get(key)}
        if tag == "a" and given.get("href"):
            self.links.add(given["href"])
        if given.get(LOADED.get(tag)) and given.get("rel") not in ("canonical", "next", "prev"):
            self.loads.add(given[LOADED[tag]])


@pytest.fixture(scope="module")
def built():
    found = {path: Links(path) for path in HTML.rglob("*.html") if "_static" not in path.parts}
    assert {HTML / "book" / f"{page}.html" for page in pages.PAGES} <= set(found), "build the book first: make book"
    return found


@pytest.mark.built
def test_pages_load_nothing_from_another_host(built):
    outside = {url for page in built.values() for url in page.loads if re.match(r"(\w+:)?//", url)}
    assert not outside
    styles = [path.read_text() for path in HTML.rglob("_static/**/*.css")]
    assert not [css for css in styles if re.search(r"(url\(|@import)\s*[\"']?(https?:)?//", css)]


@pytest.mark.built
def test_links_inside_the_book_lead_somewhere(built):
    dead = []
    for path, page in built.items():
        for url in page.loads | page.links:
            parts = urllib.parse.urlsplit(url)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / urllib.parse.unquote(parts.path)).resolve() if parts.path else path
            anchors = built[target].ids if target in built else None
            if not target.exists() or (parts.fragment and anchors is not None and parts.fragment not in anchors):
                dead.append(f"{path.name}: {url}")
    assert not dead


@pytest.mark.built
def test_links_to_the_web_are_to_sources():
    allowed = re.compile(r"https://(doi\.org|arxiv\.org|creativecommons\.org)/")
    linked = {
        url for page in pages.PAGES for url in Links(HTML / "book" / f"{page}.html").links if url.startswith("http")
    }
    assert not {url for url in linked if not allowed.match(url)}


SOURCES = parse_file(str(pages.BOOK / "references.bib")).entries


@pytest.mark.parametrize("key", SOURCES)
def test_source_can_be_found(key):
    """By its authors, title and year, and by a DOI, an arXiv number, or where it appeared."""
    source = SOURCES[key]
    stated = {name for name, text in source.fields.items() if text}
    assert source.persons["author"]
    assert {"title", "year"} <= stated
    assert {"doi", "eprint", "journal", "publisher", "institution"} & stated
    shapes = {"year": r"\d{4}", "doi": r"10\.\d{4,5}/\S+", "eprint": r"\d{4}\.\d{4,5}"}
    assert not [name for name in stated & set(shapes) if not re.fullmatch(shapes[name], source.fields[name])]


def test_sources_are_those_that_are_cited():
    cited = re.findall(r"\{cite\}`([^`]+)`", "\n".join(map(pages.source, pages.PAGES)))
    assert {key.strip() for keys in cited for key in keys.split(",")} == set(SOURCES)


@pytest.mark.built
@pytest.mark.parametrize("page", pages.PAGES)
def test_page_offers_its_notebook(page):
    links = Links(HTML / "book" / f"{page}.html").links
    offered = [link for link in links if re.fullmatch(rf"\.\./_sources/book/(\d\d-)?{page}\.ipynb", link)]
    assert len(offered) == ("```{code-cell}" in (pages.BOOK / f"{page}.md").read_text())


def test_docstrings_match_signatures():
    run = subprocess.run(
        [sys.executable, "-m", "pydoclint.main", "rnnkernel"], cwd=ROOT, check=False, capture_output=True, text=True
    )
    types_stand_in_both = "DOC111"  # for the reader and for mypy; they need not match
    found = [line for line in (run.stdout + run.stderr).splitlines() if re.search(r"\bDOC\d+:", line)]
    assert found
    assert not [line for line in found if types_stand_in_both not in line]


def examples():
    """Every public class and function; those of a public module stand for it."""
    for name in rk.__all__:
        thing = getattr(rk, name)
        if inspect.ismodule(thing):
            yield from (each for _, each in inspect.getmembers(thing, inspect.isfunction) if each.__name__[0] != "_")
        else:
            yield thing


@pytest.mark.parametrize("thing", list(examples()), ids=lambda thing: thing.__name__)
def test_public_name_has_an_example(thing):
    assert ">>>" in thing.__doc__


def test_docstrings_refer_to_pages():
    """As ``Book: :doc:`slug``, which the build checks too."""
    sources = "\n".join(path.read_text() for path in (ROOT / "rnnkernel").rglob("*.py"))
    named = set(re.findall(r":doc:`([^`]*)`", sources))
    assert named
    assert named <= set(pages.PAGES)
    assert not re.findall(r"\b[Bb]ook: (?!:doc:).*", sources)


def test_version_is_the_same_everywhere():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    changelog = re.search(r"^## ([\d.]+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert {project["version"], citation["version"], changelog[1], importlib.metadata.version("rnnkernel")} == {
        rk.__version__
    }


def test_every_requirement_is_pinned():
    for file in ("requirements.txt", "tests/requirements.txt"):
        lines = [line for line in (ROOT / file).read_text().splitlines() if not line.startswith(("#", "-e ."))]
        assert lines
        assert not [line for line in lines if not re.match(r"[\w.-]+==[\w.]+( ;|$)", line)]


def test_readme_names_every_command():
    commands = set(re.findall(r"^\.PHONY:(.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[0].split()) - {
        "browser"
    }
    assert {name for name in commands if f"make {name}" in (ROOT / "README.md").read_text()} == commands


def test_readme_example_shows_network_and_limit_agree():
    code = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)[1]
    names = {}
    exec(code, names)
    spread = names["limit"].fluctuations([2.0], x=[-1.0, 1.5], memory=[-0.2, 0.4]).std(n_units=1000, beta=0.75)[0]
    assert (abs(names["learned"] - names["predicted"]) < 4 * spread).all()


def test_tests_are_not_skipped():
    for path in (ROOT / "tests").rglob("test_*.py"):
        if path.parent.name == "verify":  # what they need, not every system has
            continue
        calls = {ast.unparse(node) for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)}
        assert not calls & {
            "pytest.skip",
            "pytest.mark.skip",
            "pytest.mark.skipif",
            "pytest.mark.xfail",
            "pytest.xfail",
        }, path
