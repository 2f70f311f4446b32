"""`explore`: sliders over a matplotlib figure, live under a kernel and alive in the static page.

*Live* (a notebook with a person before it), each move of a slider draws the figure anew.
*Static* (the book's build, ``nbconvert``), every frame is drawn once and stored as its difference from the first;
a short script that travels with the figure swaps them, so a page needs no server, no library and no network.

The front end says which of the two it is: one that cannot ask its user for input has no user (the field
``allow_stdin`` of Jupyter's execute request, which ``nbclient``, and so every page builder, sets to false).
"""

import hashlib
import html
import itertools
import json
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

from rnnkernel import _checks
from rnnkernel.figures import COLORS
from rnnkernel.widgets import frames

MAX_FRAMES = 120
Slider = tuple[str, str, list[str], int]  # name, words, how each of its values is shown, and the place of the first

_repeated: Counter[str] = Counter()


def explore(
    draw: Callable[..., Any],
    *,
    alt: str,
    start: dict[str, Any] | None = None,
    labels: dict[str, str] | None = None,
    **controls: Any,
) -> "SliderFigure":
    """Put sliders over a figure: one for each keyword, over the values listed there.

    Parameters
    ----------
    draw : callable
        Called with one value for each control, by name; returns a matplotlib figure, always of the same size.
    alt : str
        What the picture shows, for readers who cannot see it.
    start : dict, optional
        The values shown first, by control; the first of its list where none is given.
    labels : dict, optional
        The words beside the sliders, by control.  Greek names turn into letters by themselves.
    **controls : sequence
        The values of each control, at least two.  All combinations together may be at most 120.

    Returns
    -------
    SliderFigure
        Shows itself as the last expression of a notebook cell.

    Raises
    ------
    TypeError, ValueError
        If a control is empty or unknown, there are too many frames, or `draw` returns no figure.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> def draw(slope):
    ...     figure = Figure()
    ...     figure.subplots().plot([0, 1], [0, slope])
    ...     return figure
    >>> explore(draw, alt="A line through the origin.", slope=[1, 2, 3], start={"slope": 2})
    SliderFigure(slope=[1, 2, 3])
    """
    return SliderFigure(draw, alt, controls, _checks.named("start", start), _checks.named("labels", labels))


class SliderFigure:
    """A figure with sliders; made by `explore`."""

    def __init__(self, draw: Any, alt: str, controls: dict[str, Any], start: Any, labels: Any) -> None:
        if not callable(draw):
            raise TypeError(f"draw must be a function that returns a figure, not {_checks.described(draw)}")
        if not isinstance(alt, str) or not alt.strip():
            raise ValueError(f"alt must say in words what the picture shows, not {_checks.described(alt)}")
        self.draw = draw
        self.alt = " ".join(alt.split())
        self.controls = _lists(controls)
        for name, given in (("start", start), ("labels", labels)):
            for key in given:
                if key not in self.controls:
                    raise ValueError(f"{name} must name controls ({', '.join(self.controls)}), not {key!r}")
        for key, value in start.items():
            if value not in self.controls[key]:
                allowed, wrong = self.controls[key], _checks.described(value)
                raise ValueError(f"start must give {key} one of its values {allowed}, not {wrong}")
        self.start = {key: start.get(key, values[0]) for key, values in self.controls.items()}
        self.labels = {key: labels.get(key, _label(key)) for key in self.controls}
        self._places = [values.index(self.start[key]) for key, values in self.controls.items()]
        self._texts = [[text_of(value) for value in values] for values in self.controls.values()]
        self._name = name_of("explore", self.alt, self.controls, self.start)
        # Draw now: an error while IPython displays a result is printed, but does not stop the notebook.
        self._page = self.to_html() if page_is_static() else None
        self._still = self._view(*self.start.values()) if self._page is None else ""

    def to_html(self) -> str:
        """Return the figure as HTML that needs no kernel, no library and no network."""
        combinations = list(itertools.product(*self.controls.values()))
        pictures = [frames.svg(self._drawn(*values)) for values in combinations]
        still = pictures[combinations.index(tuple(self.start.values()))]
        data = {"start": self._places, "texts": self._texts, **frames.film(pictures, still, self._name)}
        packed = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
        return (
            f"<style>{style()}</style>\n{self._figure(frames.markup(still), page=True)}\n"
            f'<script type="application/json">{packed}</script>\n'
            f"<script>(() => {{\n{script('share', 'explore')}}})();</script></figure>"
        )

    def to_widget(self) -> Any:
        """Return the figure as a widget, which draws anew at every move."""
        from rnnkernel.widgets.sliders import Sliders

        still = self._still or self._view(*self.start.values())
        lists = list(self.controls.values())
        return Sliders(f"{self._figure(still)}\n</figure>", lists, self._texts, self._places, self._view)

    def _repr_mimebundle_(self, **_options: Any) -> Any:
        if self._page is None:
            return self.to_widget()._repr_mimebundle_()
        picture = frames.png(self._drawn(*self.start.values()))
        return {"text/html": self._page, "image/png": picture, "text/plain": repr(self)}

    def __repr__(self) -> str:
        return f"SliderFigure({', '.join(f'{key}={values}' for key, values in self.controls.items())})"

    def _figure(self, picture: str, *, page: bool = False) -> str:
        sliders = [
            (key, self.labels[key], texts, place)
            for key, texts, place in zip(self.controls, self._texts, self._places, strict=True)
        ]
        return opened(self._name, "explore", sliders, self.alt, picture, page)

    def _drawn(self, *values: Any) -> Any:
        from matplotlib import pyplot as plt
        from matplotlib.figure import Figure

        try:
            figure = self.draw(**dict(zip(self.controls, values, strict=True)))
        except TypeError as error:
            raise TypeError(f"draw must be a function of {', '.join(self.controls)}: {error}") from error
        if not isinstance(figure, Figure):
            given = _checks.described(figure)
            raise TypeError(f"draw must return a matplotlib figure, not {given}: end it with `return fig`")
        plt.close(figure)
        return figure

    def _view(self, *values: Any) -> str:
        picture = frames.svg(self._drawn(*values))
        frames.share_definitions([picture], self._name)
        return frames.markup(picture)


def opened(
    name: str, widget: str, sliders: list[Slider], alt: str, picture: str, page: bool, buttons: str = "", more: str = ""
) -> str:
    """Return a figure with sliders up to its end; in a page it has a button that links to it.

    An explorable has more buttons, and more below its picture.
    """
    link = '<button type="button" class="rk-link">Link to this</button>' if page else ""
    state = ", ".join(f"{label}: {texts[place]}" for _, label, texts, place in sliders)
    return (
        f'<figure class="rk-explore{" rk-live" if more else ""}" id="{name}" data-widget="{widget}">\n'
        f'<div class="rk-controls" role="group" aria-label="Controls of the figure">\n'
        f"{''.join(_slider(f'{name}-{key}', key, label, texts, place) for key, label, texts, place in sliders)}"
        f'<div class="rk-buttons">{buttons}{link}<button type="button" class="rk-reset">Reset</button></div></div>\n'
        f'<div class="rk-view" role="img" aria-label="{html.escape(alt)}">{picture}</div>\n'
        f'{more}<p class="rk-state">{html.escape(state)}</p>'
    )


def _slider(name: str, key: str, label: str, texts: list[str], start: int) -> str:
    """Return a slider over the places of `texts`, its label before it and the text of its place after it."""
    return (
        f'<label for="{name}">{html.escape(label)}</label>'
        f'<input type="range" id="{name}" name="{key}" min="0" max="{len(texts) - 1}" step="1" value="{start}" '
        f'autocomplete="off" aria-valuetext="{html.escape(texts[start])}">'
        f'<output for="{name}" style="min-width: {max(map(len, texts))}ch">{html.escape(texts[start])}</output>\n'
    )


def _lists(controls: dict[str, Any]) -> dict[str, list[Any]]:
    """Check the controls and return their values as plain Python objects."""
    if not controls:
        raise ValueError("controls must name at least one slider, for example alpha=[0.5, 1.0]")
    lists = {}
    for key, values in controls.items():
        if isinstance(values, (str, bytes)) or not hasattr(values, "__iter__"):
            raise TypeError(f"{key} must be a list of values, not {_checks.described(values)}")
        listed = _checks.call(key, list, values)
        lists[key] = [value.item() if getattr(value, "ndim", None) == 0 else value for value in listed]
        if len(listed) < 2 or any(getattr(value, "ndim", 0) for value in listed):
            raise ValueError(f"{key} must list at least two values to choose from, not {_checks.described(values)}")
    count = math.prod(map(len, lists.values()))
    if count > MAX_FRAMES:
        sizes = " × ".join(f"{len(values)} ({key})" for key, values in lists.items())
        raise ValueError(f"controls must make at most {MAX_FRAMES} frames together, not {sizes} = {count}")
    return lists


def name_of(*content: Any) -> str:
    """Return a name for ids: in a page by content, the same in every build; under a kernel unlike that of any other."""
    name = f"rk-{hashlib.sha256(repr(content).encode()).hexdigest()[:8]}"
    if not page_is_static():
        return f"{name}-{uuid4().hex[:8]}"
    _repeated[name] += 1
    return name if _repeated[name] == 1 else f"{name}-{_repeated[name]}"


def page_is_static() -> bool:
    """Whether a page builder, not a person, runs this notebook."""
    from IPython.core.getipython import get_ipython

    request: dict[str, Any] = getattr(get_ipython(), "get_parent", dict)()
    return not request.get("content", {}).get("allow_stdin", True)


def _label(key: str) -> str:
    if key == "n_units":
        return "N"
    try:
        return unicodedata.lookup(f"GREEK SMALL LETTER {key}")
    except KeyError:
        return key.replace("_", " ")


def text_of(value: Any) -> str:
    """Return how a value is shown beside its slider."""
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return text if isinstance(value, str) else text.replace("-", "−")


def style(*more: str) -> str:
    """Return the style sheet of figures with sliders, with the palette and more sheets if named."""
    palette = " ".join(f"--rk-{role}: {color};" for role, color in COLORS.items())
    return f".rk-explore {{ {palette} }}\n" + "".join(asset(f"{name}.css") for name in ("explore", *more))


def script(*names: str) -> str:
    """Return modules of JavaScript as one, each after those that it imports."""
    return re.sub(r"^import .*\n|^export ", "", "".join(asset(f"{name}.js") for name in names), flags=re.MULTILINE)


@cache
def asset(name: str) -> str:
    """Return the text of a file that lies beside this one."""
    return (Path(__file__).parent / name).read_text(encoding="utf-8")
