"""Figures with sliders: live under a kernel, alive in the static page, a still in print.

The explorables compute in the page, with the kernels of this package as WebAssembly.  In a notebook they are widgets:
their sliders are traits, which can be read, set, observed and linked.
"""

from typing import Any

__all__ = ["FixedPoint", "Modes", "Poisson", "Train"]


def __getattr__(name: str) -> Any:
    """Import an explorable when it is asked for: anywidget takes its time."""
    if name == "FixedPoint":
        from rnnkernel.widgets.fixed_point import FixedPoint

        return FixedPoint
    if name == "Modes":
        from rnnkernel.widgets.modes import Modes

        return Modes
    if name == "Poisson":
        from rnnkernel.widgets.poisson import Poisson

        return Poisson
    if name == "Train":
        from rnnkernel.widgets.train import Train

        return Train
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
