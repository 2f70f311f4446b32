"""Online stochastic gradient descent: one step for each input, back-propagation truncated after τ steps.

With e_k = y_k − ŷ_k, D^i_k = σ'(W^i·x_k + m_k), and everything on the right from before the step,

    C^i += α^N N^{−β} e_k S^i_{k+1}
    W^i += α^N N^{−β} e_k C^i D^i_k x_k                 α^N = α/N^{2−2β}
    B^j += α^N N^{−β} e_k S^j_k q_k                     q_k = (1/N) Σ_i C^i D^i_k

is the gradient for τ = 1.  For τ > 1 the output is replayed: from the stored state S_{k−τ+1}, over the last τ inputs,
with the current parameters.  The gradient of that map takes the place of the one above; e_k and the state itself still
follow the online recursion.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from threading import current_thread, main_thread
from typing import Any

import numpy as np

from rnnkernel import _checks
from rnnkernel._immutable import Immutable
from rnnkernel._steps import TOO_LARGE, Blocks, Rings, Task, Weights, in_batch, one_step, replay
from rnnkernel._types import Array, Data, Rng, Source
from rnnkernel.network import RNN

Parts = Iterable[tuple[Any, int]]  # what a loop learns from, and how many steps to take along it, in cycles
STOP = np.zeros(1, np.int64)  # one ends every training of this process: Ctrl-C cannot reach compiled code
AWAKE = 0.1  # seconds after which a main thread that waits looks for a Ctrl-C that a worker got, or Windows held back


@dataclass(frozen=True, eq=False)
class TrainingRecord(Immutable):
    """What was recorded while a network was trained.

    Attributes
    ----------
    times : ndarray, shape (n_records,)
        Times t = k/N of the records, from the start of the run.
    losses : ndarray, shape (n_records,)
        Mean of ½(y_k − ŷ_k)², not clipped, over the steps with a target since the last record; NaN if there was none.
    predictions : ndarray, shape (n_records, n_points), or None
        The network's output at `points` at these times, if they were given.

    Examples
    --------
    >>> rnn = RNN(output=[1.0, -1.0], inputs=[0.5, 1.0], recurrent=[0.2, 0.4], beta=0.75)
    >>> run = train(rnn, ([1.0, -1.0, 1.0, -1.0], [0.5, -0.5, 0.5, -0.5]), learning_rate=0.1, n_records=2)
    >>> run.times, run.losses.round(3)
    (array([1., 2.]), array([0.235, 0.208]))
    """

    times: Array
    losses: Array
    predictions: Array | None


@dataclass(frozen=True, eq=False)
class TrainingRun(TrainingRecord):
    """The trained network, and what was recorded on the way.

    Attributes
    ----------
    network : RNN
        The network after the last step, with its hidden state.

    Examples
    --------
    >>> rnn = RNN(output=[1.0, -1.0], inputs=[0.5, 1.0], recurrent=[0.2, 0.4], beta=0.75)
    >>> train(rnn, ([1.0, -1.0], [0.5, -0.5]), learning_rate=0.1).network
    RNN(n_units=2, n_inputs=1, beta=0.75, activation='tanh')
    """

    network: RNN


class DivergenceError(FloatingPointError):
    """Training came to an error y − ŷ that is beyond 1e100, or not a number.

    Parameters
    ----------
    message : str
        What happened.
    step : int
        The step k at which it happened, the first being 0.
    record : TrainingRecord
        What was recorded before.

    Examples
    --------
    >>> rnn = RNN(output=[1.0, -1.0], inputs=[0.5, 1.0], recurrent=[0.2, 0.4], beta=0.75)
    >>> try:
    ...     train(rnn, ([1.0], [1.0]), time=1000, learning_rate=1e3)
    ... except DivergenceError as problem:
    ...     print(problem.step, len(problem.record.losses))
    38 1
    """

    def __init__(self, message: str, step: int, record: TrainingRecord) -> None:
        super().__init__(message, step, record)
        self.step, self.record = step, record

    def __str__(self) -> str:
        return str(self.args[0])


def train(
    rnn: RNN,
    data: Data,
    *,
    time: float | None = None,
    learning_rate: float,
    rng: Rng = None,
    truncation: int = 1,
    clip: float | None = None,
    n_records: int = 100,
    points: tuple[Any, Any] | None = None,
    callback: Callable[[TrainingRun], bool | None] | None = None,
    progress: bool = False,
    batch: bool = False,
) -> TrainingRun:
    """Train a network by online stochastic gradient descent; the network given is not changed.

    If E C ≠ 0 in the law of the network there is no kernel limit; see `RNN.sample`.  Book: :doc:`training-online`.

    Parameters
    ----------
    rnn : RNN
        The network, which starts at its own hidden state.
    data : DataSequence, or any object with a method ``simulate(n, rng=)``, pair (x, y), list of pairs, or iterator
        Where inputs and targets come from: simulated; a given sequence; several, at the start of each of which the
        hidden state is set to zero; or an iterator that yields successive parts (x, y) of one, as long as it will.
        A target may be NaN: that step moves the state and learns nothing.
    time : float, optional
        How long: round(time·N) steps, in cycles if given sequences are shorter.  One pass over what is given if not
        given; an iterator may end before.
    learning_rate : float
        α; a step uses α/N^{2−2β}.
    rng : int or numpy.random.Generator, optional
        Source of randomness of simulated data; the same seed gives the same bits.
    truncation : int
        τ, the number of steps that gradients go back in time.
    clip : float, optional
        Errors y_k − ŷ_k are clipped to [−clip, clip] in the updates.
    n_records : int
        How many records to make at equal distances, at most one for each step; of an iterator, one for each part.
    points : tuple (x, memory), optional
        Points at which the output is recorded too; see `RNN.predict`.
    callback : callable, optional
        Called at each record with the `TrainingRun` until then; training stops there if it returns True.
    progress : bool
        Whether to show a progress bar.
    batch : bool
        Whether the b pairs of a list, of one length, are read side by side in place of one after the other: a step then
        is the mean of their b updates, and a run is as long as one of them.  For τ = 1; the last state stays.

    Returns
    -------
    TrainingRun
        The trained network and the record.  The network carries on its state and, if τ > 1, the last τ − 1 inputs and
        states: two runs back to back on a sequence equal one long run, up to rounding.

    Raises
    ------
    DivergenceError
        If an error is beyond 1e100 or not a number; its `step` and `record` say where, and what came before.
    KeyboardInterrupt
        On Ctrl-C; its `run` is the `TrainingRun` until then, which a further call can go on from.

    Examples
    --------
    >>> from scipy import stats
    >>> from rnnkernel import DataSequence, InitialLaw, MarkovChain
    >>> law = InitialLaw(output=stats.uniform(-1, 2), inputs=stats.norm(0.7, 1), recurrent=stats.uniform(0, 1))
    >>> data = DataSequence(MarkovChain([[0.9, 0.1], [0.3, 0.7]]), inputs=[-1.0, 1.5], targets=[[-1.0, 1.5]] * 2)
    >>> run = train(RNN.sample(law, n_units=1000, beta=0.75, rng=0), data, time=2.0, learning_rate=1.0, rng=1)
    >>> run.network.predict(x=[-1.0, 1.5], memory=[-0.2, 0.4]).round(2)
    array([-0.57,  0.65])
    """
    _checks.kind("rnn", rnn, RNN)
    alpha = _checks.number("learning_rate", learning_rate, least=0)
    tau = _checks.integer("truncation", truncation, least=1)
    if _checks.flag("batch", batch) and tau > 1:
        raise ValueError(f"truncation must be 1 if batch=True, not {tau}")
    progress = _checks.flag("progress", progress)
    _checks.generator(rng)
    if points is not None:
        points = _checks.points(*_checks.pair("points", points), rnn.n_inputs, ("x of points", "memory of points"))
    bound = np.inf if clip is None else _checks.number("clip", clip, above=0)
    if callback is not None:
        _checks.function("callback", callback, "the run until then", 1)
    rate = alpha / rnn.n_units ** (2 - 2 * rnn.beta) * rnn.scale
    task = partial(Task, scale=rnn.scale, rate=rate, clip=bound, stop=STOP)
    n_records = _checks.integer("n_records", n_records, least=1)
    parts, n_steps = _parts(rnn, data, time, rng, batch, task)
    if tau > 1 and n_steps is not None:
        tau = min(tau, max(len(rnn.past[0]) + n_steps + 1, 2))  # further back there is nothing
    held: Any = Blocks.of(rnn) if tau == 1 else Rings.of(rnn, tau)
    if batch:
        sequences: Any = data
        held = Weights.of(rnn)._replace(S=np.zeros((len(sequences), rnn.n_units)))
    loop = in_batch if batch else one_step if tau == 1 else replay
    return descend(rnn, loop, held, parts, n_steps, n_records, alpha, points, callback, progress)


def descend(
    rnn: Any,
    loop: Any,
    held: Any,
    parts: Parts,
    n_steps: int | None,
    n_records: int,
    alpha: float,
    points: tuple[Any, Any] | None = None,
    callback: Callable[[TrainingRun], bool | None] | None = None,
    progress: bool = False,
) -> TrainingRun:
    """Run a compiled loop, on a network as it is held for that, over the parts of what it learns from; see `train`."""
    sigma, N = rnn.activation, rnn.n_units
    watched = progress or points is not None or callback is not None
    network: Any = rnn
    times: list[float] = []
    losses: list[float] = []
    predictions: list[Array] = []

    def record() -> tuple[Any, Any, Any]:
        at_points = None if points is None else np.reshape(predictions, (-1, len(points[1])))
        return np.array(times), np.array(losses), at_points

    try:
        with progress_bar(n_steps, "step", progress) as count:
            for task, before, steps in _pieces(parts, n_records, watched):
                found = np.empty(len(steps) - 1)
                answer = _interruptible(loop, sigma.value, sigma.derivative, held, task, steps, found)
                reached = int(steps[-1] if answer == -1 else answer if answer >= 0 else -2 - answer)
                done = int(np.searchsorted(steps, reached, side="right")) - 1
                times.extend((before + steps[1 : done + 1]) / N)
                losses.extend(found[:done])
                network = None if answer >= 0 else held.network(rnn)
                if network is None:  # the last step may diverge without an error that shows it
                    k, of = before + reached, "" if n_steps is None else f" of {n_steps}"
                    clip = ", or clip" * isinstance(rnn, RNN)
                    raise DivergenceError(
                        f"training of {N} units with beta = {rnn.beta:g} diverged at step {k}{of}, t = {k / N:g}: the "
                        f"error is beyond {TOO_LARGE:g} or not a number; try a learning_rate below {alpha:g}{clip}",
                        step=k,
                        record=TrainingRecord(*record()),
                    )
                if answer < -1:
                    raise KeyboardInterrupt
                if points is not None:
                    predictions.append(network.predict(*points))
                count(reached - int(steps[0]))
                if callback is not None and _checks.said("callback", callback, TrainingRun(*record(), network)):
                    break
    except KeyboardInterrupt as stopped:
        stopped.run = TrainingRun(*record(), network or rnn)  # type: ignore[attr-defined]
        stopped.add_note("What was trained until then is the attribute `run` of this exception.")
        raise
    return TrainingRun(*record(), network or rnn)


def _interruptible(loop: Any, *what: Any) -> int:
    """Run a compiled loop where it does not keep Ctrl-C from the main thread; −2 − k says that it stopped at step k."""
    if current_thread() is not main_thread() or not hasattr(loop, "py_func"):
        return int(loop(*what))
    with ThreadPoolExecutor(1) as worker:
        job = worker.submit(loop, *what)
        try:
            while not wait([job], AWAKE).done:
                pass
            return int(job.result())
        except KeyboardInterrupt:
            STOP[0] = 1
            answer = int(job.result())
            return answer if answer != -1 else -2 - int(what[-2][-1])
        finally:
            STOP[0] = 0


def steps_until(time: float | None, n_units: int) -> int | None:
    """Return round(time·N), if a time is given."""
    return None if time is None else round(_checks.number("time", time, least=0, most=2.0**62 / n_units) * n_units)


def _parts(
    rnn: RNN, data: Data, time: float | None, rng: Rng, batch: bool, task: Callable[..., Task]
) -> tuple[Parts, int | None]:
    """Return what is to be learned from, in parts, and the number of all steps if it is known."""
    steps = steps_until(time, rnn.n_units)
    several = isinstance(data, (tuple, list)) and _checks.is_several(data)
    if batch and not several:
        raise TypeError(f"data must be a list of pairs (x, y) if batch=True, not {_checks.described(data)}")
    if isinstance(data, Iterator):
        return _stream(rnn, data, steps, task), steps
    if not isinstance(data, (tuple, list)):
        if not isinstance(data, Source):
            raise TypeError(
                "data must be a pair (x, y), a list of pairs, an iterator of pairs, or have a method simulate(n, "
                f"rng=), not {_checks.described(data)}"
            )
        if steps is None:
            raise ValueError("time must be given if data is simulated")
        data = _checks.simulated(data, steps, rng)
    xs, ys = zip(*_checks.records(data, rnn.n_inputs), strict=True)
    lengths = [len(y) for y in ys]
    if several and not all(lengths):
        raise ValueError(f"data must hold records of at least one step, but data[{lengths.index(0)}] has none")
    if batch and len(set(lengths)) > 1:
        raise ValueError(f"data must hold sequences of one length if batch=True, not {set(lengths)}")
    if not any(lengths) and steps:
        raise ValueError("data must hold at least one input, not none")
    n = lengths[0] if batch else sum(lengths)
    starts = np.zeros(n, np.bool_)
    if several:
        starts[0 if batch else np.cumsum([0, *lengths[:-1]])] = True
    join = np.stack if batch else np.concatenate
    n_steps = n if steps is None else steps
    return [(task(join(xs), join(ys), starts), n_steps)], n_steps


def _stream(rnn: RNN, data: Iterator[Any], n_steps: int | None, task: Callable[..., Task]) -> Parts:
    """Yield the parts of a sequence until it ends, or until there are enough steps."""
    while n_steps is None or n_steps > 0:
        given = next(data, None)
        if given is None:
            return
        ((x, y),) = _checks.records(_checks.pair("each part of data", given), rnn.n_inputs)
        n = len(x) if n_steps is None else min(len(x), n_steps)
        yield task(x, y, np.zeros(len(x), np.bool_)), n
        n_steps = None if n_steps is None else n_steps - n


def _pieces(parts: Parts, n_records: int, watched: bool) -> Iterator[tuple[Any, int, Any]]:
    """Yield what to learn from, the number of steps before it, and where records end: one by one if watched."""
    before = 0
    for task, n_steps in parts:
        n = min(n_records if isinstance(parts, list) else 1, n_steps)
        stops = np.arange(n + 1) * n_steps // max(n, 1)
        stride = 1 if watched else max(n, 1)
        yield from ((task, before, stops[first : first + stride + 1]) for first in range(0, n, stride))
        before += n_steps


@contextmanager
def progress_bar(total: int | None, unit: str, shown: bool) -> Iterator[Callable[[int], Any]]:
    """Give a function that counts what is done.

    Not ``tqdm(disable=)``: it takes a fifth of the time of a short run, and warns in a notebook without ipywidgets.
    """
    if not shown:
        yield int
        return
    from tqdm.auto import tqdm

    with tqdm(total=total, unit=unit) as bar:
        yield bar.update
