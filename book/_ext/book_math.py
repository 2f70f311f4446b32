r"""Formulas as MathML, made when the book is built: a page needs no script to show them, and nothing moves in it.

Temml (``_static/temml``, MIT) turns TeX into MathML, in a JavaScript engine inside this process.  The TeX stays with
each formula, as its annotation: for who copies it, and for the notebooks that are made from the pages.
"""

import html
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import dukpy
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.locale import _
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

TEMML = Path(__file__).parents[1] / "_static" / "temml" / "temml.min.js"
RENDER = "temml.renderToString(dukpy.tex, {displayMode: dukpy.display, annotate: true, throwOnError: true})"
SCRIPTS = ("msub", "msup", "msubsup", "munder", "mover", "munderover")
LOW, DEEP, BARS = "acegimnopqrsuvwxyzαγεικμνοπρστυχωϵ", "gjpqyβγζημξρφχψϱ", ("|", "‖")  # small; below the line; bars
# Chromium takes each bracket that can grow for as wide as the widest: the widths of \big, \Big, \bigg, and the widest.
SIZES = ("1.2em", "1.8em", "2.4em")
WIDTHS = {
    **dict.fromkeys("()", (0.458, 0.597, 0.736, 0.875)),
    **dict.fromkeys("[]", (0.417, 0.472, 0.528, 0.667)),
    **dict.fromkeys("⟨⟩", (0.472, 0.611, 0.75, 0.908)),
}
LONG, BREAKS, DOTS = 20, frozenset("=<>≤≥≈∼→↦≡∈+−⋅"), ("…", "⋯")
APPLIED = "\N{FUNCTION APPLICATION}"
OPERANDS = ("mi", "mn", "mfrac", "msqrt", "mover", "mrow", *SCRIPTS[:3])
ENVIRONMENT = re.compile(r"\\begin\{(\w+\*?)\}.*\\end\{\1\}[^a-z]*$", re.DOTALL)
OPENING, CLOSING = re.compile(r"[(\[“]+$"), re.compile(r"[.,;:!?)\]”’]+")
ANNOTATION, TAG = re.compile(r"<annotation.*?</annotation>", re.DOTALL), re.compile(r"<[^>]*>")
log = logging.getLogger(__name__)


@cache
def engine() -> dukpy.JSInterpreter:
    """Return the engine, with Temml in it."""
    interpreter = dukpy.JSInterpreter()
    interpreter.evaljs(f"{TEMML.read_text(encoding='utf-8')}; 0")
    return interpreter


@cache
def mathml(tex: str, display: bool) -> str:
    """Return a formula as MathML; one that is no TeX raises ``dukpy.JSRuntimeError``."""
    found = engine().evaljs(RENDER, tex=tex, display=display).replace("‾", "¯")  # the bar that the font has
    formula = ElementTree.fromstring(found)
    formula.attrib.pop("style", None)
    set_as_tex(formula)
    if not display and formula[0][0].tag == "mrow":
        set_in_line(formula, formula[0][0])
    return ElementTree.tostring(formula, encoding="unicode", short_empty_elements=False)


def set_in_line(formula: ElementTree.Element, row: ElementTree.Element) -> None:
    """Take the spaces at the ends of a formula in a line, and make parts of a long one, between which it may break."""
    for place, side in ((0, "lspace"), (-1, "rspace")):
        sign = row[place]
        while sign.tag in SCRIPTS:
            sign = sign[0]
        if sign.tag == "mo" and "form" not in sign.attrib:
            sign.set(side, "0")
    if len("".join(row.itertext())) >= LONG:
        parts: list[ElementTree.Element] = []
        for child in flat(row):
            if child.text in BREAKS and parts:
                child.set("form", "infix")
            if child.text in BREAKS or not parts:
                parts.append(ElementTree.Element("mrow"))
            parts[-1].append(child)
        row[:] = parts
        formula.set("class", "rk-long")


def flat(row: ElementTree.Element) -> Iterator[ElementTree.Element]:
    """Yield the parts of a row, and for a long bracket its own."""
    for child in row:
        if child.tag == "mrow" and len("".join(child.itertext())) >= LONG // 2:
            yield from flat(child)
        else:
            yield child


def set_as_tex(element: ElementTree.Element, in_script: bool = False) -> None:
    """Set signs, names of functions and scripts as TeX does: Temml leaves to the browser what no browser does."""
    for place, child in enumerate(element):
        script = in_script or (element.tag in SCRIPTS and place > 0)
        if child.tag == "mo" and (script or ("fence" in child.attrib and "form" not in child.attrib)):
            child.attrib |= {"lspace": "0", "rspace": "0"}
        if child.text in DOTS:
            child.attrib |= {"lspace": "0", "rspace": "0"}
        if child.get("minsize") in SIZES and child.text in WIDTHS:
            widths = WIDTHS[child.text]
            child.set("style", f"--rk-excess: {(widths[-1] - widths[SIZES.index(child.get('minsize'))]) / 2:.3f}em")
        set_as_tex(child, script)
    if element.tag == "mrow":
        element[:] = list(spaced(list(element)))
    if size := size_for_scripts(element):
        base = ElementTree.Element("mpadded", size)
        base.append(element[0])
        element[0] = base


def spaced(row: list[ElementTree.Element]) -> Iterator[ElementTree.Element]:
    """Yield the parts of a row, with thin spaces around the names of functions where TeX has them."""
    for before, part, after in zip([None, *row], row, [*row[1:], None], strict=False):
        inside = [each.text for each in part] if part.tag == "mrow" else []  # some names have rows of their own
        begins = (after is not None and after.text == APPLIED) or inside[1:2] == [APPLIED]
        ends = part.text == APPLIED or inside[-1:] == [APPLIED]
        if begins and before is not None and (before.tag in OPERANDS or before.get("form") == "postfix"):
            yield ElementTree.Element("mspace", width="0.1667em")
        yield part
        if ends and after is not None and after.text in BARS:
            yield ElementTree.Element("mspace", width="0.1667em")


def size_for_scripts(element: ElementTree.Element) -> dict[str, str]:
    """Return what the base of scripts counts for where no accent, bracket or descender is to move them."""
    if element.tag not in SCRIPTS[:3]:
        return {}
    base = element[0]
    if base.tag == "mover" and base[0].tag == "mi":
        element[-1].set("class", "tml-lrg-pad")
        depth = {"depth": "0"} if base[0].text in DEEP else {}
        return {"height": "0.5em" if base[0].text in LOW else "0.76em", **depth}
    if base.tag == "mrow" and base[-1].get("stretchy") == "false":
        return {"height": "0.75em", "depth": "0.05em"}
    if base.tag == "mi" and (base.text in BARS or (base.text in DEEP and element.tag == "msub")):
        return {"depth": "0"}
    return {}


def lines(tex: str) -> str:
    r"""Return a displayed formula, with an environment for its lines where ``\\`` stands bare."""
    bare = r"\\" in tex and not ENVIRONMENT.match(tex)
    return f"\\begin{{split}}\n{tex}\n\\end{{split}}" if bare else tex


def signs(tex: str, display: bool) -> str:
    """Return the signs of a formula, one after the other."""
    try:
        return html.unescape(TAG.sub("", ANNOTATION.sub("", mathml(lines(tex) if display else tex, display))))
    except dukpy.JSRuntimeError:  # about which there is a warning
        return tex


def rendered(self: Any, node: nodes.Element, tex: str, display: bool) -> str:
    """Return the MathML of a node; complain if there is none."""
    try:
        return mathml(tex, display)
    except dukpy.JSRuntimeError as error:
        log.warning("formula: %s", str(error).partition("\n")[0], location=node)
        return f"<code>{self.encode(tex)}</code>"


def visit_math(self: Any, node: nodes.math) -> None:
    """Write a formula in a line."""
    tag = self.starttag(node, "span", "", CLASS="math notranslate nohighlight")
    self.body.append(f"{tag}{rendered(self, node, node.astext(), False)}</span>")
    raise nodes.SkipNode


def visit_math_block(self: Any, node: nodes.math_block) -> None:
    """Write a displayed formula, after its number."""
    self.body.append(self.starttag(node, "div", CLASS="math notranslate nohighlight"))
    if node["number"]:
        self.body.append(f'<span class="eqno">({get_node_equation_number(self, node)})')
        self.add_permalink_ref(node, _("Link to this equation"))
        self.body.append("</span>")
    self.body.append(f"{rendered(self, node, lines(node.astext().strip()), True)}</div>\n")
    raise nodes.SkipNode


class KeepTogether(SphinxPostTransform):
    """No line begins with the comma after a formula or ends with the bracket before it, as browsers would have it."""

    default_priority = 900
    formats = ("html",)

    def run(self, **kwargs: object) -> None:
        for formula in list(self.document.findall(nodes.math)):
            parent = formula.parent
            at = parent.index(formula)
            before, after = (parent[i] if 0 <= i < len(parent) else None for i in (at - 1, at + 1))
            opening = OPENING.search(before) if isinstance(before, nodes.Text) else None
            closing = CLOSING.match(after) if isinstance(after, nodes.Text) else None
            if not opening and not closing:
                continue
            unbroken = nodes.inline("", classes=["unbroken"])
            formula.replace_self(unbroken)
            if opening:
                parent[at - 1] = nodes.Text(before[: opening.start()])
                unbroken += nodes.Text(opening[0])
            unbroken += formula
            if closing:
                parent[at + 1] = nodes.Text(after[closing.end() :])
                unbroken += nodes.Text(closing[0])


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to Sphinx."""
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_math_block, None))
    app.config.html_math_renderer = "mathml"
    app.add_post_transform(KeepTogether)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
