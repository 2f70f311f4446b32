"""Answers in the page: a field under each exercise that has a check, and ``{predict}``, a question to answer first.

The check of an exercise is the one with which its solution ends, ``check_…(answer)``; that of a prediction has the
prediction's label as its name, with underscores.  What these checks expect was computed by the chapter's own kernel
(``book_checks``); all of it is written to ``_static/checks.js``, for the pages and for ``rk.check``.
"""

import html
import itertools
import re
from pathlib import Path
from typing import Any

from book_evidence import evidence
from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective
from sphinx_exercise.nodes import is_exercise_node, is_solution_node

from rnnkernel.exercises import packed

SCRIPTS = ("judge.js", "checks.js", "curve.js", "answers.js")
KINDS = ("number", "vector", "choice", "curve")
TEXT = (nodes.paragraph, nodes.math_block, nodes.table, nodes.target)
CHECKED = re.compile(r"(\w+)\(")
log = logging.getLogger(__name__)


class answer(nodes.General, nodes.Element):
    """The place of a field; a script makes it from the data of the check, as without one nothing could judge."""


def visit_answer(self: Any, node: answer) -> None:
    """Write the form."""
    axes = "".join(f' data-{axis}="{html.escape(node[axis])}"' for axis in ("x", "y") if node.get(axis))
    self.body.append(
        f'<form class="rk-answer" data-check="{node["check"]}" aria-label="Your answer: {html.escape(node["name"])}"'
        f'{axes} autocomplete="off" hidden><output class="rk-verdict" aria-live="polite"></output></form>\n'
    )
    raise nodes.SkipNode


class Predict(SphinxDirective):
    """``{predict} predict-slug-topic``: a question; what shows the answer waits for the reader's own.

    ``kind`` is number, vector, choice (with ``options``, separated by ``|``) or curve (with the names
    ``x`` and ``y`` of its axes).  The next dropdown named *Answer* waits, inside the directive or after it;
    ``releases: figure`` makes text, statements and cells up to the next figure wait, too, and what is said right
    after it; ``releases: cell`` and ``releases: statement`` what comes up to the next of these, and
    ``releases: section`` all up to the next question or the end of the section.
    """

    has_content = True
    required_arguments = 1
    option_spec = {  # noqa: RUF012
        "kind": lambda text: directives.choice(text, KINDS),
        "options": directives.unchanged_required,
        "x": directives.unchanged_required,
        "y": directives.unchanged_required,
        "releases": lambda text: directives.choice(text, (*RELEASED, "section")),
    }

    def run(self) -> list[nodes.Node]:
        label, kind = self.arguments[0], self.options.get("kind")
        if not label.startswith("predict-") or kind is None:
            raise self.error("predict needs a label that begins with predict-, and a kind")
        if ("options" in self.options) != (kind == "choice"):
            raise self.error("a choice has options, and nothing else has")
        question = nodes.admonition("", nodes.title("", "Predict first"), classes=["tip", "rk-predict"], ids=[label])
        question["kind"], question["label"], question["releases"] = kind, label, self.options.get("releases")
        question["options"] = [text.strip() for text in self.options.get("options", "").split("|") if text.strip()]
        self.set_source_info(question)
        self.state.nested_parse(self.content, self.content_offset, question)
        if question["options"]:
            items = (nodes.list_item("", nodes.paragraph("", text)) for text in question["options"])
            question += nodes.bullet_list("", *items, classes=["rk-options"])
        question += answer(check=label, name="a prediction", x=self.options.get("x"), y=self.options.get("y"))
        return [question]


def collect(app: Sphinx, doctree: nodes.document) -> None:
    """Give exercises their fields, hold back what waits for an answer, and keep the checks of the page."""
    env = app.env
    checks = env.book_records.get(env.docname, {}).get("checks", {})
    found = all_specs(env)[env.docname] = {}
    solutions = {node["target_label"]: node for node in doctree.findall(is_solution_node)}
    for exercise in list(doctree.findall(is_exercise_node)):
        label = exercise["label"]
        name = check_of(solutions[label]) if label in solutions else None
        if name in checks:
            found[label] = checks[name]["spec"]
            exercise.append(answer(check=label, name=exercise[0][-1].astext()))
            solutions[label]["classes"].append(f"rk-after-{label}")
    for question in list(doctree.findall(is_prediction)):
        label = question["label"]
        spec = checks.get(label.replace("-", "_"), {}).get("spec")
        if spec is None or not suits(question, spec):
            name = label.replace("-", "_")
            log.warning("predict: %s must be a check of this page, for a %s", name, question["kind"], location=question)
            continue
        found[label] = {**spec, "options": question["options"]} if question["options"] else spec
        for run in neighbouring(awaited(question)):
            group = nodes.container(classes=[f"rk-after-{label}"])
            run[0].parent.insert(run[0].parent.index(run[0]), group)
            for waiting in run:
                waiting.parent.remove(waiting)
                group += waiting


def is_prediction(node: nodes.Node) -> bool:
    """Return whether a node is a question to answer first."""
    return isinstance(node, nodes.admonition) and "rk-predict" in node["classes"]


def check_of(solution: nodes.Element) -> str | None:
    """Return the name of the check with which a solution ends."""
    cells = [node for node in solution.findall(nodes.container) if node.get("nb_element") == "cell_code_source"]
    last = cells[-1].astext().strip().splitlines()[-1] if cells else ""
    match = CHECKED.match(last)
    return match[1] if match else None


def suits(question: nodes.Element, spec: dict[str, Any]) -> bool:
    """Return whether a check can judge the answers to a question."""
    size = len(spec["values"])
    if question["kind"] == "choice":
        return spec["kind"] == "words" and size == 1 and spec["values"][0] in question["options"]
    if question["kind"] == "curve":
        return spec["kind"] == "curve"
    return spec["kind"] == "numbers" and (size == 1) == (question["kind"] == "number")


def awaited(question: nodes.Element) -> list[nodes.Element]:
    """Return what waits for an answer, in order: the dropdown named Answer, and cells with what is said after them."""
    after = question.parent[question.parent.index(question) + 1 :]
    inside = [node for node in question if isinstance(node, nodes.Element)]
    waiting = [node for node in (*inside, *after) if is_answer(node)][:1]
    kinds = is_cell, is_statement, is_of_statement
    if question["releases"] == "section":
        own = itertools.takewhile(lambda node: not (is_prediction(node) or isinstance(node, nodes.section)), after)
        waiting += [node for node in own if isinstance(node, TEXT) or any(kind(node) for kind in kinds)]
    elif question["releases"]:
        is_last = RELEASED[question["releases"]]
        last = next((i for i, node in enumerate(after) if is_last(node)), None)
        if last is None:
            log.warning("predict: no %s follows", question["releases"], location=question)
        else:
            following = itertools.dropwhile(lambda node: is_cell(node) or is_answer(node), after[last + 1 :])
            said = next(following, None)
            if is_statement(after[last]):
                last += sum(1 for _ in itertools.takewhile(is_of_statement, after[last + 1 :]))
            elif isinstance(said, nodes.paragraph):
                last = after.index(said)
            waiting += [
                node for node in after[: last + 1] if isinstance(node, TEXT) or any(kind(node) for kind in kinds)
            ]
    return sorted(waiting, key=lambda node: after.index(node) if node in after else -1)


def neighbouring(found: list[nodes.Element]) -> list[list[nodes.Element]]:
    """Return runs of nodes that follow each other."""
    runs: list[list[nodes.Element]] = []
    for node in found:
        before = runs[-1][-1] if runs else None
        if before is not None and before.parent[before.parent.index(before) + 1 :][:1] == [node]:
            runs[-1].append(node)
        else:
            runs.append([node])
    return runs


def is_answer(node: nodes.Element) -> bool:
    """Return whether a node is a dropdown named Answer."""
    return is_dropdown(node, "Answer")


def is_dropdown(node: nodes.Element, name: str) -> bool:
    """Return whether a node is a dropdown with a name."""
    return node.get("design_component") == "dropdown" and node[0].astext().startswith(name)


def is_statement(node: nodes.Element) -> bool:
    """Return whether a node is a theorem, a proposition or the like."""
    return "proof" in node.get("classes", ())


def is_of_statement(node: nodes.Element) -> bool:
    """Return whether a node is the evidence of a statement, or its proof."""
    return isinstance(node, evidence) or is_dropdown(node, "Proof")


def is_cell(node: nodes.Element) -> bool:
    """Return whether a node is a cell."""
    return "cell" in node.get("classes", ())


def is_figure(node: nodes.Element) -> bool:
    """Return whether a node is a cell that shows a picture."""
    if not is_cell(node):
        return False
    return any(node.findall(nodes.image)) or any("data-widget" in each.astext() for each in node.findall(nodes.raw))


RELEASED = {"figure": is_figure, "cell": is_cell, "statement": is_statement}


def all_specs(env: BuildEnvironment) -> dict[str, dict[str, Any]]:
    """Return the checks of each page, by label."""
    if not hasattr(env, "book_specs"):
        env.book_specs = {}
    return env.book_specs


def purge(app: Sphinx, env: BuildEnvironment, docname: str) -> None:
    """Forget a page that is about to be read again."""
    all_specs(env).pop(docname, None)


def merge(app: Sphinx, env: BuildEnvironment, docnames: list[str], other: BuildEnvironment) -> None:
    """Take over what a parallel reader found."""
    all_specs(env).update(all_specs(other))


def add_scripts(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None) -> None:
    """Give pages that ask something their scripts."""
    if all_specs(app.env).get(page):
        for script in SCRIPTS:
            app.add_js_file(script, loading_method="defer")


def write(app: Sphinx, exception: Exception | None) -> None:
    """Write the checks of all pages to one file."""
    if exception is None and app.builder.format == "html":
        found = {label: spec for page in sorted(all_specs(app.env)) for label, spec in all_specs(app.env)[page].items()}
        (Path(app.outdir) / "_static" / "checks.js").write_text(packed(found), encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to Sphinx."""
    app.add_node(answer, html=(visit_answer, None))
    app.add_directive("predict", Predict)
    app.connect("doctree-read", collect)
    app.connect("env-purge-doc", purge)
    app.connect("env-merge-info", merge)
    app.connect("html-page-context", add_scripts)
    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
