"""The API reference: every public name of rnnkernel, in the order that the page gives, from its docstring."""

import re
from importlib import import_module
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
OUTSIDE_LITERALS = re.compile(r"(``.*?``)|\|")


def directive(name: str) -> str:
    """Return the autodoc directive for a public name."""
    public = getattr(rnnkernel, name)
    if isinstance(public, ModuleType):
        return f".. automodule:: {public.__name__}\n"
    kind = "function" if not isinstance(public, type) else "exception" if issubclass(public, Exception) else "class"
    ours = [base for base in getattr(public, "__bases__", ()) if base.__module__.startswith("rnnkernel.")]
    hidden = any(base.__name__ not in (*rnnkernel.__all__, "Immutable") for base in ours)
    options = "   :inherited-members: Immutable\n" if hidden else ""  # what a hidden class does for its public ones
    return f".. auto{kind}:: rnnkernel.{name}\n{options}"


class PublicNames(SphinxDirective):
    """``{public-names}``: its lines are files of the package and their public names, all of them, each once."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        files = dict(line.split(": ") for line in self.content)
        listed = [name for names in files.values() for name in names.split(", ")]
        if sorted(listed) != sorted(rnnkernel.__all__):
            raise self.error(f"not each public name once: {set(listed) ^ set(rnnkernel.__all__) or sorted(listed)}")
        parts = []
        for file, names in files.items():
            entries = [directive(name) for name in names.split(", ")]
            if not entries[0].startswith(".. automodule"):
                lines = import_module(f"rnnkernel.{file}").__doc__.splitlines()
                escape_bars(lines)
                entries = ["\n".join(lines) + "\n", *entries]
            title = file.rpartition(".")[2].capitalize()
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
