"""The finite network: N units with output weights C, input weights W, recurrent weights B and hidden state S.

With input x_k and "simplified" recurrent matrix, whose rows are all B/N,

    m_k       = (1/N) Σ_j B^j S^j_k          the memory held when x_k arrives: one number
    S^i_{k+1} = σ(W^i·x_k + m_k)             the hidden layer
    ŷ_k       = N^{−β} Σ_i C^i S^i_{k+1}     the output

and one step of online stochastic gradient descent at learning rate α/N^{2−2β}.
"""

import warnings
from functools import partial
from typing import Any

import numpy as np

from rnnkernel import _ahead, _checks
from rnnkernel._checks import AssumptionWarning
from rnnkernel._immutable import Immutable
from rnnkernel._jit import jit, slices
from rnnkernel._types import Array, Rng
from rnnkernel.activations import Activation, preactivations
from rnnkernel.activations import activation as named_activation
from rnnkernel.initial import InitialLaw, is_centred


class Network(Immutable):
    """N units with their weights and state: what `RNN` and `SymbolRNN` share."""

    _output_ndim = 1

    def __init__(
        self, output: Any, inputs: Any, recurrent: Any, *, beta: float, hidden: Any = None, activation: Any = "tanh"
    ) -> None:
        C = _checks.array("output", output, ndim=self._output_ndim)
        W = _checks.array("inputs", inputs, ndim=(1, 2) if C.ndim == 1 else 2)
        B = _checks.array("recurrent", recurrent, ndim=1)
        S = np.zeros(len(C)) if hidden is None else _checks.array("hidden", hidden, ndim=1)
        if not C.size:
            raise ValueError("output must hold at least one unit, not none")
        for name, weights in (("inputs", W), ("recurrent", B), ("hidden", S)):
            if len(weights) != len(C):
                raise ValueError(f"{name} must hold {len(C)} units, as output does, not {len(weights)}")
        if not W.size:
            raise ValueError("inputs must hold at least one weight for each unit, not none")
        self.output, self.inputs, self.recurrent, self.hidden = C, W if W.ndim == 2 else W[:, None], B, S
        self.beta = _checks.number("beta", beta, above=0, most=1)
        self.activation = named_activation(activation)

    @property
    def n_units(self) -> int:
        """The number of units N."""
        return len(self.output)

    @property
    def n_inputs(self) -> int:
        """The dimension d of an input."""
        return int(self.inputs.shape[1])

    @property
    def scale(self) -> float:
        """N^{−β}, what the sum over units is multiplied by."""
        return float(self.n_units**-self.beta)

    @property
    def memory(self) -> float:
        """The memory m = (1/N) Σ_j B^j S^j that the network holds now."""
        return float(self.recurrent @ self.hidden) / self.n_units


class RNN(Network):
    """A recurrent network of N units; it never changes, training returns a new one.

    Each parameter is an attribute; arrays are read-only, and `inputs` is then (N, d).
    Book: :doc:`network-that-remembers`.

    Parameters
    ----------
    output : array_like, shape (N,)
        Output weights C.
    inputs : array_like, shape (N,) or (N, d)
        Input weights W.
    recurrent : array_like, shape (N,)
        Recurrent weights B.
    beta : float
        The exponent β of the output's scale N^{−β}: in (0, 1], and strictly between 1/2 and 1 for the kernel limit.
    hidden : array_like, shape (N,), optional
        The hidden state S; zero if not given.
    activation : str or Activation
        The activation σ: "tanh", "logistic", "erf", or your own.
    past : tuple (x, states), optional
        The last inputs (n, d), and the states (n, N) that they met, oldest first: training with τ > 1 goes back
        to them.  None if not given.

    Examples
    --------
    >>> rnn = RNN(output=[1.0, -1.0], inputs=[0.5, 1.0], recurrent=[0.2, 0.4], beta=0.75)
    >>> rnn
    RNN(n_units=2, n_inputs=1, beta=0.75, activation='tanh')
    >>> rnn.predict(x=[-1.0, 1.5], memory=[0.0, 0.1]).round(6)
    array([ 0.17807 , -0.137115])
    >>> rnn.trajectory([-1.0, 1.5]).round(6)
    array([ 0.      , -0.198531,  0.222582])
    >>> rnn.forecast([-1.0, 1.5], steps=3).round(3)
    array([[ 0.178, -0.053,  0.016],
           [-0.214,  0.063, -0.019]])
    >>> bool(np.isclose(rnn.read([-1.0, 1.5]).forecast([0.5])[0], rnn.forecast([-1.0, 1.5, 0.5])[2]))
    True
    >>> rnn.step(1.5, 1.0, learning_rate=0.5).output.round(6)
    array([ 1.15496 , -0.779167])
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
        past: tuple[Any, Any] | None = None,
    ) -> None:
        super().__init__(output, inputs, recurrent, beta=beta, hidden=hidden, activation=activation)
        given = (self.inputs[:0], self.hidden[None][:0]) if past is None else _checks.pair("past", past)
        x, states = (_checks.array("past", each, ndim=2) for each in given)
        if x.shape != (len(states), self.n_inputs) or states.shape[1] != self.n_units:
            raise ValueError(f"past must hold as many inputs as states, not shapes {x.shape} and {states.shape}")
        self.past = x, states

    @classmethod
    def sample(
        cls,
        law: InitialLaw,
        *,
        n_units: int,
        beta: float,
        rng: Rng,
        paired: bool = False,
        activation: str | Activation = "tanh",
    ) -> "RNN":
        """Draw a network whose units are independent with law λ, as by `InitialLaw.sample`, and whose state is zero.

        An AssumptionWarning says if E C ≠ 0, unless `paired`: the initial output then grows like N^{1−β}, and the
        network has no kernel limit.
        """
        C, W, B = _checks.kind("law", law, InitialLaw).sample(n_units, rng=rng, paired=paired)
        rnn = cls(C, W, B, beta=beta, activation=activation)
        if not paired and not is_centred(law):
            warnings.warn(
                f"E C is {law.output_mean:g}, not 0: before training the output is about E C E[sigma(W·x + m)] times "
                f"N^(1-beta), here {rnn.n_units ** (1 - rnn.beta):.3g}, which grows without bound with N; learning "
                "also changes what memory holds, and there is no kernel limit",
                AssumptionWarning,
                stacklevel=2,
            )
        return rnn

    def predict(self, x: Any, memory: Any) -> Array:
        """Output N^{−β} Σ_i C^i σ(W^i·x + m) at points (x, m), shape (n_points,), whatever the hidden state is.

        Inputs have shape (n_points,) when d = 1, else (n_points, d), memories (n_points,); one of either is repeated.
        """
        return self._evaluate(self.output, self.scale, *_checks.points(x, memory, self.n_inputs))

    def forecast(
        self, x: Any, steps: int | None = None, *, start: float | None = None, feedback: _ahead.Feedback | None = None
    ) -> Array:
        """Predictions ŷ_k along inputs, (n,) when d = 1, else (n, d), with weights frozen: of one step, or of several.

        With `steps`, in closed loop, a forecast becomes the next input, and memory moves on with it: row k of the
        answer, (n, steps), forecasts the targets of the steps k, k + 1, … from the inputs x_0, …, x_k.  The last row
        goes beyond the sequence.  `start` is the memory held when the first input arrives; the network's own if not
        given.  `feedback` is a vectorised function of inputs, (n,) or (n, d), and forecasts (n,), with the next inputs;
        if not given, a forecast becomes the (first coordinate of the) next input, and other coordinates stay.
        """
        memories, outputs = self._follow(x, start)
        if steps is None:
            return outputs
        predict = partial(self._evaluate, self.output, self.scale)
        move = partial(self._evaluate, self.recurrent, 1 / self.n_units)
        x = _checks.sequence("x", x, self.n_inputs)
        return _ahead.forecasts(x, memories[:-1], steps, feedback, predict, move)

    def trajectory(self, x: Any, start: float | None = None) -> Array:
        """Memories m_k held when each input arrives, and after the last one, (n + 1,); arguments as for `forecast`."""
        return self._follow(x, start)[0]

    def read(self, x: Any) -> "RNN":
        """Return the network after it has read inputs, as for `forecast`: its state moves on, nothing is learned.

        Gradients of a later training do not go back to what was read.
        """
        x = _checks.sequence("x", x, self.n_inputs)
        S = self.activation(self.inputs @ x[-1] + self.trajectory(x)[-2]) if len(x) else self.hidden
        given = self.output, self.inputs, self.recurrent
        return RNN(*given, beta=self.beta, hidden=S, activation=self.activation)

    def step(self, x: Any, y: float, *, learning_rate: float) -> "RNN":
        """One step of online gradient descent at input x_k, (d,), and target y_k, exactly as the book writes it.

        The rate is α/N^{2−2β}.  This is the reference that the compiled loops of `train` are tested against; it is
        slow.  Book: :doc:`training-online`.
        """
        N, sigma = self.n_units, self.activation
        C, W, B, S = self.output, self.inputs, self.recurrent, self.hidden
        x = _checks.sequence("x", _checks.array("x", x, ndim=(0, 1)).reshape(1, -1), self.n_inputs)[0]

        m = B @ S / N  # memory
        u = W @ x + m
        S_next, D = sigma(u), sigma.prime(u)
        y_hat = N**-self.beta * (C @ S_next)

        e = _checks.number("y", y) - y_hat
        q = C @ D / N  # how much the output gains from memory
        rate = _checks.number("learning_rate", learning_rate, least=0) / N ** (2 - 2 * self.beta)
        move = rate * N**-self.beta * e
        after = C + move * S_next, W + move * np.outer(C * D, x), B + move * q * S
        if not all(np.isfinite(each).all() for each in after):
            raise FloatingPointError("x, y and learning_rate make a step beyond the largest double")
        return RNN(*after, beta=self.beta, hidden=S_next, activation=sigma)

    @property
    def _columns(self) -> Array:
        """The input weights as the compiled loops read them, (d, N): one coordinate after the other."""
        return self.inputs.T.copy(order="C")

    def _evaluate(self, weights: Array, scale: float, x: Array, memory: Array) -> Array:
        """`scale` Σ_i weights^i σ(W^i·x + m) at points (x, m)."""
        out = np.empty(len(memory))
        value, W = self.activation.value, self._columns
        for part in slices(len(out), self.n_units):
            evaluate(value, weights, W, x[part], memory[part], scale, out[part])
        return out

    def _follow(self, x: Any, start: float | None) -> tuple[Array, Array]:
        x = _checks.sequence("x", x, self.n_inputs)
        memories, outputs = np.empty(len(x) + 1), np.empty(len(x))
        memories[0] = self.memory if start is None else _checks.held("start", start)
        value, C, W, B = self.activation.value, self.output, self._columns, self.recurrent
        for part in slices(len(x), self.n_units):
            follow(value, C, W, B, x[part], self.scale, memories[part.start : part.stop + 1], outputs[part])
        return memories, outputs

    def __repr__(self) -> str:
        return (
            f"RNN(n_units={self.n_units}, n_inputs={self.n_inputs}, beta={self.beta:g}, "
            f"activation={self.activation.name!r})"
        )


@jit(fastmath={"reassoc", "contract"}, nogil=True)
def evaluate(value: Any, C: Any, W: Any, x: Any, memory: Any, scale: Any, out: Any) -> None:
    """Fill `out` with the outputs at points (x, m)."""
    u = np.empty(len(C))
    for p in range(len(out)):
        preactivations(W, x[p], memory[p], u)
        total = 0.0
        for i in range(len(u)):
            total += C[i] * value(u[i])
        out[p] = scale * total


@jit(fastmath={"reassoc", "contract"}, nogil=True)
def follow(value: Any, C: Any, W: Any, B: Any, x: Any, scale: Any, memories: Any, outputs: Any) -> None:
    """Fill `memories` from its first entry, and `outputs`, along the inputs."""
    u = np.empty(len(C))
    for k in range(len(x)):
        preactivations(W, x[k], memories[k], u)
        total = held = 0.0
        for i in range(len(u)):
            S = value(u[i])
            total += C[i] * S
            held += B[i] * S
        outputs[k] = scale * total
        memories[k + 1] = held / len(u)
