"""`Poisson`: an average along one path within its bound, and its sum as a boundary and a martingale."""

from functools import cache
from typing import Any, ClassVar

import numpy as np
from numpy.polynomial.chebyshev import chebinterpolate

from rnnkernel.figures import COLORS, STYLES
from rnnkernel.widgets.explorable import Explorable, slider
from rnnkernel.widgets.of_chains import N_PATHS, N_SHOWN
from rnnkernel.widgets.reference import INPUTS, memory_map, quadrature, stationary, transition

LENGTHS = [10, 30, 100, 300, 1000, 3000]
STOPS = np.union1d(LENGTHS, np.geomspace(1, LENGTHS[-1], 90).astype(int))  # where averages are shown
DEGREE = 14  # of polynomials in memory: what it leaves is rounding
FUNCTIONS: dict[str, Any] = {
    "x": lambda x, _: x,
    "m": lambda _, m: m,
    "xm": lambda x, m: x * m,
    "fall": lambda x, m: m - memory_map()(x, m),
}
WORDS = {"x": "x", "m": "m", "xm": "x·m", "fall": "m − φ(x, m)"}


class Poisson(Explorable):
    """The Poisson equation at work: the average of f along a path, and the two parts that its sum has exactly.

    Left, running averages of f over the path of input and memory, of one seed and of twenty, within the bound
    2‖u‖_∞/n + σ/√n of their root mean square error.  Right, for the one seed, the sum of f − μ(f), its boundary
    u(z_0) − u(z_n) within ±2‖u‖_∞, and its martingale.  u comes from `StationaryLaw.solve_poisson`.

    Parameters
    ----------
    **start : dict
        The values shown first, by slider, which are traits: ``f`` ("x", "m", "xm", or "fall" for m − φ(x, m)),
        ``stickiness`` (ρ, where P = ρI + (1 − ρ)1π), ``n_steps`` and ``seed``.

    Notes
    -----
    W ~ N(0.7, 1), B ~ U(0, 1), C ~ U(−1, 1); inputs −1 and 1.5, π = (0.75, 0.25).  Book: :doc:`poisson-equation`.

    Examples
    --------
    >>> shown = Poisson(f="m", stickiness=0.9).compute()
    >>> bool(abs(shown["total"] - shown["boundary"] - shown["martingale"]) < 1e-9)
    True
    """

    name = "poisson"
    legend: ClassVar[dict[str, str]] = {
        "a-line network": "average and sum, this seed",
        "a-line faint": "other seeds",
        "a-line limit": "limit μ(f)",
        "a-line dashed bound": "bound",
        "a-dot data": "root mean square error",
        "a-line predicted dashed": "martingale",
        "a-line highlight": "boundary",
        "an-area strip": "±2‖u‖",
    }
    alt = (
        "Left, running averages of f for twenty seeds, against the number of steps on a logarithmic axis. They settle "
        "on the limit, and most stay between two curves, the bound, that close like a funnel: later, the stickier the "
        "chain. Right, the sum of f minus its limit for one seed. Its martingale part carries all the growth; its "
        "boundary part stays within a strip around zero."
    )
    subplots: ClassVar[dict[str, Any]] = {"ncols": 2, "figsize": (6.2, 2.8)}

    f = slider("function f", WORDS, "m")
    stickiness = slider("stickiness ρ", [-0.3, 0.0, 0.3, 0.6, 0.8, 0.9, 0.95], 0.6)
    n_steps = slider("steps n", LENGTHS, 300)
    seed = slider("seed", range(1, N_SHOWN + 1), 1)

    def data(self) -> dict[str, Any]:
        """Return the memory map, what is solved for each f and chain, and the numbers that are fixed."""
        chains = self.values("stickiness")
        found = [[solved(f, rho) for rho in chains] for f in FUNCTIONS]
        centre, half = _interval()
        return {
            "inputs": INPUTS,
            "transitions": np.array([transition(rho) for rho in chains]),
            **quadrature(),
            "rule": _coefficients(lambda states, m: memory_map()(INPUTS[states], m)),  # a hundred times faster than φ
            "centre": centre,
            "half": half,
            **{name: np.array([[each[name] for each in row] for row in found]) for name in found[0][0]},
            "stops": STOPS,
            "ranges": np.array([_range(f) for f in FUNCTIONS]),
            "n_paths": N_PATHS,
        }

    def _draw(self, shown: dict[str, Any], axes: Any) -> None:
        (left, right), n = axes, self.n_steps
        steps, limit, strip, stops = np.arange(n + 1), shown["limit"], shown["strip"], STOPS[: len(shown["average"])]
        left.plot(stops, shown["others"].T, "-", color=COLORS["muted"], lw=0.5, alpha=0.6)
        left.axhline(limit, **STYLES["limit"])
        right.axhspan(-strip, strip, color=COLORS["muted"], alpha=0.25, lw=0)
        for sign in (-1, 1):
            left.plot(STOPS, limit + sign * shown["bounds"], **STYLES["bound"])
            left.plot(n, limit + sign * shown["rms"], "o", color=COLORS["data"])
            right.plot(steps, sign * (strip + shown["sigma"] * np.sqrt(steps)), **STYLES["bound"])
        left.plot(stops, shown["average"], "-", color=COLORS["network"], lw=2.2)
        right.plot(shown["sums"], "-", color=COLORS["network"], lw=2.2)
        right.plot(shown["martingales"], **STYLES["predicted"])
        right.plot(shown["boundaries"], "-", color=COLORS["highlight"], lw=1)
        left.set(
            title=f"Average of {WORDS[self.f]}",
            xlabel="steps n",
            xscale="log",
            xlim=STOPS[[0, -1]],
            ylim=_range(self.f),
        )
        right.set(title="Sum of f − μ(f)", xlabel="steps n", xlim=(0, n))


@cache
def solved(f: str, stickiness: float) -> dict[str, Any]:
    """Solve the Poisson equation of f on the chain of a stickiness.

    Functions of state and memory are given by their Chebyshev coefficients, a row a state.  ‖u‖_∞ holds on every path;
    the bound on root mean squares could take ‖u‖ in L²(μ).
    """
    law = stationary(stickiness)
    solution = law.solve_poisson(FUNCTIONS[f])
    variance = law.mean(lambda x, m: (FUNCTIONS[f](x, m) - solution.mean) ** 2)
    centre, half = _interval()
    memories = centre + half * np.linspace(-1, 1, 201)
    return {
        "functions": _coefficients(solution.centred),
        "solutions": _coefficients(solution),
        "means": solution.mean,
        "sigmas": np.sqrt(np.round(solution.asymptotic_variance, 12)),  # zero, not its rounding errors
        "norms": np.abs([solution(np.full(201, state), memories) for state in (0, 1)]).max(),
        "deviations": variance**0.5,
    }


@cache
def _interval() -> tuple[float, float]:
    """Return centre and half-width of the memories that are reached, the same on all chains."""
    low, high = stationary(0.0).intervals[0].tolist()
    return (low + high) / 2, (high - low) / 2


def _coefficients(function: Any) -> Any:
    """Return the Chebyshev coefficients of a function of state and memory, a row for each state, to 14 decimals."""
    centre, half = _interval()

    def row(state: int) -> Any:
        return chebinterpolate(lambda t: function(np.full(len(t), state), centre + half * t), DEGREE)

    return np.round([row(0), row(1)], 14)


def _range(f: str) -> list[float]:
    """Return the least and the largest value of f."""
    centre, half = _interval()
    ends = [FUNCTIONS[f](INPUTS, np.full(2, m)) for m in (centre - half, centre + half)]
    return [float(np.min(ends)), float(np.max(ends))]
