"""The figure with sliders of `explore` under a kernel: the page asks for a picture, Python draws it."""

from collections.abc import Callable
from typing import Any

import anywidget
import traitlets

from rnnkernel.widgets.explore import asset, style


class Sliders(anywidget.AnyWidget):
    """Sliders over a picture that is drawn anew at every move; `places` says where they stand, each in its list."""

    _esm = asset("sliders.js")
    _css = style()

    places: Any = traitlets.List(traitlets.Int()).tag(sync=True)
    _markup = traitlets.Unicode().tag(sync=True)
    _texts: Any = traitlets.List().tag(sync=True)
    _start: Any = traitlets.List().tag(sync=True)

    def __init__(
        self, markup: str, lists: list[list[Any]], texts: list[list[str]], start: list[int], view: Callable[..., str]
    ) -> None:
        self._lists, self._view = lists, view
        super().__init__(places=start, _start=start, _texts=texts, _markup=markup)
        self.on_msg(self._asked)

    @traitlets.validate("places")
    def _within(self, proposal: Any) -> Any:
        places = proposal["value"]
        if len(places) != len(self._lists) or any(
            not 0 <= place < len(values) for place, values in zip(places, self._lists, strict=True)
        ):
            raise traitlets.TraitError(
                f"places must be one of {[len(values) for values in self._lists]} for each slider"
            )
        return places

    def picture(self) -> str:
        """Return the picture for where the sliders stand."""
        return self._view(*(values[place] for place, values in zip(self.places, self._lists, strict=True)))

    def _asked(self, _widget: Any, message: dict[str, Any], _buffers: Any) -> None:
        try:
            self.places = message["draw"]
            self.send({"picture": self.picture()})
        except Exception as problem:  # whatever a reader's own function may do: the page must not wait for ever
            self.send({"problem": f"This picture could not be drawn: {problem}"})
            raise
