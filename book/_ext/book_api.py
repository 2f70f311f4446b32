"""The API reference: every public name of rnnkernel, grouped by the file that holds it, from its docstring."""

import re
import sys
from itertools import groupby
from types import ModuleType

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

import rnnkernel

PART = """
## {title}

```{{eval-rst}}
{rst}
```
"""
FOR_THE_BOOK = ("rnnkernel.exercises", "rnnkernel.figures", "rnnkernel.widgets")
OUTSIDE_LITERALS = re.compile(r"(``.*?``)|\|")


def public_names() -> list[str]:
    """Return the public names in the order in which their files are imported, those for the book last."""
    files = sorted(sys.modules, key=lambda file: file.startswith(FOR_THE_BOOK))
    return sorted(rnnkernel.__all__, key=lambda name: files.index(home(name)))


def home(name: str) -> str:
    """Return the file of a public name, as a module path."""
    public = getattr(rnnkernel, name)
    return public.__name__ if isinstance(public, ModuleType) else public.__module__


def directive(name: str) -> str:
    """Return the autodoc directive for a public name."""
    public = getattr(rnnkernel, name)
    if isinstance(public, ModuleType):
        return f".. automodule:: {public.__name__}\n"
    kind = "function" if not isinstance(public, type) else "exception" if issubclass(public, Exception) else "class"
    return f".. auto{kind}:: rnnkernel.{name}\n"


class PublicNames(SphinxDirective):
    """``{public-names}``: an entry for each public name, under the docstring of its file."""

    def run(self) -> list[nodes.Node]:
        parts = []
        for module, names in groupby(public_names(), key=home):
            entries = [directive(name) for name in names]
            if not entries[0].startswith(".. automodule"):
                lines = sys.modules[module].__doc__.splitlines()
                escape_bars(lines)
                entries = ["\n".join(lines) + "\n", *entries]
            title = module.rpartition(".")[2].capitalize()
            parts.append(PART.format(title=title, rst="\n".join(entries)))
        return self.parse_text_to_nodes("\n".join(parts), allow_section_headings=True)


def escape_bars(lines: list[str]) -> None:
    """Keep the bars of |x| and E|B|, which reStructuredText takes for a substitution."""
    literal = False
    for i, line in enumerate(lines):
        literal = line.lstrip().startswith((">>>", "...")) or (literal and bool(line.strip()))
        if not literal:
            lines[i] = OUTSIDE_LITERALS.sub(lambda match: match[1] or r"\|", line)


def prepare(app: Sphinx, what: str, name: str, thing: object, options: object, lines: list[str]) -> None:
    """Prepare a docstring for reStructuredText."""
    escape_bars(lines)


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to Sphinx."""
    app.connect("autodoc-process-docstring", prepare, priority=400)
    app.add_directive("public-names", PublicNames)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
