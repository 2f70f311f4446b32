"""A network with frozen features: linear in what it learns, so that its kernel does not drift.

    ŷ = N^{−β} Σ_i (C^i + c^i) σ(W^i·x + m) + C^i σ'(W^i·x + m) w^i·x,

where c and w start at zero and are learned, while C, W, B, and with them the memory map, stay what they are.
"""

from typing import Any, NamedTuple

import numpy as np

from rnnkernel._jit import jit, slices
from rnnkernel._types import Array
from rnnkernel.activations import preactivations
from rnnkernel.network import RNN

_FAST = {"reassoc", "contract", "nsz"}


class _Weights(NamedTuple):
    C: Array
    W: Array
    B: Array
    c: Array
    w: Array
    memory: Array


class Linearised:
    """The linearisation of a network in C and W, which learns in place."""

    def __init__(self, rnn: RNN) -> None:
        self.rnn = rnn
        W, memory = rnn.inputs.T.copy(order="C"), np.array([rnn.memory])
        self._weights = _Weights(rnn.output, W, rnn.recurrent, np.zeros(rnn.n_units), np.zeros(W.shape), memory)

    def learn(self, x: Array, y: Array, *, learning_rate: float, stop: Any) -> None:
        """Take a step of gradient descent for each input and target; `stop` interrupts."""
        rnn, learned = self.rnn, self._weights
        rate = learning_rate / rnn.n_units ** (2 - 2 * rnn.beta) * rnn.scale
        sigma, inputs = rnn.activation, x.reshape(len(y), rnn.n_inputs)
        for part in slices(len(y), 3 * rnn.n_units):
            if stop[0]:
                raise KeyboardInterrupt
            _train(sigma.value, sigma.derivative, learned, inputs[part], y[part], rnn.scale, rate)
            if not (np.isfinite(learned.c).all() and np.isfinite(learned.w).all()):
                raise FloatingPointError(f"frozen training of {rnn.n_units} units with beta = {rnn.beta:g} diverged")

    def predict(self, x: Array, memory: Array) -> Array:
        """Return the outputs at points (x, m), x being (n_points, d)."""
        out, sigma = np.empty(len(memory)), self.rnn.activation
        _evaluate(sigma.value, sigma.derivative, self._weights, x, memory, self.rnn.scale, out)
        return out


@jit(fastmath=_FAST, nogil=True)
def _train(value: Any, derivative: Any, weights: _Weights, x: Any, y: Any, scale: Any, rate: Any) -> None:
    C, _, B, c, w, memory = weights
    S, slope = np.empty(len(C)), np.empty(len(C))
    for k in range(len(x)):
        move = rate * (y[k] - scale * _output(value, derivative, weights, x[k], memory[0], S, slope))
        held = 0.0
        for i in range(len(C)):
            c[i] += move * S[i]
            held += B[i] * S[i]
        for a in range(len(w)):
            for i in range(len(C)):
                w[a, i] += move * x[k, a] * slope[i]
        memory[0] = held / len(C)


@jit(fastmath=_FAST, nogil=True)
def _evaluate(value: Any, derivative: Any, weights: _Weights, x: Any, m: Any, scale: Any, out: Any) -> None:
    S, slope = np.empty(len(weights.C)), np.empty(len(weights.C))
    for p in range(len(out)):
        out[p] = scale * _output(value, derivative, weights, x[p], m[p], S, slope)


@jit(fastmath=_FAST, forceinline=True)
def _output(value: Any, derivative: Any, weights: _Weights, x: Any, m: Any, S: Any, slope: Any) -> Any:
    """Fill S with σ(u^i) and `slope` with C^i σ'(u^i); return Σ_i (C^i + c^i) S^i + slope^i w^i·x."""
    C, W, _, c, w, _ = weights
    preactivations(W, x, m, S)
    output = 0.0
    for i in range(len(S)):
        slope[i] = C[i] * derivative(S[i])
        S[i] = value(S[i])
        output += (C[i] + c[i]) * S[i]
    for a in range(len(w)):
        for i in range(len(S)):
            output += slope[i] * w[a, i] * x[a]
    return output
