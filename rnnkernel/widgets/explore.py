"""`explore`: sliders over a matplotlib figure, live under a kernel and alive in the static page.

*Live* (a notebook with a person before it), the sliders are ipywidgets and each move draws the figure anew.
*Static* (the book's build, ``nbconvert``), every frame is drawn once and stored as its difference from the first;
a short script that travels with the figure swaps them, so a page needs no server, no library and no network.

The front end says which of the two it is: one that cannot ask its user for input has no user (the field
``allow_stdin`` of Jupyter's execute request, which ``nbclient``, and so every page builder, sets to false).
"""

import html
import itertools
import json
import math
import re
import unicodedata
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from rnnkernel.figures import COLORS
from rnnkernel.widgets import frames

MAX_FRAMES = 120

_serial = itertools.count(1)


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
    return SliderFigure(draw, alt, controls, start or {}, labels or {})


class SliderFigure:
    """A figure with sliders; made by `explore`."""

    def __init__(
        self,
        draw: Callable[..., Any],
        alt: str,
        controls: dict[str, Any],
        start: dict[str, Any],
        labels: dict[str, str],
    ) -> None:
        if not callable(draw):
            raise TypeError(f"draw must be a function that returns a figure, not {draw!r}")
        if not isinstance(alt, str) or not alt.strip():
            raise ValueError(f"alt must say in words what the picture shows, not {alt!r}")
        self.draw = draw
        self.alt = " ".join(alt.split())
        self.controls = _lists(controls)
        for name, given in (("start", start), ("labels", labels)):
            for key in given:
                if key not in self.controls:
                    raise ValueError(f"{name} must name controls ({', '.join(self.controls)}), not {key!r}")
        for key, value in start.items():
            if value not in self.controls[key]:
                raise ValueError(f"start must give {key} one of its values {self.controls[key]}, not {value!r}")
        self.start = {key: start.get(key, values[0]) for key, values in self.controls.items()}
        self.labels = {key: labels.get(key, _label(key)) for key in self.controls}
        self._name = f"rk{next(_serial)}"
        # Draw now: an error while IPython displays a result is printed, but does not stop the notebook.
        self._page = self.to_html() if page_is_static() else None
        self._still = self._view(self.start) if self._page is None else ""

    def to_html(self) -> str:
        """Return the figure as HTML that needs no kernel, no library and no network."""
        keys, lists = list(self.controls), list(self.controls.values())
        pictures = [self._svg(dict(zip(keys, values, strict=True))) for values in itertools.product(*lists)]
        start = [values.index(self.start[key]) for key, values in self.controls.items()]
        still = pictures[_position(start, [len(values) for values in lists])]
        film = frames.film(pictures, still, self._name)
        data = {"start": start, "texts": [[text_of(value) for value in values] for values in lists], **film}
        packed = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
        state = ", ".join(f"{self.labels[key]}: {text_of(self.start[key])}" for key in keys)
        sliders = (
            slider(f"{self._name}-{key}", key, self.labels[key], texts, place)
            for key, texts, place in zip(keys, data["texts"], start, strict=True)
        )
        return (
            f'<figure class="rk-explore" id="{self._name}" data-widget="explore">\n'
            f"<style>{style()}</style>\n"
            f'<div class="rk-controls" role="group" aria-label="Controls of the figure">\n'
            f'{"".join(sliders)}<div class="rk-buttons"><button type="button" class="rk-link">Link to this</button>'
            f'<button type="button" class="rk-reset">Reset</button></div></div>\n'
            f'<div class="rk-view" role="img" aria-label="{html.escape(self.alt)}">{frames.markup(still)}</div>\n'
            f'<p class="rk-state">{html.escape(state)}</p>\n'
            f'<script type="application/json">{packed}</script>\n'
            f"<script>(() => {{\n{script('share', 'explore')}}})();</script></figure>"
        )

    def to_widget(self) -> Any:
        """Return the figure as an ipywidget, which draws anew at every move."""
        import ipywidgets

        picture = ipywidgets.HTML(self._still or self._view(self.start))
        sliders = {
            key: ipywidgets.SelectionSlider(
                options=[(text_of(value), value) for value in values],
                value=self.start[key],
                description=self.labels[key],
                style={"description_width": "initial"},
                layout={"width": "26em", "max_width": "100%"},
            )
            for key, values in self.controls.items()
        }
        reset = ipywidgets.Button(description="Reset", layout={"width": "6em"})

        def show(_change: Any) -> None:
            picture.value = self._view({key: slider.value for key, slider in sliders.items()})

        def restore(_button: Any) -> None:
            for key, slider in sliders.items():
                slider.value = self.start[key]

        for slider in sliders.values():
            slider.observe(show, names="value")
        reset.on_click(restore)
        return ipywidgets.VBox([*sliders.values(), reset, picture])

    def _repr_mimebundle_(self, **_options: Any) -> Any:
        if self._page is not None:
            return {"text/html": self._page, "text/plain": repr(self)}
        return self.to_widget()._repr_mimebundle_()

    def __repr__(self) -> str:
        return f"SliderFigure({', '.join(f'{key}={values}' for key, values in self.controls.items())})"

    def _svg(self, values: dict[str, Any]) -> frames.Svg:
        from matplotlib import pyplot as plt
        from matplotlib.figure import Figure

        figure = self.draw(**values)
        if not isinstance(figure, Figure):
            raise TypeError(f"draw must return a matplotlib figure, not {figure!r}: end it with `return fig`")
        plt.close(figure)
        return frames.svg(figure)

    def _view(self, values: dict[str, Any]) -> str:
        picture = self._svg(values)
        frames.share_definitions([picture], self._name)
        return (
            f"<style>{style()}</style>"
            f'<div class="rk-view" role="img" aria-label="{html.escape(self.alt)}">{frames.markup(picture)}</div>'
        )


def slider(name: str, key: str, label: str, texts: list[str], start: int) -> str:
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
            raise TypeError(f"{key} must be a list of values, not {values!r}")
        lists[key] = [value.item() if hasattr(value, "item") else value for value in values]
        if len(lists[key]) < 2:
            raise ValueError(f"{key} must list at least two values to choose from, not {lists[key]}")
    count = math.prod(map(len, lists.values()))
    if count > MAX_FRAMES:
        sizes = " × ".join(f"{len(values)} ({key})" for key, values in lists.items())
        raise ValueError(f"controls must make at most {MAX_FRAMES} frames together, not {sizes} = {count}")
    return lists


def page_is_static() -> bool:
    """Whether a page builder, not a person, runs this notebook."""
    from IPython.core.getipython import get_ipython

    request: dict[str, Any] = getattr(get_ipython(), "get_parent", dict)()
    return not request.get("content", {}).get("allow_stdin", True)


def _position(indices: list[int], sizes: list[int]) -> int:
    """Return the place of a combination in the order of `itertools.product`: the last control runs fastest."""
    place = 0
    for index, size in zip(indices, sizes, strict=True):
        place = place * size + index
    return place


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
