"""`FixedPoint`: memory as an iteration of random maps, two starts that meet, and the law of what is remembered."""

from functools import cache
from typing import Any, ClassVar

import numpy as np
import traitlets

from rnnkernel.widgets import kernels, live

N_HISTORY, N_WARM, N_BINS = 24, 100, 200
STARTS = -1.5, 1.5
REACH = 1.6  # of the cobweb
N_TOWARDS_END = 300  # steps that bring memory to its largest value, to rounding
COIN = np.full((2, 2), 0.5)
N_NODES = 24  # φ to 1e-14 for the inputs offered


class FixedPoint(live.Live):
    """The random fixed point: how two memories meet under the same inputs, and where memory lives in the long run.

    Inputs are tosses of a coin with the faces −x and x.  Above, the graphs of φ(−x, ·) and φ(x, ·) with the cobwebs of
    two starts, and both memories against the step.  Below, the histogram of memory along a path.  It lies on a Cantor
    set where the images of the two maps leave a gap between them.

    Parameters
    ----------
    **start : dict
        The values shown first, by slider, which are traits: ``contraction`` (q), ``input_size`` (x), ``step``,
        ``n_steps`` and ``seed``.

    Notes
    -----
    W ~ N(1, 0.2²), B ~ U(0, 2q), so that φ is proportional to q.  Book: :doc:`random-fixed-point`.

    Examples
    --------
    >>> shown = FixedPoint(contraction=0.5, step=4).compute()
    >>> bool(shown["distance"] <= shown["bound"] == 3 * 0.5**4)
    True
    """

    name = "fixed_point"
    labels: ClassVar[dict[str, str]] = {
        "contraction": "contraction factor q",
        "input_size": "size of the inputs",
        "step": "step k",
        "n_steps": "steps in the histogram",
        "seed": "seed",
    }
    legend: ClassVar[dict[str, str]] = {
        "a-line limit": "φ(x, ·)",
        "a-line limit dashed": "φ(−x, ·)",
        "a-line network": "start at −1.5",
        "a-line network dashed": "start at 1.5",
        "a-dot marked": "memory now",
        "a-dot data": "inputs −x, x",
        "an-area limit": "how often",
    }
    alt = (
        "Above left, the graphs of the memory map for two inputs, with the cobwebs of two memories that start apart "
        "and see the same inputs; above right, both memories against the step. They merge quickly if q is small. "
        "Below, a histogram of memory along a path: two separate clusters, each split again and again, if q is small, "
        "and one smooth hill if q is large and inputs are small."
    )
    _esm = live.module("fixed_point")
    _css = live.style()

    contraction = traitlets.Enum([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.4], 0.7).tag(sync=True)
    input_size = traitlets.Enum([0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0, 1.5], 0.5).tag(sync=True)
    step = traitlets.Enum(list(range(N_HISTORY + 1)), 10).tag(sync=True)
    n_steps = traitlets.Enum([10, 30, 100, 300, 1000, 3000, 10_000], 3000).tag(sync=True)
    seed = traitlets.Enum(list(range(1, 21)), 1).tag(sync=True)

    def data(self) -> dict[str, Any]:
        """Return the quadrature of φ for q = 1, and the numbers that are fixed."""
        fixed = {
            "n_history": N_HISTORY,
            "n_warm": N_WARM,
            "n_bins": N_BINS,
            "starts": STARTS,
            "cobweb": REACH,
            "n_towards_end": N_TOWARDS_END,
            "coin": COIN.ravel().tolist(),
        }
        nodes, weights = _quadrature()
        return {"nodes": nodes.ravel().tolist(), "weights": weights.tolist(), "fixed": fixed}

    def compute(self) -> dict[str, Any]:
        """Return what the picture shows, by name, computed here.

        Returns
        -------
        dict
            ``graphs`` of φ(∓x, ·) along ``line``; the ``inputs``, and the memories ``path`` and ``other`` of the two
            starts up to the step shown, their ``distance`` there and its ``bound`` 3q^k; the largest memory in the long
            run, ``reach``, the ``gap`` between the images of the two maps (negative if they overlap), and the
            ``counts`` of the histogram over [−reach, reach], with the percentage of bins that are ``empty``.
        """
        x, line = float(self.input_size), np.linspace(-REACH, REACH, 161)
        states = np.empty(N_WARM + max(self.n_steps, N_HISTORY), np.int64)
        kernels.walk(self.seed, COIN, states)
        inputs = np.where(states == 0, -x, x)
        paths = [self._remember(inputs[: self.step], start) for start in STARTS]
        reach = float(self._remember(np.full(N_TOWARDS_END, x), STARTS[1])[-1])
        ends = self._phi(np.array([-x, x]), np.array([reach, -reach]))
        long = self._remember(inputs[: N_WARM + self.n_steps], 0.0)[N_WARM + 1 :]
        counts = np.zeros(N_BINS)
        kernels.histogram(long, 1.001 * reach, counts)
        return {
            "line": line,
            "graphs": [self._phi(np.full(161, each), line) for each in (-x, x)],
            "inputs": inputs[:N_HISTORY],
            "path": paths[0],
            "other": paths[1],
            "distance": abs(paths[0][-1] - paths[1][-1]),
            "bound": (STARTS[1] - STARTS[0]) * self.contraction**self.step,
            "reach": reach,
            "gap": ends[1] - ends[0],
            "counts": counts,
            "empty": 100 * int((counts == 0).sum()) / N_BINS,
        }

    def figure(self) -> Any:
        """Return the picture as a matplotlib figure.

        Returns
        -------
        matplotlib.figure.Figure
        """
        from matplotlib import pyplot as plt

        from rnnkernel.figures import COLORS, STYLES

        shown = self.compute()
        fig, axes = plt.subplot_mosaic("AB;CC", figsize=(6.2, 4.2), height_ratios=(3, 2))
        axes["A"].plot(shown["line"], shown["line"], **STYLES["muted"])
        for graph, stroke in zip(shown["graphs"], ("--", "-"), strict=True):
            axes["A"].plot(shown["line"], graph, stroke, color=COLORS["limit"], lw=2)
        for path, stroke in ((shown["path"], "-"), (shown["other"], "--")):
            corners = np.repeat(path, 2)
            axes["A"].plot(corners[:-1], corners[1:], stroke, color=COLORS["network"], lw=1)
            axes["A"].plot(path[-1], path[-1], "o", color=COLORS["highlight"])
            axes["B"].plot(path, stroke, color=COLORS["network"])
        edges = np.linspace(-1, 1, N_BINS + 1) * 1.001 * shown["reach"]
        axes["C"].stairs(shown["counts"], edges, fill=True, color=COLORS["limit"])
        axes["C"].plot(edges[[0, -1]], [0, 0], color=COLORS["data"], lw=0.8)
        axes["A"].set(xlabel="memory m", ylabel="φ(x, m)", xlim=(-REACH, REACH), ylim=(-REACH, REACH))
        axes["B"].set(xlabel="step k", ylabel="memory", xlim=(-0.5, N_HISTORY + 0.5), ylim=(-REACH, REACH))
        axes["C"].set(xlabel="memory in the long run", yticks=[])
        return fig

    def _remember(self, inputs: Any, start: float) -> Any:
        nodes, weights = _quadrature()
        path = np.empty(len(inputs) + 1)
        path[0] = start
        function, _ = kernels.EXPORTS["remember"]
        function(kernels.TANH.value, nodes, self.contraction * weights, inputs[:, None], path)
        return path

    def _phi(self, x: Any, m: Any) -> Any:
        nodes, weights = _quadrature()
        out = np.empty(len(m))
        function, _ = kernels.EXPORTS["phi"]
        function(kernels.TANH.value, nodes, self.contraction * weights, x[:, None], m, out)
        return out


@cache
def _quadrature() -> tuple[Any, Any]:
    """Return nodes (1, Q) and weights (Q,) of φ for E B = 1: so narrow a law of W needs few nodes of Gauss–Hermite."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(N_NODES)
    return 1 + 0.2 * nodes[None], weights / weights.sum()
