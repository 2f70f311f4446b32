"""Pictures for a page: matplotlib figures as clean SVG, and many frames as one picture with its changes."""

import base64
import io
import re
from typing import Any
from xml.etree import ElementTree

Svg = ElementTree.Element
Change = tuple[int, str, Any]  # (node, attribute, text) or (node, "", markup of each new child)


def svg(figure: Any) -> Svg:
    """Return a matplotlib figure as SVG to stand within a page: short numbers, no metadata, no style that leaks."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    buffer = io.BytesIO()
    canvas: Any = FigureCanvasSVG(figure)  # `savefig` would draw twice, first for the layout alone
    with rc_context({"svg.fonttype": "path", "svg.hashsalt": "rnnkernel"}):
        canvas.print_svg(buffer)
    root = ElementTree.fromstring(buffer.getvalue())
    for element in root.iter():
        element.tag = _local(element.tag)
        element.attrib = {_local(key): _short(key, value) for key, value in element.attrib.items()}
        element.text = element.tail = None
        for child in list(element):
            if _local(child.tag) in ("metadata", "style"):
                element.remove(child)
    for key in ("width", "height"):  # in pixels: a page without any style sheet shows it in the right size too
        root.set(key, f"{float(root.attrib[key].removesuffix('pt')) * 4 / 3:.0f}")
    root.attrib.pop("version", None)
    root.set("style", "stroke-linejoin: round; stroke-linecap: butt")
    return root


def png(figure: Any) -> str:
    """Return a matplotlib figure as a PNG in base64, for notebooks that are not trusted: they show no SVG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    buffer = io.BytesIO()
    canvas: Any = FigureCanvasAgg(figure)
    canvas.print_png(buffer)
    return base64.b64encode(buffer.getvalue()).decode()


def film(pictures: list[Svg], still: Svg, name: str) -> dict[str, Any]:
    """Return for each picture its changes from the still, with every text stored once, in a pool.

    The pictures are changed in place: their definitions become shared, under names that start with `name`.
    """
    share_definitions(pictures, name)
    pool: dict[str, int] = {}

    def pooled(new: Any) -> Any:
        return [pooled(child) for child in new] if isinstance(new, list) else pool.setdefault(new, len(pool))

    packed = [[(node, key, pooled(new)) for node, key, new in changes(still, picture)] for picture in pictures]
    return {"frames": packed, "pool": list(pool)}


def markup(element: Svg) -> str:
    """Return an element as text."""
    return ElementTree.tostring(element, encoding="unicode")


def share_definitions(frames: list[Svg], prefix: str) -> None:
    """Collect the glyphs, markers and clip paths of all frames in one ``<defs>``, which opens every frame.

    Names become `prefix` and a number, the same for the same content, and names that nothing refers to are dropped.
    """
    numbers: dict[str, int] = {}
    for frame in frames:
        names = {}
        for parent in list(frame.iter()):
            for defs in parent.findall("defs"):
                parent.remove(defs)
                for definition in defs:
                    name = definition.attrib.pop("id")
                    names[name] = f"{prefix}-{numbers.setdefault(markup(definition), len(numbers))}"
        for element in frame.iter():
            element.attrib.pop("id", None)
            for key, value in element.attrib.items():
                element.set(key, _renamed(value, names))
    for frame in frames:
        shared = ElementTree.Element("defs")
        for text, number in numbers.items():
            definition = ElementTree.fromstring(text)
            definition.set("id", f"{prefix}-{number}")
            shared.append(definition)
        frame.insert(0, shared)


def changes(base: Svg, other: Svg) -> list[Change]:
    """Return what must be changed in `base` to get `other`; nodes count from 0 in document order.

    Where two elements have the same children, by tag and attribute names, their attributes are compared one by one;
    elsewhere all children are replaced.
    """
    node = {id(element): index for index, element in enumerate(base.iter())}

    def compare(old: Svg, new: Svg) -> list[Change]:
        found: list[Change] = [
            (node[id(old)], key, new.attrib[key]) for key, value in old.items() if value != new.attrib[key]
        ]
        if [_shape(child) for child in old] != [_shape(child) for child in new]:
            return [*found, (node[id(old)], "", [markup(child) for child in new])]
        return found + [change for pair in zip(old, new, strict=True) for change in compare(*pair)]

    if _shape(base) != _shape(other) or base.get("viewBox") != other.get("viewBox"):
        raise ValueError(f"frames must all have the same size, not {base.get('viewBox')} and {other.get('viewBox')}")
    return compare(base, other)


def _shape(element: Svg) -> tuple[str, tuple[str, ...]]:
    return element.tag, tuple(sorted(element.keys()))


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def _short(key: str, value: str) -> str:
    """Round coordinates to hundredths of a point; other numbers (scales, widths) stay."""
    if key not in ("d", "x", "y", "points"):
        return value
    rounded = re.sub(r"-?\d+\.\d{3,}", lambda number: f"{float(number[0]):.2f}".rstrip("0").rstrip("."), value)
    return " ".join(rounded.split())


def _renamed(value: str, names: dict[str, str]) -> str:
    return re.sub(r"(?<=url\(#)[^)]+|(?<=^#).+", lambda name: names[name[0]], value) if "#" in value else value
