"""Every chapter runs, has its shape, and its exercises tell right answers from wrong ones.

A chapter's run is taken from the cache of the book if it was made from the same cells by the same package; what is
not there is executed here, in the same way.
"""

import itertools
import re
from pathlib import Path
from typing import NamedTuple

import book_execution
import hidden
import pages
import pytest

from rnnkernel._judging import judge

SECONDS = 30  # of one processor, for a chapter: other work on the machine does not count
IMAGES = ("image/svg+xml", "image/png", "image/jpeg")


class Run(NamedTuple):
    """What a run of a chapter left: its notebook with outputs, and the record kept with it."""

    notebook: dict
    record: dict


@pytest.fixture(scope="module")
def runs():
    cache = book_execution.open_cache(Path(pages.ROOT) / "_build")
    paths = {chapter: pages.BOOK / f"{chapter}.md" for chapter in pages.CHAPTERS}
    book_execution.run_missing(cache, paths.values(), timeout=4 * SECONDS)
    notebooks = {chapter: book_execution.read(path) for chapter, path in paths.items()}
    found = {
        chapter: Run(cache.merge_match_into_notebook(notebook)[1], cache.match_cache_notebook(notebook).data)
        for chapter, notebook in notebooks.items()
    }
    cache.db.dispose()  # or Python 3.13 warns of connections left open
    return found


each_chapter = pytest.mark.parametrize("chapter", pages.CHAPTERS)
each_main_page = pytest.mark.parametrize("chapter", pages.MAIN)


@each_chapter
@pytest.mark.built
def test_run_time(chapter, runs):
    assert runs[chapter].record["processor_seconds"] < SECONDS


@each_chapter
@pytest.mark.built
def test_solutions_pass_their_checks(chapter, runs):
    checks = runs[chapter].record["checks"]
    assert not [name for name, check in checks.items() if not check["passed"] and not name.startswith("predict_")]


@each_chapter
@pytest.mark.built
def test_checks_refuse_wrong_answers(chapter, runs):
    accepted = {name: check["accepts"] for name, check in runs[chapter].record["checks"].items()}
    assert not {name: slips for name, slips in accepted.items() if slips}


@each_chapter
@pytest.mark.built
def test_checks_name_slips(chapter, runs):
    """Each check of numbers refuses at least two slips in their own words, a curve or a choice its other answers."""
    for name, check in runs[chapter].record["checks"].items():
        spec = check["spec"]
        assert len(spec["slips"]) >= (2 if spec["kind"] == "numbers" else 1) or spec["kind"] == "truth", name
        asked = spec.get("asked", range(len(spec["values"])))
        for text, values in spec["slips"]:
            verdict, message = judge(spec, [values[i] for i in asked])
            assert verdict == "wrong", (name, text)
            assert any(other in message for other, _ in spec["slips"]), (name, text, message)


@each_main_page
def test_parts(chapter):
    text = pages.source(chapter)
    found = list(pages.directives(text))
    titles = [each.argument for each in found] + pages.headings(text)
    titles += ["Predict first" for each in found if each.name == "predict"]
    for part in ("Predict first", "Break it", "Summary"):
        assert any(part in title for title in titles), part


@each_chapter
def test_opens_with_a_question(chapter):
    """In words, before any code; and a main page says which of its figures comes first."""
    title, question, *_ = next(iter(pages.levels(pages.source(chapter))))[1:]
    assert title is question is None
    leads = [each for each in pages.directives(pages.source(chapter)) if "lead" in each.options.get("tags", [])]
    assert len(leads) == 1 or chapter not in pages.MAIN


@each_chapter
def test_exercises(chapter):
    """At least four on a main page, each with a hint, and a solution that says why and ends with a check.

    What a reader needs stands before the exercise, as the field for the answer ends it.
    """
    blocks = next(iter(pages.levels(pages.source(chapter))))
    starts = [i for i, block in enumerate(blocks) if block is not None and block.name == "exercise"]
    assert len(starts) >= 4 * (chapter in pages.MAIN)
    for first, last in itertools.pairwise([*starts, len(blocks)]):
        parts = blocks[first:last]
        names = ["words" if part is None else part.name for part in parts]
        label = parts[0].options["label"]
        assert any(part and part.name == "dropdown" and part.argument.startswith("Hint") for part in parts), label
        start, end = names.index("solution-start"), names.index("solution-end")
        given = [
            part for part in parts[1 : names.index("dropdown")] if "remove-cell" not in part.options.get("tags", [])
        ]
        assert not given, label
        assert parts[start].argument == label
        assert "words" in names[start:end], label
        cells = [part.body for part in parts[start:end] if part and part.name == "code-cell"]
        assert cells, label
        assert re.match(r"check_\w+\(", cells[-1].strip().splitlines()[-1]), label


@each_chapter
@pytest.mark.built
def test_figures_say_what_they_show(chapter, runs):
    cells = [cell for cell in runs[chapter].notebook["cells"] if cell["cell_type"] == "code"]
    data = [[output.get("data", {}) for output in cell["outputs"]] for cell in cells]
    live = [
        any("data-widget=" in each.get("text/html", "") for each in outputs) for outputs in data
    ]  # say it themselves
    pictures = [any(set(IMAGES) & set(each) for each in outputs) for outputs in data]
    shown = [cell for cell, alive, seen in zip(cells, live, pictures, strict=True) if seen and not alive]
    assert shown or chapter not in pages.MAIN
    for cell in shown:
        options = cell["metadata"].get("mystnb", {})
        assert len(options.get("image", {}).get("alt", "")) > 20, cell["source"]
        assert options.get("figure", {}).get("name", "").startswith("fig-"), cell["source"]
        assert options["figure"].get("caption"), cell["source"]
    assert not re.findall(r"!\[\]\(", pages.source(chapter))


@each_main_page
@pytest.mark.built
def test_has_an_explorable(chapter, runs):
    outputs = [output for cell in runs[chapter].notebook["cells"] for output in cell.get("outputs", [])]
    assert any("data-widget=" in output.get("data", {}).get("text/html", "") for output in outputs)


@pytest.mark.parametrize("page", pages.PAGES)
def test_hidden_cells_only_draw_glue_and_define_checks(page):
    assert not list(hidden.offences(page))


@each_chapter
def test_most_code_is_in_view(chapter):
    assert hidden.share(chapter) <= hidden.SHARE


def test_most_code_of_the_book_is_in_view():
    assert hidden.share(*pages.PAGES) <= hidden.SHARE


@pytest.mark.parametrize("page", pages.PAGES)
def test_names_of_what_is_glued_begin_with_the_slug(page):
    assert not list(hidden.misnamed(page))


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("import numpy as np\nfig, ax = plt.subplots()\nax.plot(t, 2 * np.abs(gap[:3]), label=f'{n:g}')", []),
        ("glue('slug-gap', 100 * abs(gap).max(), display=False)", []),
        ("check_gap = rk.Check(rk.MarkovChain(P).spectral_gap)", []),
        ("walk = rk.MarkovChain(P)\nfor k in range(3):\n    walk.step(k)\ncheck_gap = rk.Check(walk.spectral_gap)", []),
        (
            "def draw(a):\n    fig, ax = plt.subplots()\n    ax.plot(curve(a))\n    return fig\nrk.explore(draw, a=[])",
            [],
        ),
        ("x = 1\nassert x", ["2: assert"]),
        ("walk = rk.MarkovChain(P)\nglue('slug-gap', walk.gap)", ["1: calls rk.MarkovChain"]),
        ("gap = rk.MarkovChain(P)\ncheck_gap = rk.Check(1.0)", ["1: calls rk.MarkovChain"]),  # `gap` is read in view
        ("ax.plot(data.mean(axis=1), np.linalg.norm(x))", ["1: calls data.mean", "1: calls np.linalg.norm"]),
        ("ax.plot(curve(t) @ w)", ["1: matrix product", "1: calls curve"]),
        ("def spread(x):\n    return x**2", ["1: spread does not draw"]),
        ("while True:\n    ax.plot(x)", ["1: while"]),
    ],
)
def test_what_hidden_cells_may_hold(code, found, monkeypatch):
    text = f"```{{code-cell}} ipython3\n:tags: [hide-input]\n{code}\n```\n"
    view = "```{code-cell} ipython3\ndef curve(t):\n    return t * gap\n```\n"
    monkeypatch.setattr(pages, "source", lambda _: text + view)
    assert list(hidden.offences("slug")) == [f"book/slug.md:{int(each[0]) + 2}{each[1:]}" for each in found]
    n_lines = 0 if code.splitlines()[-1].startswith("check_") else len(code.splitlines())  # a check stands on no page
    assert hidden.share("slug") == n_lines / (n_lines + 2)


def test_report_on_checks():
    """The report sees a check that nobody passed, and one that takes wrong answers for right."""
    import book_checks

    import rnnkernel as rk

    good, sloppy, idle, words = rk.Check([0.4, 0.0], atol=1e-9), rk.Check(2.0, rtol=0.5), rk.Check(1.0), rk.Check("gap")
    good([0.4, 0.0]), sloppy(2.1), words("gap")
    report = book_checks.report({"good": good, "sloppy": sloppy, "idle": idle, "words": words, "other": 1})
    assert report == {
        "good": {"passed": True, "accepts": [], "spec": good.spec},
        "sloppy": {"passed": True, "accepts": ["20 % more"], "spec": sloppy.spec},
        "idle": {"passed": False, "accepts": [], "spec": idle.spec},
        "words": {"passed": True, "accepts": [], "spec": words.spec},
    }
