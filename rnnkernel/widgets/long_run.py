"""`LongRun`: where memory is in the long run, on a Cantor set or everywhere."""

from typing import Any, ClassVar

import numpy as np
import traitlets

from rnnkernel.widgets.explorable import Explorable
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
    labels: ClassVar[dict[str, str]] = {
        "contraction": "contraction factor q",
        "input_size": "input size",
        "n_steps": "steps",
        "seed": "seed",
    }
    legend: ClassVar[dict[str, str]] = {"an-area limit": "how often memory is there"}
    alt = (
        "A histogram of memory along a path: two separate clusters, each split again and again, if q is small, and one "
        "smooth hill if q is large and inputs are small."
    )

    contraction = traitlets.Enum([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0], 0.5).tag(sync=True)
    input_size = traitlets.Enum([0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0, 1.5], 0.5).tag(sync=True)
    n_steps = traitlets.Enum([10, 30, 100, 300, 1000, 3000, 10_000], 3000).tag(sync=True)
    seed = traitlets.Enum(list(range(1, 21)), 1).tag(sync=True)

    def data(self) -> dict[str, Any]:
        """Return the quadrature of φ for q = 1."""
        return quadrature()

    def figure(self) -> Any:
        """Return the picture as a matplotlib figure."""
        from matplotlib import pyplot as plt

        from rnnkernel.figures import COLORS

        shown = self.compute()
        fig, axes = plt.subplots(figsize=(6.2, 2.4))
        edges = np.linspace(-1, 1, N_BINS + 1) * shown["edge"]
        axes.stairs(shown["counts"], edges, fill=True, color=COLORS["limit"])
        axes.plot(edges[[0, -1]], [0, 0], color=COLORS["data"], lw=0.8)
        axes.set(xlabel="memory in the long run", ylabel="how often", yticks=[])
        return fig
