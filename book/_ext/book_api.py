"""The API reference: every public name of rnnkernel, grouped by the file that holds it, from its docstring."""

import re
import sys
from itertools import groupby

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

import rnnkernel

ENTRY = """
```{{eval-rst}}
.. auto{kind}:: rnnkernel.{name}
```
"""
OUTSIDE_LITERALS = re.compile(r"(``.*?``)|\|")


def public_names() -> list[str]:
    """Return the names of rnnkernel's public objects, in the order in which their files are imported."""
    files = list(sys.modules)
    return sorted(rnnkernel.__all__, key=lambda name: files.index(_module(name)))


def _module(name: str) -> str:
    public = getattr(rnnkernel, name)
    return getattr(public, "__module__", None) or public.__name__


class PublicNames(SphinxDirective):
    """``{public-names}``: an entry for each public name, under the first line of its file's docstring."""

    def run(self) -> list[nodes.Node]:
        text = []
        for module, names in groupby(public_names(), key=_module):
            title, _, theory = sys.modules[module].__doc__.partition("\n")
            text += [f"## {title.rstrip('.')}\n", theory]
            for name in names:
                kind = "class" if isinstance(getattr(rnnkernel, name), type) else "function"
                text.append(ENTRY.format(kind=kind, name=name))
        return self.parse_text_to_nodes("\n".join(text), allow_section_headings=True)


def escape_bars(app: Sphinx, what: str, name: str, thing: object, options: object, lines: list[str]) -> None:
    """Keep the bars of |x| and E|B|, which reStructuredText takes for a substitution."""
    literal = False
    for i, line in enumerate(lines):
        literal = line.lstrip().startswith((">>>", "...")) or (literal and bool(line.strip()))
        if not literal:
            lines[i] = OUTSIDE_LITERALS.sub(lambda match: match[1] or r"\|", line)


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to Sphinx."""
    app.connect("autodoc-process-docstring", escape_bars, priority=400)
    app.add_directive("public-names", PublicNames)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
