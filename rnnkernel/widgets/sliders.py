"""What figures with sliders share: each is a widget under a kernel, a page without one, and a still on paper.

The front end says which of the two it is: one that cannot ask its user for input has no user (the field
``allow_stdin`` of Jupyter's execute request, which ``nbclient``, and so every page builder, sets to false).
"""

import hashlib
import html
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

import anywidget
import traitlets

from rnnkernel.figures import COLORS
from rnnkernel.widgets import frames

_repeated: Counter[str] = Counter()


class Sliders(anywidget.AnyWidget):
    """A figure with sliders: of each its name, the words beside it, the texts of its values, and its first place."""

    name: ClassVar[str]
    alt: Any
    _sliders: list[Any]

    _markup = traitlets.Unicode().tag(sync=True)

    def __init__(self, *content: Any, **traits: Any) -> None:
        self._static = page_is_static()
        self._id = name_of(self.name, *content)
        super().__init__(**traits)

    def picture(self, **attributes: str) -> str:
        """Return the picture as SVG."""
        picture = frames.svg(self._drawn())
        frames.share_definitions([picture], self._id)
        picture.attrib.update(attributes)
        return frames.markup(picture)

    def to_html(self) -> str:
        """Return the figure as HTML that needs no kernel, no library and no network."""
        raise NotImplementedError

    def open(self) -> None:
        """Open the channel to the front end, unless there is none."""
        if not self._static:
            super().open()

    def _show(self, markup: str) -> None:
        """Make the page now: an error while IPython displays a result is printed, but does not stop the notebook."""
        self._markup, self._page = markup, self.to_html() if self._static else ""

    def _repr_mimebundle_(self, **options: Any) -> Any:
        if not self._static:
            return super()._repr_mimebundle_(**options)
        return {"text/html": self._page, "image/png": frames.png(self._drawn()), "text/plain": repr(self)}

    def _drawn(self) -> Any:
        """Return the picture as a matplotlib figure that is closed."""
        raise NotImplementedError

    def _opened(self, picture: str, page: bool = False, buttons: str = "", more: str = "") -> str:
        """Return the figure up to its end; in a page it has a button that links to it.

        An explorable has more buttons, and more below its picture.
        """
        link = '<button type="button" class="rk-link">Link to this</button>' if page else ""
        reset = '<button type="button" class="rk-reset">Reset</button>'
        controls = "".join(_slider(f"{self._id}-{key}", key, *each) for key, *each in self._sliders)
        state = ", ".join(f"{label}: {texts[place]}" for _, label, texts, place in self._sliders)
        return (
            f'<figure class="rk-explore{" rk-live" if more else ""}" id="{self._id}" data-widget="{self.name}">\n'
            f'<div class="rk-controls" role="group" aria-label="Controls of the figure">\n'
            f'{controls}<div class="rk-buttons">{buttons}{link}{reset}</div></div>\n'
            f'<div class="rk-view" role="img" aria-label="{html.escape(self.alt)}">{picture}</div>\n'
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
