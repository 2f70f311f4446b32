"""Convergence, measured: many networks of several widths, their errors, and the exponent of N in them.

The error budget of g^N_t − g_t:

* initial output, N^{1/2 − β}: pairs of units with ±C remove it;
* correlated data and finitely many units, N^{−1/2}: what is left with pairs, the same for every β;
* drift of the kernel, N^{2β − 2} for symmetric C: a bias.  Frozen features remove it, so that the difference of two
  studies from the same seeds, one of them frozen, shows it alone.

Back-propagation through time leaves all of them as they are: compare a study with a large truncation in the same way.
"""

import os
from concurrent.futures import FIRST_COMPLETED, Executor, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from rnnkernel import _checks
from rnnkernel._immutable import Immutable
from rnnkernel._linearised import Linearised
from rnnkernel._types import Array, Rng
from rnnkernel.activations import Activation
from rnnkernel.chains import DataSequence
from rnnkernel.initial import InitialLaw
from rnnkernel.limit import KernelLimit
from rnnkernel.network import RNN
from rnnkernel.stationary import EmpiricalLaw
from rnnkernel.training import AWAKE, STOP, DivergenceError, TrainingRecord, progress_bar, train

_WORK = 10_000_000  # steps times units of a task: about a hundredth of a second


class Rate(NamedTuple):
    """A fitted exponent a of size ≈ const · N^a, and its confidence interval; made by `fit_rate`.

    Examples
    --------
    >>> exponent, (low, high) = Rate(-0.51, (-0.53, -0.49))
    >>> exponent
    -0.51
    """

    exponent: float
    interval: tuple[float, float]


@dataclass(frozen=True, eq=False)
class ConvergenceStudy(Immutable):
    """Errors g^N_t − g_t of many networks; made by `convergence_study`.

    Book: :doc:`convergence-measured`.

    Attributes
    ----------
    widths : tuple of int
        Numbers of units N.
    betas : tuple of float
        Exponents β.
    errors : ndarray, shape (n_betas, n_widths, n_seeds, n_times, n_points)
        The errors; without the axis n_times for one time given as a number.
    predicted : ndarray, shape (n_betas, n_widths, n_times, n_points)
        The standard deviation that `KernelLimit.fluctuations` predicts.

    Examples
    --------
    >>> size = np.array([100, 400])[:, None, None] ** -0.5
    >>> errors = size * np.random.default_rng(0).standard_normal((1, 2, 900, 3))
    >>> study = ConvergenceStudy(widths=(100, 400), betas=(0.75,), errors=errors, predicted=np.full((1, 2, 3), 0.1))
    >>> study.std.shape, round(study.rate(0.75).exponent, 1)
    ((1, 2, 3), -0.5)
    """

    widths: tuple[int, ...]
    betas: tuple[float, ...]
    errors: Array
    predicted: Array

    @property
    def std(self) -> Array:
        """Standard deviation of the errors over seeds, (n_betas, n_widths, n_times, n_points)."""
        return np.asarray(self.errors.std(axis=2, ddof=1))

    @property
    def bias(self) -> Array:
        """Mean of the errors over seeds, of the same shape."""
        return np.asarray(self.errors.mean(axis=2))

    def rate(self, beta: float, *, level: float = 0.95) -> Rate:
        """Fit the exponent of N in the standard deviation; see `fit_rate`.

        Parameters
        ----------
        beta : float
            One of `betas`.
        level : float
            The level of the confidence interval.

        Returns
        -------
        Rate
        """
        return fit_rate(self.widths, self.errors[self._index(beta)], level=level)

    def predicted_rate(self, beta: float) -> float:
        """Fit the exponent of N in the predicted standard deviation.

        −1/2 with pairs.  Otherwise it tends to 1/2 − β as N grows, when the initial output is all that is seen.

        Parameters
        ----------
        beta : float
            One of `betas`.

        Returns
        -------
        float
        """
        variances = self.predicted[self._index(beta)].reshape(len(self.widths), -1) ** 2
        return float(np.polyfit(np.log(_several(self.widths)), np.log(variances.mean(axis=1)) / 2, 1)[0])

    def _index(self, beta: float) -> int:
        if _checks.number("beta", beta) not in self.betas:
            raise ValueError(f"beta must be one of {self.betas}, not {_checks.described(beta)}")
        return self.betas.index(beta)


def fit_rate(widths: Any, errors: Any, *, of: str = "std", level: float = 0.95) -> Rate:
    """Fit a in size ≈ const · N^a to errors of several widths, by weighted least squares between logarithms.

    Each size is the root mean square over points (and times) of the standard deviation, of the mean, or of the errors
    themselves.  Its own error follows from the spread of each seed's share in it, the influence of that seed; so points
    may depend on each other, and errors need not be normal.  That takes many seeds: the interval of 95 % from three
    widths and one point of normal errors covers the truth in 91 % of cases with forty seeds, and in 81 % with ten.

    Parameters
    ----------
    widths : array_like of int, shape (n_widths,)
        Numbers of units N, at least two.
    errors : array_like, shape (n_widths, n_seeds, ...)
        Errors of independent networks.
    of : {"std", "bias", "error"}
        The size: standard deviation over seeds, mean over seeds, or root mean square.
    level : float
        The level of the confidence interval.

    Returns
    -------
    Rate
        The exponent, and (low, high).

    Examples
    --------
    >>> widths = np.array([100, 400, 1600])
    >>> noise = np.random.default_rng(0).standard_normal((3, 1000))
    >>> exponent, (low, high) = fit_rate(widths, 2 * noise / widths[:, None] ** 0.5)
    >>> bool(low < -0.5 < high), bool(high - low < 0.08)
    (True, True)
    """
    from scipy.special import ndtri

    of = _checks.choice("of", of, ("std", "bias", "error"))
    level = _checks.number("level", level, above=0, most=1)
    N = np.array(_several(widths), dtype=float)
    given = _checks.array("errors", errors, ndim=(2, 3, 4, 5))
    if given.ndim < 2 or len(given) != len(N) or given.shape[1] < 2:
        raise ValueError(f"errors must have shape ({len(N)}, n_seeds, ...) with two seeds or more, not {given.shape}")
    logs, variances = np.array([_log_size(each.reshape(len(each), -1), of) for each in given]).T
    if not (variances > 0).all():  # NaN if all seeds are right
        raise ValueError("errors must say how far they are known, but all seeds of some width are equally far off")
    x = np.log(N) - np.average(np.log(N), weights=1 / variances)
    spread = (x**2 / variances).sum()
    exponent = float((x * logs / variances).sum() / spread)
    half = float(ndtri((1 + level) / 2) / np.sqrt(spread))
    return Rate(exponent, (exponent - half, exponent + half))


def _log_size(errors: Array, of: str) -> tuple[float, float]:
    """Logarithm of a size and its variance, from errors (n_seeds, n_points)."""
    n, mean = len(errors), errors.mean(axis=0)
    if of == "bias":
        square, influence = (mean**2).mean(), 2 * (mean * (errors - mean)).mean(axis=1)
    else:
        each = ((errors - mean if of == "std" else errors) ** 2).mean(axis=1)
        square, influence = each.mean() * (n / (n - 1) if of == "std" else 1), each
    return float(np.log(square) / 2), float(influence.var(ddof=1) / n / (2 * square) ** 2)


def convergence_study(
    limit: KernelLimit,
    *,
    widths: Any,
    betas: Any,
    n_seeds: int,
    times: Any,
    x: Any,
    memory: Any,
    rng: Rng,
    paired: bool = False,
    frozen: bool = False,
    truncation: int = 1,
    executor: Executor | None = None,
    progress: bool = False,
) -> ConvergenceStudy:
    """Train many networks of several widths, and compare them with their limit and with the law of the error.

    The draws of a seed depend on `rng`, on N and on its number only: studies with the same `rng` share them whatever
    β, `frozen`, `truncation` or `executor` is.

    Parameters
    ----------
    limit : KernelLimit
        The limit, on a finite chain; its data, law, activation and learning rate are those of the networks.
    widths : sequence of int
        Numbers of units N.
    betas : sequence of float
        Exponents β.
    n_seeds : int
        How many networks for each N and β, at least two.
    times : float or array_like, shape (n_times,)
        Times t = k/N at which errors are measured, ascending.
    x : array_like, shape (n_points,) or (n_points, d)
    memory : array_like, shape (n_points,)
        Points at which errors are measured; a single input or memory is repeated.
    rng : int or numpy.random.Generator
        Source of randomness; the same seed gives the same bits, however many workers there are.
    paired : bool
        Whether networks start from ±C pairs.
    frozen : bool
        Whether networks are replaced by their linearisation in C and W at the start, whose kernel does not drift.
    truncation : int
        τ; a number beyond the steps that memory holds is full back-propagation through time.
    executor : concurrent.futures.Executor, optional
        Where the networks are trained, for example ``distributed.Client().get_executor()``; a thread for each core of
        this machine if not given.
    progress : bool
        Whether to show a progress bar, in networks.

    Returns
    -------
    ConvergenceStudy

    Raises
    ------
    DivergenceError, KeyboardInterrupt
        If a network diverges, or on Ctrl-C; their `study` has all that was finished, and NaN elsewhere.

    Examples
    --------
    >>> from scipy import stats
    >>> from rnnkernel import MarkovChain
    >>> data = DataSequence(MarkovChain([[0.9, 0.1], [0.3, 0.7]]), inputs=[-1.0, 1.5], targets=[[-1.0, 1.5]] * 2)
    >>> law = InitialLaw(output=stats.uniform(-1, 2), inputs=stats.norm(0.7, 1), recurrent=stats.uniform(0, 1))
    >>> limit, where = KernelLimit(data, law), dict(times=2.0, x=1.5, memory=[0.1, 0.4])
    >>> study = convergence_study(limit, widths=[50, 200], betas=[0.75], n_seeds=40, rng=0, paired=True, **where)
    >>> study.errors.shape, study.std.shape, round(study.predicted_rate(0.75), 12)
    ((1, 2, 40, 2), (1, 2, 2), -0.5)
    >>> low, high = study.rate(0.75).interval
    >>> bool(low < -0.5 < high)
    True
    """
    _checks.kind("limit", limit, KernelLimit)
    N, pool = _widths(widths, paired), _pool(executor)
    exponents = _each("betas", betas, _checks.number, least=0.5, most=1)
    n_seeds = _checks.integer("n_seeds", n_seeds, least=2)
    frozen, progress = (_checks.flag(*each) for each in (("frozen", frozen), ("progress", progress)))
    tau = _checks.integer("truncation", truncation, least=1)
    if frozen and tau > 1:
        raise ValueError(f"truncation must be 1 if features are frozen, not {tau}")
    if isinstance(limit.stationary, EmpiricalLaw):
        raise TypeError("limit must be that of a finite chain, not of a sequence: each network needs data of its own")
    law_of_error = limit.fluctuations(times, x, memory)
    t = np.atleast_1d(_checks.array("times", times, ndim=(0, 1)))
    if (np.diff(t) < 0).any():
        raise ValueError(f"times must be ascending, not {_checks.described(times)}")
    predicted = [[law_of_error.std(n_units=n, beta=b, paired=paired) for n in N] for b in exponents]
    mu, points = limit.stationary, _checks.points(x, memory, limit.law.n_inputs)
    entropy = int(_checks.generator(rng).integers(2**63))
    what = mu.data, limit.law, mu.memory_map.activation, limit.learning_rate
    experiment = _Experiment(*what, paired, frozen, tau, t, points, entropy)

    tasks = []
    for j, n in enumerate(N):
        size = 1 + int(_WORK / (n * n * max(t.max(initial=0.0), 1.0)))
        for i, first in product(range(len(exponents)), range(0, n_seeds, size)):
            tasks.append((first, -n, i, j, range(first, min(first + size, n_seeds))))
    outputs = np.full((len(exponents), len(N), n_seeds, len(t), len(points[1])), np.nan)

    def study() -> ConvergenceStudy:
        errors = outputs.reshape(*outputs.shape[:3], *law_of_error.prediction.shape) - law_of_error.prediction
        return ConvergenceStudy(N, exponents, errors, np.array(predicted))

    with pool as workers, progress_bar(len(exponents) * len(N) * n_seeds, "network", progress) as count:
        jobs = {}
        for _, _, i, j, seeds in sorted(tasks):  # widths side by side, since narrow networks keep Python's lock busy
            jobs[workers.submit(experiment.outputs, N[j], exponents[i], seeds)] = (i, j, seeds)
        try:
            left = set(jobs)
            while left:
                finished, left = wait(left, AWAKE, FIRST_COMPLETED)
                for done in finished:
                    i, j, seeds = jobs[done]
                    outputs[i, j, seeds.start : seeds.stop] = done.result()
                    count(len(seeds))
        except (KeyboardInterrupt, DivergenceError) as stopped:
            stopped.study = study()  # type: ignore[union-attr]
            stopped.add_note(
                "The attribute `study` of this exception has the errors until then, NaN where there is none."
            )
            STOP[0] = 1
            raise
        finally:
            for job in jobs:
                job.cancel()
            if executor is None:
                wait(jobs)
            STOP[0] = 0
    return study()


@dataclass(frozen=True, eq=False)
class _Experiment:
    """What the networks of a study share; it travels to the workers."""

    data: DataSequence
    law: InitialLaw
    activation: Activation
    learning_rate: float
    paired: bool
    frozen: bool
    truncation: int
    times: Array
    points: tuple[Array, Array]
    entropy: int

    def outputs(self, n_units: int, beta: float, seeds: range) -> Array:
        """Train a network for each seed; return their outputs, (n_seeds, n_times, n_points)."""
        stops = np.rint(self.times * n_units).astype(np.int64)
        out = np.empty((len(seeds), len(stops), len(self.points[1])))
        for row, seed in zip(out, seeds, strict=True):
            rng = np.random.default_rng(np.random.SeedSequence(self.entropy, spawn_key=(n_units, seed)))
            how: Any = {"rng": rng, "paired": self.paired, "activation": self.activation}
            rnn = RNN.sample(self.law, n_units=n_units, beta=beta, **how)
            network: Any = Linearised(rnn) if self.frozen else rnn
            x, y = self.data.simulate(int(stops.max(initial=0)), rng=rng)
            for outputs, first, last in zip(row, [0, *stops][:-1], stops, strict=True):
                try:
                    network = self._trained(network, x[first:last], y[first:last])
                except FloatingPointError as error:
                    step = int(first) + getattr(error, "step", 0)
                    record = getattr(error, "record", TrainingRecord(np.empty(0), np.empty(0), None))
                    raise DivergenceError(f"seed {seed}, from step {first} on: {error}", step, record) from None
                outputs[:] = network.predict(*self.points)
        return out

    def _trained(self, network: Any, x: Array, y: Array) -> Any:
        if self.frozen:
            network.learn(x, y, learning_rate=self.learning_rate, stop=STOP)
            return network
        how: Any = {"learning_rate": self.learning_rate, "truncation": self.truncation, "n_records": 1}
        return train(network, (x, y), **how).network


def _each(name: str, values: Any, check: Any, **bounds: float) -> tuple[Any, ...]:
    if not len(_checks.array(name, values, ndim=1)):
        raise ValueError(f"{name} must hold at least one number, not none")
    return tuple(check(f"{name}[{i}]", value, **bounds) for i, value in enumerate(values))


def _widths(widths: Any, paired: bool) -> tuple[int, ...]:
    given = _each("widths", widths, _checks.integer, least=1)
    if _checks.flag("paired", paired) and any(n % 2 for n in given):
        raise ValueError(f"widths must be even when paired=True, not {given}")
    return given


def _pool(executor: Executor | None) -> AbstractContextManager[Executor]:
    if executor is None:
        return ThreadPoolExecutor(os.cpu_count())
    if not hasattr(executor, "submit"):
        raise TypeError(f"executor must have a method submit, not {_checks.described(executor)}")
    return nullcontext(executor)


def _several(widths: Any) -> tuple[int, ...]:
    given = _each("widths", widths, _checks.integer, least=1)
    if len(set(given)) < 2:
        raise ValueError(f"widths must hold at least two different widths for a rate, not {given}")
    return given
