"""`explore`: sliders over a matplotlib figure, live under a kernel and alive in the static page.

*Live* (a notebook with a person before it), each move of a slider draws the figure anew.
*Static* (the book's build, ``nbconvert``), every frame is drawn once and stored as its difference from the first;
a short script that travels with the figure swaps them, so a page needs no server, no library and no network.
"""

import itertools
import json
import math
import unicodedata
from collections.abc import Callable
from typing import Any

import traitlets

from rnnkernel import _checks
from rnnkernel.widgets import frames
from rnnkernel.widgets.sliders import Sliders, asset, script, style, text_of

MAX_FRAMES = 120


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


class SliderFigure(Sliders):
    """A figure with sliders that is drawn anew at every move; made by `explore`.

    `places` says where they stand, each in its list.
    """

    name = "explore"
    _esm = asset("sliders.js")
    _css = style()

    places: Any = traitlets.List(traitlets.Int()).tag(sync=True)
    _texts: Any = traitlets.List().tag(sync=True)
    _start: Any = traitlets.List().tag(sync=True)

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
        places = [values.index(self.start[key]) for key, values in self.controls.items()]
        texts = [[text_of(value) for value in values] for values in self.controls.values()]
        words = [labels.get(key, _label(key)) for key in self.controls]
        self._sliders = list(zip(self.controls, words, texts, places, strict=True))
        super().__init__(self.alt, self.controls, self.start, places=places, _start=places, _texts=texts)
        self._show("" if self._static else f"{self._opened(self.picture())}\n</figure>")
        self.on_msg(self._asked)

    def to_html(self) -> str:
        """Return the figure as HTML that needs no kernel, no library and no network."""
        combinations = list(itertools.product(*self.controls.values()))
        pictures = [frames.svg(self._drawn(*values)) for values in combinations]
        still = pictures[combinations.index(tuple(self.start.values()))]
        data = {"start": self._start, "texts": self._texts, **frames.film(pictures, still, self._id)}
        packed = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
        return (
            f"<style>{style()}</style>\n{self._opened(frames.markup(still), page=True)}\n"
            f'<script type="application/json">{packed}</script>\n'
            f"<script>(() => {{\n{script('share', 'explore')}}})();</script></figure>"
        )

    def __repr__(self) -> str:
        return f"SliderFigure({', '.join(f'{key}={values}' for key, values in self.controls.items())})"

    @traitlets.validate("places")
    def _within(self, proposal: Any) -> Any:
        places, sizes = proposal["value"], [len(values) for values in self.controls.values()]
        if len(places) != len(sizes) or any(not 0 <= place < n for place, n in zip(places, sizes, strict=True)):
            raise traitlets.TraitError(f"places must be one of {sizes} for each slider")
        return places

    def _asked(self, _widget: Any, message: dict[str, Any], _buffers: Any) -> None:
        try:
            self.places = message["draw"]
            self.send({"picture": self.picture()})
        except Exception as problem:  # whatever a reader's own function may do: the page must not wait for ever
            self.send({"problem": f"This picture could not be drawn: {problem}"})
            raise

    def _drawn(self, *values: Any) -> Any:
        from matplotlib import pyplot as plt
        from matplotlib.figure import Figure

        values = values or tuple(each[place] for place, each in zip(self.places, self.controls.values(), strict=True))
        try:
            figure = self.draw(**dict(zip(self.controls, values, strict=True)))
        except TypeError as error:
            raise TypeError(f"draw must be a function of {', '.join(self.controls)}: {error}") from error
        if not isinstance(figure, Figure):
            given = _checks.described(figure)
            raise TypeError(f"draw must return a matplotlib figure, not {given}: end it with `return fig`")
        plt.close(figure)
        return figure


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


def _label(key: str) -> str:
    if key == "n_units":
        return "N"
    try:
        return unicodedata.lookup(f"GREEK SMALL LETTER {key}")
    except KeyError:
        return key.replace("_", " ")
