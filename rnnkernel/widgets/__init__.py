"""Figures with sliders: live under a kernel, alive in the static page, a still in print.

The explorables compute in the page, with the kernels of this package as WebAssembly.  In a notebook they are widgets:
their sliders are traits, which can be read, set, observed and linked.
"""

import importlib
from typing import Any

_HOMES = {
    "Coupling": "coupling",
    "FixedPoint": "fixed_point",
    "LongRun": "long_run",
    "Modes": "modes",
    "Poisson": "poisson",
    "Telescope": "telescope",
    "Train": "train",
    "Widths": "widths",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    """Import an explorable when it is asked for: anywidget takes its time."""
    if name in _HOMES:
        return getattr(importlib.import_module(f"rnnkernel.widgets.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
