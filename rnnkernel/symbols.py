"""Networks that read symbols and answer with p numbers: one-hot inputs by their index, one memory.

The input e_x is the x-th unit vector, so that W^i·e_x = W^{ix}.  Each of p outputs has weights C^{ia} of its own,

    f^a_k = N^{−β} Σ_i C^{ia} S^i_{k+1},    S^i_{k+1} = σ(W^{i x_k} + m_k),    m_k = (1/N) Σ_j B^j S^j_k,

and the loss is ℓ(y, f) = Ψ(f) − y·f + Ψ*(y) for a convex Ψ:

    squared          Ψ(f) = ½|f|²             ∇Ψ(f) = f             ℓ = ½|y − f|²
    cross-entropy    Ψ(f) = log Σ_a e^{f^a}   ∇Ψ(f) = softmax f     ℓ = −log(softmax f)^y,  y a symbol

With e = y − ∇Ψ(f), α^N = α/N^{2−2β} and D^i = σ'(W^{i x_k} + m_k), gradient descent truncated after one step is

    C^{ia} += α^N N^{−β} e^a S^i_{k+1}
    W^{ix_k} += α^N N^{−β} D^i Σ_a e^a C^{ia}
    B^j += α^N N^{−β} S^j_k Σ_a e^a q^a,    q^a = (1/N) Σ_i C^{ia} D^i.
"""

from typing import Any

import numpy as np

from rnnkernel import _checks, _math
from rnnkernel._jit import jit, slices
from rnnkernel._steps import FAST, TOO_LARGE, Weights
from rnnkernel._types import Array, Rng
from rnnkernel.activations import Activation
from rnnkernel.initial import InitialLaw
from rnnkernel.network import Network
from rnnkernel.training import STOP, TrainingRecord, descend, steps_until

LOSSES = "cross-entropy", "squared"


class SymbolRNN(Network):
    """A recurrent network of N units that reads d symbols and has p outputs; training returns a new one.

    Book: :doc:`a-network-that-writes`.

    Parameters
    ----------
    output : array_like, shape (N, p)
        Output weights C.
    inputs : array_like, shape (N, d)
        Input weights W: column x is what the units add to their memory when symbol x arrives.
    recurrent : array_like, shape (N,)
    beta : float
    hidden : array_like, shape (N,), optional
    activation : str or Activation
        As for `RNN`.

    Examples
    --------
    >>> rnn = SymbolRNN([[1.0, 0.0], [0.0, 1.0]], [[0.5, 1.0], [1.0, 0.5]], [0.2, 0.4], beta=0.75)
    >>> rnn.predict([0, 1], memory=0.0).round(6)
    array([[0.274777, 0.452847],
           [0.452847, 0.274777]])
    """

    _output_ndim = 2

    @classmethod
    def sample(
        cls,
        law: InitialLaw,
        *,
        n_units: int,
        beta: float,
        rng: Rng,
        n_outputs: int | None = None,
        paired: bool = False,
        activation: str | Activation = "tanh",
    ) -> "SymbolRNN":
        """Draw a network of independent units as `RNN.sample` does, each with p weights C; p = d if not given."""
        _checks.kind("law", law, InitialLaw)
        p = law.n_inputs if n_outputs is None else _checks.integer("n_outputs", n_outputs, least=1)
        generator = _checks.generator(rng)
        first, W, B = law.sample(n_units, rng=generator, paired=paired)
        half = len(first) // 2 if paired else len(first)
        others = np.asarray(law.output.rvs(size=(half, p - 1), random_state=generator), dtype=float)
        others = np.concatenate([others, -others]) if paired else others
        return cls(np.column_stack([first, others]), W, B, beta=beta, activation=activation)

    def predict(self, x: Any, memory: Any) -> Array:
        """Return N^{−β} Σ_i C^{ia} σ(W^{ix} + m), shape (n_points, p); arguments as for `RNN.predict`, x symbols."""
        return np.asarray(self._states(x, memory) @ self.output * self.scale)

    def next_memory(self, x: Any, memory: Any) -> Array:
        """(1/N) Σ_j B^j σ(W^{jx} + m): the memory after symbol x, shape (n_points,); arguments as for `predict`."""
        return np.asarray(self._states(x, memory) @ self.recurrent / self.n_units)

    def forecast(self, x: Any) -> Array:
        """Return outputs (n, p) along symbols (n,), from the network's own state, with weights frozen."""
        x, N, d = symbols("x", x, self.n_inputs), self.n_units, self.n_inputs
        nodes = self.inputs.T.ravel(), np.tile(self.recurrent, d), np.arange(d + 1) * N
        memory = trajectory(self.activation, *nodes, N, x, self.memory)
        parts = [self.predict(x[part], memory[part]) for part in slices(len(x), N)]
        return np.concatenate(parts or [np.empty((0, self.output.shape[1]))])

    def _states(self, x: Any, memory: Any) -> Array:
        x, m = points(x, memory, self.n_inputs)
        return self.activation(self.inputs.T[x] + m[:, None])

    def __repr__(self) -> str:
        p = self.output.shape[1]
        return f"SymbolRNN(n_units={self.n_units}, n_symbols={self.n_inputs}, n_outputs={p}, beta={self.beta:g})"


def train_symbols(
    rnn: SymbolRNN,
    data: tuple[Any, Any],
    *,
    learning_rate: float,
    time: float | None = None,
    loss: str = "cross-entropy",
    n_records: int = 100,
) -> tuple[SymbolRNN, TrainingRecord]:
    """Train a network on a sequence of symbols by online gradient descent, truncated after one step; see `train`.

    Parameters
    ----------
    rnn : SymbolRNN
        The network, which starts at its own hidden state, and is not changed.
    data : tuple (x, y)
        Symbols x (n,), and targets: symbols (n,), or for the squared loss numbers (n, p).
    learning_rate : float
    time : float, optional
        As for `train`.
    loss : "cross-entropy" or "squared"
        The loss; symbols as targets of the squared loss are unit vectors.
    n_records : int
        How many mean losses to record.

    Returns
    -------
    network : SymbolRNN
        The network after the last step, with its hidden state.
    record : TrainingRecord
        Times, and mean losses, in nats for the cross-entropy.

    Examples
    --------
    >>> from scipy import stats
    >>> law = InitialLaw(stats.uniform(-1, 2), inputs=stats.norm(0.7, 1), recurrent=stats.uniform(0, 1), n_inputs=3)
    >>> rnn = SymbolRNN.sample(law, n_units=100, beta=0.75, rng=0, paired=True)
    >>> network, record = train_symbols(rnn, ([0, 1, 2], [1, 2, 0]), time=50.0, learning_rate=1.0)
    >>> network.predict([0, 1, 2], memory=0.3).argmax(axis=1)
    array([1, 2, 0])
    """
    N, p = _checks.kind("rnn", rnn, SymbolRNN).output.shape
    alpha = _checks.number("learning_rate", learning_rate, least=0)
    sequence = pairs(data, rnn.n_inputs, p, loss)
    steps = steps_until(time, N)
    task = *sequence, loss == "squared", rnn.scale, alpha * N ** (rnn.beta - 2), STOP
    n_steps, n_records = len(sequence[0]) if steps is None else steps, _checks.integer("n_records", n_records, least=1)
    run = descend(rnn, _learn, Weights.of(rnn), [(task, n_steps)], n_steps, n_records, alpha)
    network: Any = run.network
    return network, TrainingRecord(run.times, run.losses, None)


def trajectory(
    activation: Activation, nodes: Array, weights: Array, starts: Any, n: int, x: Any, start: float
) -> Array:
    """Memories along symbols x, from the first on: each is Σ_q weights[q] σ(nodes[q] + m)/n, nodes of one symbol."""
    memory = np.full(len(x) + 1, start)
    for part in slices(len(x), int(np.diff(starts).max())):
        _iterate(activation.value, nodes, weights, starts, n, x[part], memory[part.start : part.stop + 1])
    return memory


def symbols(name: str, value: Any, n_symbols: int, ndim: int | tuple[int, ...] = 1) -> Any:
    """Return symbols as integers, each of them below their number."""
    given = _checks.integers(name, value, ndim=ndim)
    if given.size and not (given.min() >= 0 and given.max() < n_symbols):
        wrong = f"not {given.min()} to {given.max()}: rnn or law knows no others"
        raise ValueError(f"{name} must hold symbols from 0 to {n_symbols - 1}, {wrong}")
    return given


def points(x: Any, memory: Any, n_symbols: int) -> Any:
    """Return symbols and memories (n_points,); one of either is repeated to match the other."""
    given = np.atleast_1d(symbols("x", x, n_symbols, ndim=(0, 1)))
    m = np.atleast_1d(_checks.array("memory", memory, ndim=(0, 1)))
    if 1 not in (len(given), len(m)) and len(given) != len(m):
        raise ValueError(f"x and memory must have the same number of points, not {len(given)} and {len(m)}")
    return np.broadcast_arrays(given, m)


def pairs(data: Any, n_symbols: int, p: int, loss: str) -> tuple[Any, Any, Array]:
    """Return symbols x, and targets as rows of a table: the row of each step, and the table (n_rows, p)."""
    _checks.choice("loss", loss, LOSSES)
    given, targets = _checks.pair("data", data)
    x = symbols("x of data", given, n_symbols)
    if not len(x) or np.shape(targets)[:1] != x.shape:
        raise ValueError(f"data must hold as many targets as symbols, and some, not {x.shape} and {np.shape(targets)}")
    if np.ndim(targets) == 1:
        return x, symbols("y of data", targets, p), np.eye(p)
    y = _checks.array("y of data", targets, ndim=2)
    if loss != "squared" or y.shape[1] != p:
        raise ValueError(f"y of data must be symbols, or for the squared loss have shape (n, {p}), not {y.shape}")
    return x, np.arange(len(x)), y


@jit(fastmath=FAST)
def _squared(f: Any, y: Any, e: Any) -> Any:
    loss = 0.0
    for a in range(len(f)):
        e[a] = y[a] - f[a]
        loss += 0.5 * e[a] ** 2
    return loss


@jit(fastmath=FAST)
def _cross_entropy(f: Any, y: Any, e: Any) -> Any:
    top, total, along = np.max(f), 0.0, 0.0
    for a in range(len(f)):
        e[a] = _math.exp(f[a] - top)
        total += e[a]
        along += y[a] * (f[a] - top)
    for a in range(len(f)):
        e[a] = y[a] - e[a] / total
    return np.log(total) - along


@jit(fastmath=FAST, nogil=True)
def _learn(value: Any, derivative: Any, held: Weights, task: Any, stops: Any, losses: Any) -> Any:
    """Train from the first stop to the last; return as `one_step` does."""
    C, W, B, S = held
    x, rows, table, squared, scale, rate, stop = task
    p, N = C.shape
    f, e, S_next, D, V = np.empty(p), np.empty(p), np.empty(N), np.empty(N), np.empty(N)
    for r in range(len(losses)):
        total = 0.0
        for k in range(stops[r], stops[r + 1]):
            if stop[0]:
                return -2 - k
            w, y = W[x[k % len(x)]], table[rows[k % len(x)]]
            m = 0.0
            for i in range(N):
                m += B[i] * S[i]
            m /= N
            for i in range(N):
                S_next[i] = value(w[i] + m)
                D[i] = derivative(w[i] + m)
                V[i] = 0.0
            for a in range(p):
                output = 0.0
                for i in range(N):
                    output += C[a, i] * S_next[i]
                f[a] = scale * output
            loss = _squared(f, y, e) if squared else _cross_entropy(f, y, e)
            if not loss < TOO_LARGE:
                return k
            total += loss
            for a in range(p):
                move = rate * e[a]
                for i in range(N):
                    V[i] += move * C[a, i]
                    C[a, i] += move * S_next[i]
            q = 0.0
            for i in range(N):
                V[i] *= D[i]
                q += V[i]
                w[i] += V[i]
            q /= N
            for i in range(N):
                B[i] += q * S[i]
                S[i] = S_next[i]
        losses[r] = total / (stops[r + 1] - stops[r])
    return -1


@jit(fastmath=FAST, nogil=True)
def _iterate(value: Any, nodes: Any, weights: Any, starts: Any, n: Any, x: Any, memory: Any) -> None:
    for k in range(len(x)):
        total = 0.0
        for q in range(starts[x[k]], starts[x[k] + 1]):
            total += weights[q] * value(nodes[q] + memory[k])
        memory[k + 1] = total / n
