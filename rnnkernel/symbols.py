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
from rnnkernel._immutable import Immutable
from rnnkernel._jit import jit, slices
from rnnkernel._types import Array, Rng
from rnnkernel.activations import Activation
from rnnkernel.activations import activation as named_activation
from rnnkernel.initial import InitialLaw
from rnnkernel.training import DivergenceError, TrainingRecord, steps_until

_FAST = {"reassoc", "contract", "nsz"}
_TOO_LARGE = 1e100


class SymbolRNN(Immutable):
    """A recurrent network of N units that reads d symbols and has p outputs; training returns a new one.

    Parameters
    ----------
    output : array_like, shape (N, p)
        Output weights C.
    inputs : array_like, shape (N, d)
        Input weights W: column x is what the units add to their memory when symbol x arrives.
    recurrent : array_like, shape (N,)
        Recurrent weights B.
    beta : float
        The exponent β of the output's scale N^{−β}, in (0, 1].
    hidden : array_like, shape (N,), optional
        The hidden state S; zero if not given.
    activation : str or Activation
        The activation σ.

    Notes
    -----
    Book: :doc:`a-network-that-writes`.

    Examples
    --------
    >>> rnn = SymbolRNN([[1.0, 0.0], [0.0, 1.0]], [[0.5, 1.0], [1.0, 0.5]], [0.2, 0.4], beta=0.75)
    >>> rnn.predict([0, 1], memory=0.0).round(6)
    array([[0.274777, 0.452847],
           [0.452847, 0.274777]])
    """

    def __init__(
        self,
        output: Any,
        inputs: Any,
        recurrent: Any,
        *,
        beta: float,
        hidden: Any = None,
        activation: str | Activation = "tanh",
    ) -> None:
        self.output = _checks.array("output", output, ndim=2)
        self.inputs = _checks.array("inputs", inputs, ndim=2)
        self.recurrent = _checks.array("recurrent", recurrent, ndim=1)
        N = len(self.recurrent)
        self.hidden = np.zeros(N) if hidden is None else _checks.array("hidden", hidden, ndim=1)
        for name, weights in (("output", self.output), ("inputs", self.inputs), ("hidden", self.hidden)):
            if len(weights) != N or not weights.size:
                raise ValueError(f"{name} must hold {N} units, as recurrent does, not shape {weights.shape}")
        self.beta = _checks.number("beta", beta, above=0, most=1)
        self.activation = named_activation(activation)

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
        if not isinstance(law, InitialLaw):
            raise TypeError(f"law must be an InitialLaw, not {type(law).__name__}")
        p = law.n_inputs if n_outputs is None else _checks.integer("n_outputs", n_outputs, least=1)
        generator = _checks.generator(rng)
        first, W, B = law.sample(n_units, rng=generator, paired=paired)
        half = len(first) // 2 if paired else len(first)
        others = np.asarray(law.output.rvs(size=(half, p - 1), random_state=generator), dtype=float)
        others = np.concatenate([others, -others]) if paired else others
        return cls(np.column_stack([first, others]), W, B, beta=beta, activation=activation)

    def predict(self, x: Any, memory: Any) -> Array:
        """Return outputs N^{−β} Σ_i C^{ia} σ(W^{ix} + m) at symbols x and memories m.

        Arguments have shape (n_points,), or are repeated; the answer has shape (n_points, p).
        """
        return np.asarray(self._states(x, memory) @ self.output * len(self.recurrent) ** -self.beta)

    def next_memory(self, x: Any, memory: Any) -> Array:
        """(1/N) Σ_j B^j σ(W^{jx} + m): the memory after symbol x, shape (n_points,); arguments as for `predict`."""
        return np.asarray(self._states(x, memory) @ self.recurrent / len(self.recurrent))

    def forecast(self, x: Any) -> Array:
        """Return outputs (n, p) along symbols (n,), from the network's own state, with weights frozen."""
        x, N = symbols("x", x, self.inputs.shape[1]), len(self.recurrent)
        memory, W = np.empty(len(x) + 1), self.inputs.T.copy()
        memory[0] = self.recurrent @ self.hidden / N
        for part in slices(len(x), N):
            _remember(self.activation.value, W, self.recurrent, x[part], memory[part.start : part.stop + 1])
        parts = [self.predict(x[part], memory[part]) for part in slices(len(x), N)]
        return np.concatenate(parts or [np.empty((0, self.output.shape[1]))])

    def _states(self, x: Any, memory: Any) -> Array:
        x, m = points(x, memory, self.inputs.shape[1])
        return self.activation(self.inputs.T[x] + m[:, None])

    def __repr__(self) -> str:
        (N, p), d = self.output.shape, self.inputs.shape[1]
        return f"SymbolRNN(n_units={N}, n_symbols={d}, n_outputs={p}, beta={self.beta:g})"


def train_symbols(
    rnn: SymbolRNN,
    data: tuple[Any, Any],
    *,
    learning_rate: float,
    time: float | None = None,
    loss: str = "cross-entropy",
    n_records: int = 100,
) -> tuple[SymbolRNN, TrainingRecord]:
    """Train a network on a sequence of symbols by online gradient descent, truncated after one step.

    Parameters
    ----------
    rnn : SymbolRNN
        The network, which starts at its own hidden state, and is not changed.
    data : tuple (x, y)
        Symbols x (n,), and targets: symbols (n,), or for the squared loss numbers (n, p).
    learning_rate : float
        α; a step uses α/N^{2−2β}.
    time : float, optional
        How long: round(time·N) steps, in cycles if the sequence is shorter.  One pass if not given.
    loss : "cross-entropy" or "squared"
        The loss; symbols as targets of the squared loss are unit vectors.
    n_records : int
        How many mean losses to record.

    Returns
    -------
    network : SymbolRNN
        The network after the last step, with its hidden state.
    record : TrainingRecord
        Times, and mean losses since the record before, in nats for the cross-entropy.

    Raises
    ------
    DivergenceError
        If a loss is beyond 1e100 or not a number.

    Examples
    --------
    >>> from scipy import stats
    >>> law = InitialLaw(stats.uniform(-1, 2), inputs=stats.norm(0.7, 1), recurrent=stats.uniform(0, 1), n_inputs=3)
    >>> rnn = SymbolRNN.sample(law, n_units=100, beta=0.75, rng=0, paired=True)
    >>> network, record = train_symbols(rnn, ([0, 1, 2], [1, 2, 0]), time=50.0, learning_rate=1.0)
    >>> network.predict([0, 1, 2], memory=0.3).argmax(axis=1)
    array([1, 2, 0])
    """
    if not isinstance(rnn, SymbolRNN):
        raise TypeError(f"rnn must be a SymbolRNN, not {type(rnn).__name__}")
    N, p = rnn.output.shape
    alpha = _checks.number("learning_rate", learning_rate, least=0)
    x, rows, table = pairs(data, rnn.inputs.shape[1], p, loss)
    given = steps_until(time, N)
    steps = len(x) if given is None else given
    n_records = min(_checks.integer("n_records", n_records, least=1), steps)
    stops = np.arange(n_records + 1) * steps // max(n_records, 1)
    losses = np.zeros(n_records)
    held = rnn.output.T.copy(), rnn.inputs.T.copy(), rnn.recurrent.copy(), rnn.hidden.copy()
    rate = alpha * N ** (rnn.beta - 2)
    functions = rnn.activation.value, rnn.activation.derivative, _ERRORS[loss]
    for r in range(n_records):
        first, last = int(stops[r]), int(stops[r + 1])
        for part in slices(last - first, N * p):  # Ctrl-C is heard between
            span = first + part.start, first + part.stop
            total, reached = _descend(*functions, held, x, rows, table, N**-rnn.beta, rate, span)
            if reached < span[1]:
                raise DivergenceError(
                    f"training of {N} units diverged at step {reached}: the loss is beyond {_TOO_LARGE:g} or not a "
                    f"number; try a learning_rate below {alpha:g}",
                    step=int(reached),
                    record=TrainingRecord(stops[1 : r + 1] / N, losses[:r], None),
                )
            losses[r] += total / (last - first)
    C, W, B, S = held
    network = SymbolRNN(C.T, W.T, B, beta=rnn.beta, hidden=S, activation=rnn.activation)
    return network, TrainingRecord(stops[1:] / N, losses, None)


def symbols(name: str, value: Any, n_symbols: int, ndim: int | tuple[int, ...] = 1) -> Any:
    """Return symbols as integers, each of them below their number."""
    given = _checks.integers(name, value, ndim=ndim)
    if given.size and not (given.min() >= 0 and given.max() < n_symbols):
        wrong = f"not {given.min()} to {given.max()}: rnn or law knows no others"
        raise ValueError(f"{name} must hold symbols from 0 to {n_symbols - 1}, {wrong}")
    return given


def points(x: Any, memory: Any, n_symbols: int) -> Any:
    """Return symbols and memories (n_points,); one of either is repeated to match the other."""
    given, m = (
        np.atleast_1d(symbols("x", x, n_symbols, ndim=(0, 1))),
        np.atleast_1d(_checks.array("memory", memory, ndim=(0, 1))),
    )
    if 1 not in (len(given), len(m)) and len(given) != len(m):
        raise ValueError(f"x and memory must have the same number of points, not {len(given)} and {len(m)}")
    return np.broadcast_arrays(given, m)


def pairs(data: Any, n_symbols: int, p: int, loss: str) -> tuple[Any, Any, Array]:
    """Return symbols x, and targets as rows of a table: the row of each step, and the table (n_rows, p)."""
    _checks.choice("loss", loss, tuple(_ERRORS))
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


@jit(fastmath=_FAST)
def _squared(f: Any, y: Any, e: Any) -> Any:
    loss = 0.0
    for a in range(len(f)):
        e[a] = y[a] - f[a]
        loss += 0.5 * e[a] ** 2
    return loss


@jit(fastmath=_FAST)
def _cross_entropy(f: Any, y: Any, e: Any) -> Any:
    top, total, along = np.max(f), 0.0, 0.0
    for a in range(len(f)):
        e[a] = _math.exp(f[a] - top)
        total += e[a]
        along += y[a] * (f[a] - top)
    for a in range(len(f)):
        e[a] = y[a] - e[a] / total
    return np.log(total) - along


_ERRORS = {"cross-entropy": _cross_entropy, "squared": _squared}


@jit(fastmath=_FAST, nogil=True)
def _descend(
    value: Any, derivative: Any, error: Any, held: Any, x: Any, rows: Any, table: Any, scale: Any, rate: Any, span: Any
) -> Any:
    """Take the steps of `span`; return the sum of their losses, and where this ended."""
    C, W, B, S = held
    p, N = C.shape
    f, e, S_next, D, V = np.empty(p), np.empty(p), np.empty(N), np.empty(N), np.empty(N)
    total = 0.0
    for k in range(span[0], span[1]):
        w = W[x[k % len(x)]]
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
        loss = error(f, table[rows[k % len(x)]], e)
        if not loss < _TOO_LARGE:
            return total, k
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
    return total, span[1]


@jit(fastmath=_FAST, nogil=True)
def _remember(value: Any, W: Any, B: Any, x: Any, memory: Any) -> None:
    """Fill `memory` from its first entry on: the means of B σ(W_x + m)."""
    for k in range(len(x)):
        w, total = W[x[k]], 0.0
        for i in range(len(B)):
            total += B[i] * value(w[i] + memory[k])
        memory[k + 1] = total / len(B)
