"""Online stochastic gradient descent: one step for each input, back-propagation truncated after τ steps.

With e_k = y_k − ŷ_k, D^i_k = σ'(W^i·x_k + m_k), and everything on the right from before the step,

    C^i += α^N N^{−β} e_k S^i_{k+1}
    W^i += α^N N^{−β} e_k C^i D^i_k x_k                 α^N = α/N^{2−2β}
    B^j += α^N N^{−β} e_k S^j_k q_k                     q_k = (1/N) Σ_i C^i D^i_k

is the gradient for τ = 1.  For τ > 1 the output is replayed: from the stored state S_{k−τ+1}, over the last τ inputs,
with the current parameters.  The gradient of that map takes the place of the one above; e_k and the state itself still
follow the online recursion.

The loop for τ = 1 passes once over the units in each step.  It needs the next memory before B has moved, from

    N m_{k+1} = Σ_j B^j_{k+1} S^j_{k+1} = Σ_j B^j_k S^j_{k+1} + (α^N N^{−β} e_k q_k) Σ_j S^j_k S^j_{k+1},

so that a pass can finish one step and take the next.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from threading import current_thread, main_thread
from typing import Any, NamedTuple, TypeVar

import numpy as np

from rnnkernel import _checks
from rnnkernel._immutable import Immutable
from rnnkernel._jit import hot, jit
from rnnkernel._types import Array, Data, Rng, Source
from rnnkernel.activations import preactivations
from rnnkernel.network import RNN, Network

Parts = Iterable[tuple[Any, int]]  # what a loop learns from, and how many steps to take along it, in cycles
Net = TypeVar("Net", bound=Network)
FAST = {"reassoc", "contract", "nsz"}
STOP = np.zeros(1, np.int64)  # one ends every training of this process: Ctrl-C cannot reach compiled code
AWAKE = 0.1  # seconds after which a main thread that waits looks for a Ctrl-C that a worker got, or Windows held back
TOO_LARGE = 1e100  # an error beyond it is divergence; below it no update overflows
LANES = 1112  # units in a block: a long loop, and rows that start far from one another in the sets of the cache
_VECTOR = 8  # the loop runs over whole vectors of units; those beyond N rest at zero


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

    Notes
    -----
    If E C ≠ 0 in the law of the network there is no kernel limit; see `RNN.sample`.  Book: :doc:`training-online`.

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


class Task(NamedTuple):
    """What a loop learns from, and how: sequence, scale N^{−β} of output, rate α^N N^{−β}, bound on errors, `STOP`."""

    x: Array  # (n, d)
    y: Array
    starts: Any  # of records: there the state is set to zero
    scale: float
    rate: float
    clip: float
    stop: Any


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


class Blocks(NamedTuple):
    """A network as the loop for τ = 1 holds it: in blocks of units, each row of a block contiguous."""

    rows: Any
    n_units: int
    memory: Array

    @classmethod
    def of(cls, rnn: RNN) -> "Blocks":
        """Return a copy of the network."""
        row = layout(rnn.n_inputs)
        n_blocks = -(-rnn.n_units // LANES)
        raw = np.zeros(n_blocks * row.itemsize + 64, np.uint8)
        start = -raw.ctypes.data % 64  # a vector of 64 bytes then never straddles two cache lines
        rows = raw[start : start + n_blocks * row.itemsize].view(row)
        for name, weights in (("C", rnn.output), ("B", rnn.recurrent), ("S", rnn.hidden)):
            rows[name] = _fold(weights)
        for a in range(rnn.n_inputs):
            rows["W"][:, a] = _fold(rnn.inputs[:, a])
        return cls(rows, rnn.n_units, np.array([rnn.memory]))

    def network(self, like: RNN) -> RNN | None:
        """Return the network that is held; see `Weights`."""
        C, B, S = (self.rows[name].ravel()[: self.n_units] for name in "CBS")
        W = self.rows["W"].transpose(0, 2, 1).reshape(-1, like.n_inputs)[: self.n_units]
        return Weights(C, W.T, B, S).network(like)


class Weights(NamedTuple):
    """A network of one or p outputs as other loops hold it: C (N,) or (p, N), W (d, N), B, and S (N,) or (b, N)."""

    C: Array
    W: Array
    B: Array
    S: Array

    @classmethod
    def of(cls, rnn: Network) -> "Weights":
        """Return a copy of the network."""
        return cls(rnn.output.T.copy(), rnn.inputs.T.copy(), rnn.recurrent.copy(), rnn.hidden.copy())

    def network(self, like: Net, **more: Any) -> Net | None:
        """Return a network of the kind, exponent and activation of another; None if it is not finite."""
        if not all(np.isfinite(each).all() for each in self):
            return None
        hidden = self.S.reshape(-1, len(self.B))[-1]
        how = {"beta": like.beta, "hidden": hidden, "activation": like.activation, **more}
        return type(like)(self.C.T, self.W.T, self.B, **how)


class Rings(NamedTuple):
    """A network as the loop for τ > 1 holds it, with rings of the last τ inputs and states."""

    weights: Weights
    inputs: Array
    states: Array
    seen: Any

    @classmethod
    def of(cls, rnn: RNN, tau: int) -> "Rings":
        """Return a copy of the network."""
        inputs, states = np.zeros((tau, rnn.n_inputs)), np.zeros((tau, rnn.n_units))
        n = min(len(rnn.past[0]), tau - 1)
        inputs[:n], states[:n] = (each[len(each) - n :] for each in rnn.past)
        return cls(Weights.of(rnn), inputs, states, np.array([n]))

    def network(self, like: RNN) -> RNN | None:
        """Return the network that is held; see `Weights`."""
        tau, seen = len(self.states), int(self.seen[0])
        order = np.arange(max(seen - tau + 1, 0), seen) % tau
        return self.weights.network(like, past=(self.inputs[order], self.states[order]))


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


@cache
def layout(n_inputs: int) -> np.dtype[np.void]:
    """Return the rows of a block: C, B, the state S, the one `before`, and CD, u and W.

    In a pass S is the state before it, then after it; CD holds C^i D^i of the last step.
    """
    names = "C", "B", "S", "before", "CD", "u"
    return np.dtype([*((name, np.float64, LANES) for name in names), ("W", np.float64, (n_inputs, LANES))])


def _fold(weights: Array) -> Array:
    folded = np.zeros(-(-len(weights) // LANES) * LANES)
    folded[: len(weights)] = weights
    return folded.reshape(-1, LANES)


@jit(fastmath=FAST)
def _pass(
    value: Any, derivative: Any, block: Any, n: Any, move: Any, move_q: Any, x_before: Any, x: Any, m: Any
) -> Any:
    """Finish the last step in the n units of a block and take the next; return its four sums over them."""
    hot()
    C, B, W, S, before = block["C"], block["B"], block["W"], block["S"], block["before"]
    CD, u = block["CD"], block["u"]
    whole = (n + _VECTOR - 1) // _VECTOR * _VECTOR
    for a in range(1, len(W)):  # the first coordinate goes with the loop below
        move_x, x_a = move * x_before[a], x[a]
        for i in range(whole):
            W[a, i] += move_x * CD[i]
            u[i] = W[a, i] * x_a + (u[i] if a > 1 else 0.0)
    move_x, x_a = move * x_before[0], x[0]
    output = q = held = cross = 0.0
    for i in range(whole):
        C[i] += move * S[i]
        W[0, i] += move_x * CD[i]
        B[i] += move_q * before[i]
        now = W[0, i] * x_a + m
        if len(W) > 1:
            now += u[i]
        S_next = value(now)
        CD[i] = C[i] * derivative(now)
        output += C[i] * S_next
        q += CD[i]
        held += B[i] * S_next
        cross += S[i] * S_next
        before[i] = S[i]
        S[i] = S_next
    for i in range(n, whole):
        S[i] = 0.0
    return output, q, held, cross


@jit(fastmath=FAST, nogil=True)
def one_step(value: Any, derivative: Any, blocks: Blocks, task: Task, stops: Any, losses: Any) -> Any:
    """Train from the first stop to the last, with τ = 1; return where it diverged, −2 − k if it stopped at k, or −1."""
    rows, N, memory = blocks
    x, y, starts, scale, rate, clip, stop = task
    m = memory[0]
    move = move_q = 0.0
    last = x[0]
    answer = -1
    for r in range(len(losses)):
        total, missing = 0.0, 0
        for k in range(stops[r], stops[r + 1]):
            if stop[0]:
                answer = -2 - k
                break
            at = k % len(x)
            now = x[at]
            if starts[at]:
                for b in range(len(rows)):
                    _finish(rows[b], min(LANES, N - b * LANES), move, move_q, last)
                    rows[b]["S"][:] = 0.0
                m = move = move_q = 0.0
            output = q = held = cross = 0.0
            for b in range(len(rows)):
                n = min(LANES, N - b * LANES)
                sums = _pass(value, derivative, rows[b], n, move, move_q, last, now, m)
                output += sums[0]
                q += sums[1]
                held += sums[2]
                cross += sums[3]
            e = y[at] - scale * output
            if not abs(e) < TOO_LARGE:
                if not _is_missing(y[at], scale * output):
                    return k
                e = 0.0
                missing += 1
            total += 0.5 * e * e
            move = rate * min(max(e, -clip), clip)
            move_q = move * q / N
            m = (held + move_q * cross) / N
            last = now
        if answer < -1:
            break
        n_known = stops[r + 1] - stops[r] - missing
        losses[r] = total / n_known if n_known else np.nan
    for b in range(len(rows)):
        _finish(rows[b], min(LANES, N - b * LANES), move, move_q, last)
    memory[0] = m
    return answer


@jit
def _is_missing(y: Any, output: Any) -> Any:
    """Return whether it is the target that an error lacks, not an output that diverged."""
    return np.isnan(y) and abs(output) < TOO_LARGE


@jit(fastmath=FAST)
def _finish(block: Any, n: Any, move: Any, move_q: Any, x: Any) -> None:
    """Finish the last step: what the next pass would have done."""
    C, B, W, S, before, CD = block["C"], block["B"], block["W"], block["S"], block["before"], block["CD"]
    for i in range(n):
        C[i] += move * S[i]
        B[i] += move_q * before[i]
    for a in range(len(W)):
        move_x = move * x[a]
        for i in range(n):
            W[a, i] += move_x * CD[i]


@jit(fastmath=FAST, nogil=True)
def replay(value: Any, derivative: Any, held: Rings, task: Task, stops: Any, losses: Any) -> Any:
    """Train from the first stop to the last, with τ > 1; return where it diverged, −2 − k if it stopped at k, or −1."""
    (C, W, B, S), inputs, states, seen = held
    x, y, starts, scale, rate, clip, stop = task
    tau, N = states.shape
    u, toward_B = np.empty(N), np.empty(N)
    S_replayed, D = np.empty((tau + 1, N)), np.empty((tau, N))
    for r in range(len(losses)):
        total, missing = 0.0, 0
        for k in range(stops[r], stops[r + 1]):
            if stop[0]:
                return -2 - k
            at = k % len(x)
            if starts[at]:
                seen[0] = 0
                S[:] = 0.0
            newest = seen[0] % tau
            seen[0] += 1
            inputs[newest] = x[at]
            states[newest] = S
            preactivations(W, inputs[newest], _mean(B, S), u)
            output = 0.0
            for i in range(len(S)):
                S[i] = value(u[i])
                output += C[i] * S[i]
            e = y[at] - scale * output
            if not abs(e) < TOO_LARGE:
                if not _is_missing(y[at], scale * output):
                    return k
                e = 0.0
                missing += 1
            total += 0.5 * e * e
            depth = min(tau, seen[0])
            _replay_outputs(value, derivative, held, depth, S_replayed, D, u)
            _descend(rate * min(max(e, -clip), clip), held, depth, S_replayed, D, u, toward_B)
        n_known = stops[r + 1] - stops[r] - missing
        losses[r] = total / n_known if n_known else np.nan
    return -1


@jit(fastmath=FAST)
def _replay_outputs(value: Any, derivative: Any, held: Rings, depth: Any, S: Any, D: Any, u: Any) -> None:
    """Fill S with the states, and D with the derivatives σ', along the last `depth` inputs."""
    (_, W, B, _), tau, first = held.weights, len(held.states), held.seen[0] - depth
    S[0] = held.states[first % tau]
    for j in range(depth):
        preactivations(W, held.inputs[(first + j) % tau], _mean(B, S[j]), u)
        for i in range(len(u)):
            S[j + 1, i] = value(u[i])
            D[j, i] = derivative(u[i])


@jit(fastmath=FAST)
def _descend(move: Any, held: Rings, depth: Any, S: Any, D: Any, delta: Any, toward_B: Any) -> None:
    """Add `move` times the gradient of Σ C S to the parameters; delta is its part through u, and q through memory."""
    (C, W, B, _), inputs, _, seen = held
    N, first = len(C), seen[0] - depth
    for i in range(N):
        delta[i] = C[i] * D[depth - 1, i]
        toward_B[i] = 0.0
    for j in range(depth - 1, -1, -1):
        q = 0.0
        for i in range(N):
            q += delta[i]
        q /= N
        for a in range(len(W)):
            move_x = move * inputs[(first + j) % len(inputs), a]
            for i in range(N):
                W[a, i] += move_x * delta[i]
        for i in range(N):
            toward_B[i] += q * S[j, i]
        if j > 0:
            for i in range(N):
                delta[i] = q * B[i] * D[j - 1, i]
    for i in range(N):
        C[i] += move * S[depth, i]
        B[i] += move * toward_B[i]


@jit(fastmath=FAST, forceinline=True)
def _mean(B: Any, S: Any) -> Any:
    """Memory (1/N) Σ_j B^j S^j."""
    total = 0.0
    for i in range(len(B)):
        total += B[i] * S[i]
    return total / len(B)


@jit(fastmath=FAST, nogil=True)
def in_batch(value: Any, derivative: Any, held: Weights, task: Task, stops: Any, losses: Any) -> Any:
    """Train on sequences side by side, with τ = 1; return as `one_step` does."""
    C, W, B, S = held
    x, y, starts, scale, rate, clip, stop = task
    b, N = S.shape
    u, moves, moves_q = np.empty(N), np.empty(b), np.empty(b)
    S_next, CD = np.empty((b, N)), np.empty((b, N))
    for r in range(len(losses)):
        total, missing = 0.0, 0
        for k in range(stops[r], stops[r + 1]):
            if stop[0]:
                return -2 - k
            at = k % len(starts)
            if starts[at]:
                S[:] = 0.0
            for s in range(b):
                preactivations(W, x[s, at], _mean(B, S[s]), u)
                output = q = 0.0
                for i in range(N):
                    S_next[s, i] = value(u[i])
                    CD[s, i] = C[i] * derivative(u[i])
                    output += C[i] * S_next[s, i]
                    q += CD[s, i]
                e = y[s, at] - scale * output
                if not abs(e) < TOO_LARGE:
                    if not _is_missing(y[s, at], scale * output):
                        return k
                    e = 0.0
                    missing += 1
                total += 0.5 * e * e
                moves[s] = rate / b * min(max(e, -clip), clip)
                moves_q[s] = moves[s] * q / N
            for s in range(b):
                for a in range(len(W)):
                    move_x = moves[s] * x[s, at, a]
                    for i in range(N):
                        W[a, i] += move_x * CD[s, i]
                for i in range(N):
                    C[i] += moves[s] * S_next[s, i]
                    B[i] += moves_q[s] * S[s, i]
                    S[s, i] = S_next[s, i]
        n_known = b * (stops[r + 1] - stops[r]) - missing
        losses[r] = total / n_known if n_known else np.nan
    return -1
