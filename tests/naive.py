"""Slow, obvious twins of the package's fast routines, written from the formulas and nothing else."""

import numpy as np
from scipy.linalg import expm


def walk(P, first, uniforms):
    """The path of a Markov chain: add up the probabilities of a row until they exceed the uniform number."""
    states = [first]
    for u in uniforms[1:]:
        total, row = 0.0, P[states[-1]]
        for j in range(len(row)):
            total += row[j]
            if u < total:
                break
        states.append(j)
    return states


def replayed_output(C, W, B, S, inputs, beta, sigma, dot=np.dot):
    """N^{−β} Σ C S after the given inputs, from state S: a function of the parameters alone."""
    N = len(C)
    for x in inputs:
        S = sigma(dot(W, x) + dot(B, S) / N)
    return N**-beta * dot(C, S)


def gradient(C, W, B, S, inputs, beta, sigma, prime):
    """The gradient of `replayed_output` towards C, W and B, by the chain rule, one step back at a time."""
    N = len(C)
    states, slopes = [S], []
    for x in inputs:
        u = W @ x + np.mean(B * states[-1])
        states.append(sigma(u))
        slopes.append(prime(u))
    toward_C, toward_W, toward_B = states[-1], np.zeros_like(W), np.zeros_like(B)
    toward_S = C
    for x, before, D in zip(inputs[::-1], states[-2::-1], slopes[::-1], strict=True):
        toward_u = toward_S * D
        toward_W = toward_W + np.outer(toward_u, x)
        toward_memory = np.sum(toward_u)
        toward_B = toward_B + toward_memory * before / N
        toward_S = toward_memory * B / N
    return N**-beta * toward_C, N**-beta * toward_W, N**-beta * toward_B


def train(C, W, B, S, x, y, *, beta, alpha, sigma, prime, tau=1, clip=np.inf):
    """Online gradient descent with truncation τ: parameters, state, and the outputs ŷ_k and memories m_k.

    Where y_k is NaN nothing is learned.
    """
    N = len(C)
    states, outputs, memories = [S], [], []
    for k in range(len(x)):
        m = B @ states[k] / N
        states.append(sigma(W @ x[k] + m))
        outputs.append(N**-beta * (C @ states[k + 1]))
        memories.append(m)
        first = max(k - tau + 1, 0)
        toward = gradient(C, W, B, states[first], x[first : k + 1], beta, sigma, prime)
        error = 0.0 if np.isnan(y[k]) else y[k] - outputs[k]
        move = alpha / N ** (2 - 2 * beta) * np.clip(error, -clip, clip)
        C, W, B = (theta + move * g for theta, g in zip((C, W, B), toward, strict=True))
    return C, W, B, states[-1], np.array(outputs), np.array(memories)


def train_in_batch(C, W, B, x, y, *, beta, alpha, sigma, prime, clip=np.inf):
    """Gradient descent on sequences (b, n, d), (b, n) from states of zero: parameters, last states, outputs (b, n)."""
    N, states, outputs = len(C), np.zeros((len(x), len(C))), []
    for k in range(x.shape[1]):
        total, after, now = [0.0, 0.0, 0.0], [], []
        for each, target, S in zip(x[:, k], y[:, k], states, strict=True):
            after.append(sigma(W @ each + B @ S / N))
            now.append(N**-beta * (C @ after[-1]))
            toward = gradient(C, W, B, S, each[None], beta, sigma, prime)
            error = 0.0 if np.isnan(target) else np.clip(target - now[-1], -clip, clip)
            total = [sum_ + error * g for sum_, g in zip(total, toward, strict=True)]
        rate = alpha / N ** (2 - 2 * beta) / len(x)
        C, W, B = (theta + rate * g for theta, g in zip((C, W, B), total, strict=True))
        states = np.array(after)
        outputs.append(now)
    return C, W, B, states, np.array(outputs).T


def propagate(limit, t, x, memory):
    """The matrix that takes a function's values at the nodes of μ and at points to those of e^{−αtT} at the points."""
    mu = limit.stationary
    x_all, m_all = np.append(mu.inputs, x), np.append(mu.memory, memory)
    generator = np.zeros((len(m_all), len(m_all)))
    generator[:, : len(mu.memory)] = limit.kernel(x_all, m_all, mu.inputs, mu.memory) * mu.weights
    return expm(-limit.learning_rate * t * generator)[len(mu.memory) :]


def sensitivities(C, W, B, S, x):
    """p^W and p^B before each input, and after the last, with frozen parameters; and D, q on the way."""
    N = len(C)
    p_W, p_B = np.zeros(N), S / N
    for each in x:
        m = B @ S / N
        S = np.tanh(W * each + m)
        D = 1 - S**2
        yield p_W, p_B, m, D, S
        a = B @ D / N
        p_W, p_B = a * p_W + B * D * each / N, a * p_B + S / N


def symbol_step(C, W, B, S, x, y, *, beta, alpha, sigma, prime, gradient):
    """One step of online gradient descent with p outputs on a one-hot input, with every zero written out."""
    N, p = C.shape
    one_hot = np.zeros(W.shape[1])
    one_hot[x] = 1.0
    u = W @ one_hot + B @ S / N
    new = sigma(u)
    e = y - gradient(N**-beta * C.T @ new)
    move = alpha / N ** (2 - 2 * beta) * N**-beta
    toward_u = np.array([sum(e[a] * C[i, a] for a in range(p)) for i in range(N)]) * prime(u)
    return (
        C + move * np.outer(new, e),
        W + move * np.outer(toward_u, one_hot),
        B + move * S * np.mean(toward_u),
        new,
    )


def symbol_flow(x, y, law_of, recurrent_mean, output_square, *, alpha, time, steps, gradient):
    """Outputs of the limit at the points of a sequence, by Euler steps: every point a node, tanh, normal weights.

    law_of : mean and standard deviation of W for each symbol; y : targets (n, p).
    """
    z = np.linspace(-9, 9, 301)
    w = np.exp(-z * z / 2)
    w /= w.sum()
    memory, values, slopes = 0.0, [], []
    for each in x:
        mean, deviation = law_of[each]
        values.append(np.tanh(mean + deviation * z + memory))
        slopes.append(1 - values[-1] ** 2)
        memory = recurrent_mean * (w @ values[-1])
    values, slopes = np.array(values), np.array(slopes)
    means = values @ w
    same = np.array([[a == b for b in x] for a in x])
    inside = (values * w) @ values.T + output_square * (slopes * w) @ slopes.T
    K = np.where(same, inside, np.outer(means, means))
    g = np.zeros(y.shape)
    for _ in range(steps):
        g = g + time / steps * alpha * K @ (y - gradient(g)) / len(x)
    return g
