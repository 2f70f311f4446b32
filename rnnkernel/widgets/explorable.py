"""What all explorables share.

An explorable is an anywidget whose traits are the positions of its sliders.  Its kernel, one of
`rnnkernel.widgets.kernels`, computes: native code in Python, WebAssembly in the page, whose script draws.
"""

import html
import json
from functools import cache
from typing import Any, ClassVar

import numpy as np
import traitlets

from rnnkernel.widgets import kernels
from rnnkernel.widgets.sliders import Sliders, asset, script, style, text_of


def slider(label: str, values: Any, start: Any) -> Any:
    """Return the trait that is a slider over values; a dict of them says how each is shown."""
    texts = values if isinstance(values, dict) else {value: text_of(value) for value in values}
    return traitlets.Enum(list(texts), start).tag(sync=True, label=label, texts=texts)


class Explorable(Sliders):
    """An explorable: each slider is a trait, one of a list of values.

    A subclass gives its sliders, its data, its kernel under its `name`, and as ``<name>.js`` the script that draws; and
    for paper the panels of its picture, and what draws them.  It may name the slider that a button plays.
    """

    play: ClassVar[str] = ""
    labels: ClassVar[dict[str, str]]
    legend: ClassVar[dict[str, str]]
    subplots: ClassVar[dict[str, Any]] = {"ncols": 2, "figsize": (6.2, 2.9)}

    _controls = traitlets.Dict().tag(sync=True)
    _start = traitlets.Dict().tag(sync=True)
    _data = traitlets.Dict().tag(sync=True)

    def __init_subclass__(cls, **options: Any) -> None:
        """Find the sliders, and give the widget what anywidget loads."""
        if "name" in vars(cls):  # traitlets makes classes of its own from these
            traits = {key: each for key, each in vars(cls).items() if isinstance(each, traitlets.Enum)}
            cls.labels = {key: each.metadata["label"] for key, each in traits.items()}
            cls._esm = (
                f"{_source(cls.name)}export default {{render({{model, el}}) "
                '{ el.innerHTML = model.get("_markup"); return show(model, el, explorable); }};\n'
            )
            cls._css = style("explorable")
        super().__init_subclass__(**options)

    def __init__(self, **start: Any) -> None:
        for key, value in start.items():
            if key not in self.labels:
                raise ValueError(f"{type(self).__name__} has the sliders {', '.join(self.labels)}, not {key!r}")
            if value not in self.values(key):
                raise ValueError(f"{key} must be one of {self.values(key)}, not {value!r}")
        super().__init__(start, **start)
        self._start = self._now()
        self._controls = {
            key: {
                "label": label,
                "values": self.values(key),
                "texts": [self.text(key, value) for value in self.values(key)],
                "python": [repr(value) for value in self.values(key)],
            }
            for key, label in self.labels.items()
        }
        self._sliders = [
            (key, each["label"], each["texts"], each["values"].index(self._start[key]))
            for key, each in self._controls.items()
        ]
        self._given = self.data()
        self._data = {key: np.asarray(value).tolist() for key, value in self._given.items()}
        self._show(self._figure())

    @classmethod
    def values(cls, key: str) -> list[Any]:
        """Return the values that a slider offers."""
        return list(cls.class_traits()[key].values)

    @classmethod
    def text(cls, key: str, value: Any) -> str:
        """Return how a value is shown."""
        return str(cls.class_traits()[key].metadata["texts"][value])

    def data(self) -> dict[str, Any]:
        """Return what kernel and script need besides the sliders, by name."""
        raise NotImplementedError

    def compute(self) -> dict[str, Any]:
        """Return what the picture shows, by name, computed here: the result of the kernel."""
        places = {f"which_{key}": self.values(key).index(value) for key, value in self._now().items()}
        return kernels.run(kernels.KERNELS[self.name], self._given | self._now() | places)

    def figure(self) -> Any:
        """Return the picture as a matplotlib figure."""
        from matplotlib import pyplot as plt

        figure, axes = plt.subplots(**self.subplots)
        self._draw(self.compute(), axes)
        return figure

    def to_html(self) -> str:
        """Return the explorable as HTML that needs no kernel, no library and no network."""
        state = {**self._start, "_controls": self._controls, "_start": self._start, "_data": self._data}
        packed = json.dumps(state, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
        start = f'show(new PageModel({packed}), document.getElementById("{self._id}"), explorable);'
        return (
            f"<style>{style('explorable')}</style>\n{self._figure(page=True)}\n"
            f'<script type="module">{_source(self.name)}{start}</script>'
        )

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Move the sliders as a page says, where 1.0 is written 1: the traits take the values that are listed."""
        listed = {key: {value: value for value in self.values(key)} for key in self.labels.keys() & sync_data.keys()}
        super().set_state(sync_data | {key: values.get(sync_data[key]) for key, values in listed.items()})

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{key}={value!r}' for key, value in self._now().items())})"

    def _now(self) -> dict[str, Any]:
        """Return where the sliders stand."""
        return {key: getattr(self, key) for key in self.labels}

    def _draw(self, shown: dict[str, Any], axes: Any) -> None:
        """Draw what was computed on the panels of the picture."""
        raise NotImplementedError

    def _drawn(self) -> Any:
        from matplotlib import pyplot as plt

        figure = self.figure()
        plt.close(figure)
        return figure

    def _figure(self, page: bool = False) -> str:
        copy = f'<button type="button" class="rk-copy" value="{type(self).__name__}">Copy as Python</button>'
        play = f'<button type="button" class="rk-play" value="{self.play}">Play</button>' if self.play else ""
        legend = "".join(f'<li class="{kind}">{html.escape(text)}</li>' for kind, text in self.legend.items())
        more = (
            f'<ul class="rk-legend">{legend}</ul><p class="rk-numbers" role="status"></p>'
            '<pre class="rk-python" hidden></pre>'
        )
        still = self.picture(**{"class": "rk-still"}) if page else ""
        return f"{self._opened(still, page, play + copy, more)}</figure>"


@cache
def _source(name: str) -> str:
    """Return the script of an explorable: the front end, what draws, the kernel, and the worker that runs it."""
    kernel, worker = json.loads(asset("kernels.json"))["kernels"][name], asset("worker.js")
    parts = f"{{kernel: {json.dumps(kernel)}, worker: {json.dumps(worker)}, draw}}"
    return f"{script('share', 'python', 'paper', 'explorable', name)}const explorable = {parts};\n"
