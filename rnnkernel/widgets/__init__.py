"""Figures with sliders: live under a kernel, alive in the static page, a still in print.

The explorables compute in the page, with the kernels of this package as WebAssembly.  In a notebook they are widgets:
their sliders are traits, which can be read, set, observed and linked.
"""

from typing import Any

__all__ = ["Train"]


def __getattr__(name: str) -> Any:
    if name == "Train":  # when it is asked for: anywidget takes its time to import
        from rnnkernel.widgets.train import Train

        return Train
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
