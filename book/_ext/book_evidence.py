"""What stands behind a statement: the function that computes it and the test that fails if they disagree.

``{evidence}`` follows a theorem, proposition, lemma or corollary.  ``{cited-tests}`` prints the source of every
test that some page cites, so that evidence links stay inside the book.
"""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

ROOT = Path(__file__).parents[2]
STATEMENTS = {"theorem", "proposition", "lemma", "corollary"}
log = logging.getLogger(__name__)


def source_of(test: str) -> str | None:
    """Return the source of a test named as pytest does, ``tests/file.py::Class::test``, or None if there is none."""
    file, *names = test.split("::")
    path = ROOT / file
    if not names or not file.startswith("tests/") or not path.is_file():
        return None
    text = path.read_text()
    node: ast.AST = ast.parse(text)
    for name in names:
        node = next((child for child in ast.iter_child_nodes(node) if getattr(child, "name", None) == name), None)
        if node is None:
            return None
    lines = text.splitlines()
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    return "\n".join(lines[first - 1 : node.end_lineno])


def anchor(test: str) -> str:
    """Return the id of a test's entry on the page of tests."""
    return nodes.make_id(test.removeprefix("tests/"))


class evidence(nodes.General, nodes.Element):
    """The line under a statement, with the statement's label once it is known."""


class cited_tests(nodes.General, nodes.Element):
    """The place of the list of tests."""


class test_link(nodes.Inline, nodes.TextElement):
    """A link to a test's entry, resolved when all pages have been read."""


class Evidence(SphinxDirective):
    """``{evidence}`` with the options ``computed-by`` and ``verified-by``, each a list separated by commas."""

    option_spec = {  # noqa: RUF012
        "computed-by": directives.unchanged_required,
        "verified-by": directives.unchanged_required,
    }

    def run(self) -> list[nodes.Node]:
        computed, verified = (
            [target.strip() for target in self.options.get(option, "").split(",") if target.strip()]
            for option in ("computed-by", "verified-by")
        )
        if not computed or not verified:
            raise self.error("evidence needs both computed-by and verified-by")
        for test in verified:
            self.env.note_dependency(str(ROOT / test.split("::")[0]))
            if source_of(test) is None:
                log.warning("evidence: there is no test %s", test, location=self.get_location())
        line = nodes.paragraph("", "Computed by ", classes=["evidence"])
        line += between(self.function(name) for name in computed)
        line += nodes.Text(" · Verified by ")
        line += between(test_link("", test.split("::")[-1], test=test) for test in verified)
        return [evidence("", line, tests=verified)]

    def function(self, name: str) -> nodes.Node:
        """Return a link to the API entry of a function, class or attribute."""
        text = nodes.literal("", name.removeprefix("rnnkernel."), classes=["xref", "py"])
        return pending_xref(
            "", text, refdomain="py", reftype="obj", reftarget=name, refdoc=self.env.docname, refwarn=True
        )


def between(links: Iterator[nodes.Node]) -> list[nodes.Node]:
    """Return the links with commas between them."""
    return [node for link in links for node in (nodes.Text(", "), link)][1:]


class CitedTests(SphinxDirective):
    """``{cited-tests}``: the page of tests, read again whenever a test file changes."""

    def run(self) -> list[nodes.Node]:
        for path in ROOT.glob("tests/**/*.py"):
            self.env.note_dependency(str(path))
        self.env.tests_page = self.env.docname
        return [cited_tests()]


def collect(app: Sphinx, doctree: nodes.document) -> None:
    """Record which statements cite which tests; complain about evidence that follows no statement."""
    env = app.env
    for section in doctree.findall(nodes.section):
        if section["ids"] == ["proof-content"]:  # sphinx-proof gives every statement this same id
            section["ids"] = [f"{next(iter(section.parent['ids']), 'proof')}-content"]
    for node in doctree.findall(evidence):
        siblings = node.parent.children
        before = siblings[siblings.index(node) - 1]
        if not STATEMENTS & set(before.get("classes", [])) or not before.get("ids"):
            log.warning("evidence must follow a labelled statement at once", location=node)
            continue
        for test in node["tests"]:
            citations(env)[env.docname].append((test, before["ids"][0]))


def citations(env: BuildEnvironment) -> dict[str, list[tuple[str, str]]]:
    """Return (test, label) pairs of each page."""
    if not hasattr(env, "evidence_citations"):
        env.evidence_citations = defaultdict(list)
    return env.evidence_citations


def purge(app: Sphinx, env: BuildEnvironment, docname: str) -> None:
    """Forget a page that is about to be read again."""
    citations(env).pop(docname, None)
    env.evidence_changed = True


def merge(app: Sphinx, env: BuildEnvironment, docnames: list[str], other: BuildEnvironment) -> None:
    """Take over what a parallel reader found."""
    citations(env).update(citations(other))


def rewrite_tests_page(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Write the page of tests again whenever some other page was read."""
    changed, env.evidence_changed = getattr(env, "evidence_changed", False), False
    page = getattr(env, "tests_page", None)
    return [page] if changed and page in env.found_docs else []


class ResolveEvidence(SphinxPostTransform):
    """Turn the placeholders into links and into the list of tests."""

    default_priority = 5

    def run(self, **kwargs: object) -> None:
        page = getattr(self.env, "tests_page", None)
        for node in list(self.document.findall(evidence)):
            node.replace_self(node.children)
        for node in list(self.document.findall(test_link)):
            text = nodes.literal("", node.astext())
            if page is None:
                node.replace_self(text)
                continue
            base = self.app.builder.get_relative_uri(self.env.docname, page)
            node.replace_self(nodes.reference("", "", text, internal=True, refuri=f"{base}#{anchor(node['test'])}"))
        for node in list(self.document.findall(cited_tests)):
            node.replace_self(list(self.entries()))

    def entries(self) -> Iterator[nodes.Node]:
        """Yield one section for each test, with what it verifies and its source."""
        cited_by = defaultdict(list)
        for _, pairs in sorted(citations(self.env).items()):
            for test, label in pairs:
                cited_by[test].append(label)
        for test in sorted(cited_by):
            source = source_of(test)
            if source is None:
                continue
            entry = nodes.container("", ids=[anchor(test)], classes=["cited-test"])
            links = between(self.statement(label) for label in cited_by[test])
            name = nodes.strong("", "", nodes.literal("", test))
            entry += nodes.paragraph("", "", name, nodes.Text(" verifies "), *links)
            entry += nodes.literal_block(source, source, language="text")  # colours are sixty thousand elements
            yield entry

    def statement(self, label: str) -> nodes.Node:
        """Return a link to a statement."""
        target = {"refdomain": "prf", "reftype": "ref", "reftarget": label, "refdoc": self.env.docname}
        return pending_xref("", nodes.inline("", label), refexplicit=False, refwarn=True, **target)


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to Sphinx."""
    app.add_node(evidence)
    app.add_node(cited_tests)
    app.add_node(test_link)
    app.add_directive("evidence", Evidence)
    app.add_directive("cited-tests", CitedTests)
    app.connect("doctree-read", collect)
    app.connect("env-purge-doc", purge)
    app.connect("env-merge-info", merge)
    app.connect("env-updated", rewrite_tests_page)
    app.add_post_transform(ResolveEvidence)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
