"""`LongRun`: where memory is in the long run, on a Cantor set or everywhere."""

from typing import Any, ClassVar

import numpy as np

from rnnkernel.figures import COLORS
from rnnkernel.widgets.explorable import Explorable, slider
from rnnkernel.widgets.fixed_point import quadrature
from rnnkernel.widgets.of_memory import N_BINS


class LongRun(Explorable):
    """Where memory is in the long run, when inputs are tosses of a coin with the faces −x and x: a histogram.

    Memory lies on a Cantor set where the images of φ(−x, ·) and φ(x, ·) leave a gap between them.

    Parameters
    ----------
    **start : dict
        The values shown first, by slider, which are traits: ``contraction`` (q), ``input_size`` (x), ``n_steps`` and
        ``seed``.

    Notes
    -----
    W ~ N(1, 0.2²), B ~ U(0, 2q), so that φ is proportional to q.  Book: :doc:`random-fixed-point-in-depth`.

    Examples
    --------
    >>> bool(LongRun(contraction=0.3).compute()["gap"] > 0 > LongRun(contraction=0.9).compute()["gap"])
    True
    """

    name = "long_run"
    legend: ClassVar[dict[str, str]] = {"an-area limit": "how often memory is there"}
    alt = (
        "A histogram of memory along a path: two separate clusters, each split again and again, if q is small, and one "
        "smooth hill if q is large and inputs are small."
    )
    subplots: ClassVar[dict[str, Any]] = {"figsize": (6.2, 2.4)}

    contraction = slider("contraction factor q", [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0], 0.5)
    input_size = slider("input size", [0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0, 1.5], 0.5)
    n_steps = slider("steps", [10, 30, 100, 300, 1000, 3000, 10_000], 3000)
    seed = slider("seed", range(1, 21), 1)

    def data(self) -> dict[str, Any]:
        """Return the quadrature of φ for q = 1."""
        return quadrature()

    def _draw(self, shown: dict[str, Any], axes: Any) -> None:
        edges = np.linspace(-1, 1, N_BINS + 1) * shown["edge"]
        axes.stairs(shown["counts"], edges, fill=True, color=COLORS["limit"])
        axes.plot(edges[[0, -1]], [0, 0], color=COLORS["data"], lw=0.8)
        axes.set(xlabel="memory in the long run", ylabel="how often", yticks=[])
