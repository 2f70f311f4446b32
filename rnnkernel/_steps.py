"""The compiled loops of online gradient descent, and networks as these hold them.

The loop for τ = 1 passes once over the units in each step.  It needs the next memory before B has moved, from

    N m_{k+1} = Σ_j B^j_{k+1} S^j_{k+1} = Σ_j B^j_k S^j_{k+1} + (α^N N^{−β} e_k q_k) Σ_j S^j_k S^j_{k+1},

so that a pass can finish one step and take the next.  Each loop trains from its first stop to its last, and fills the
mean loss between two stops; it returns the step at which it diverged, −2 − k if it was stopped at k, or −1.
"""

from functools import cache
from typing import Any, NamedTuple, TypeVar

import numpy as np

from rnnkernel._jit import hot, jit
from rnnkernel._types import Array
from rnnkernel.activations import preactivations
from rnnkernel.network import RNN, Network

Net = TypeVar("Net", bound=Network)
FAST = {"reassoc", "contract", "nsz"}
TOO_LARGE = 1e100  # an error beyond it is divergence; below it no update overflows
LANES = 1112  # units in a block: a long loop, and rows that start far from one another in the sets of the cache
_VECTOR = 8  # the loop runs over whole vectors of units; those beyond N rest at zero


class Task(NamedTuple):
    """What a loop learns from, and how: sequence, scale N^{−β} of output, rate α^N N^{−β}, bound on errors, `STOP`."""

    x: Array  # (n, d)
    y: Array
    starts: Any  # of records: there the state is set to zero
    scale: float
    rate: float
    clip: float
    stop: Any


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
    """Train with τ = 1."""
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
    """Train with τ > 1."""
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
    """Train on sequences side by side, with τ = 1."""
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
