"""Drift, bias, and variances beyond the first order, against flows of finitely many units and moments of learners."""

import pickle
from itertools import pairwise, product

import numpy as np
import pytest
from reference import DATA, LAW
from scipy import stats
from scipy.linalg import expm

import rnnkernel as rk
from rnnkernel._quadrature import gauss_legendre

X, M, TIME = np.array([-1.0, 0.8, 0.3]), np.array([0.1, -0.2, 0.4]), 1.5
TWO = rk.DataSequence(  # the target depends on the transition
    rk.MarkovChain([[0.7, 0.3], [0.4, 0.6]]), inputs=[-1.0, 0.8], targets=[[-1.0, 0.5], [0.3, 2.0]]
)
NOTHING = rk.DataSequence(TWO.chain, TWO.inputs, targets=[0.0, 0.0])
COINS = rk.Autoregression(0.5, targets=lambda x, after: 2 * after - x * after)  # of a continuum, where x is uniform
NO_COINS = rk.Autoregression(0.5, targets=lambda _, after: 0 * after)
# Laws of finitely many units, so that expectations are sums: C has a kurtosis, and B a variance given W, or is f(W).
C = stats.rv_discrete(values=([-1.5, -0.5, 0.5, 1.5], [0.15, 0.35, 0.35, 0.15]))
W = stats.rv_discrete(values=([-0.5, 1.2], [0.4, 0.6]))
FREE = rk.InitialLaw(C, W, stats.rv_discrete(values=([-0.1, 0.4], [0.5, 0.5])))
TIED = rk.InitialLaw(C, W, recurrent=lambda W: 0.1 + 0.2 * W[:, 0])
SLOW = 1e-7  # a learning rate at which one sees all data: at a given αt, what they disturb is proportional to α


def units(law):
    """Every unit of a discrete law: chances, C, W and B."""
    given = law.recurrent
    B = {w: [(float(given(np.array([[w]]))[0]), 1.0)] for w in W.xk} if law is TIED else None
    rows = []
    for (c, pc), (w, pw) in product(zip(C.xk, C.pk, strict=True), zip(W.xk, W.pk, strict=True)):
        for b, pb in B[w] if B else zip(given.xk, given.pk, strict=True):
            rows.append([pc * pw * pb, c, w, b])
    return np.array(rows).T


def paths(data, n_steps):
    """All paths of so many steps: chances, inputs (n_paths, n_steps + 1), and targets of the last step.

    Of coins from a rule for where they start: x is uniform, and what follows it is smooth in it.
    """
    if isinstance(data, rk.Autoregression):
        nodes, weights = np.polynomial.legendre.leggauss(8)
        coins = np.tile(list(product([-1.0, 1.0], repeat=n_steps)), (len(nodes), 1))
        x = [np.repeat(nodes, len(coins) // len(nodes))]
        for coin in coins.T:
            x.append((x[-1] + coin) / 2)
        return np.repeat(weights, len(coins) // len(nodes)) / 2 ** (n_steps + 1), np.array(x).T, data.targets(*x[-2:])
    states = np.array(list(product(range(data.chain.n_states), repeat=n_steps + 1)))
    chances = data.chain.stationary_distribution[states[:, 0]]
    for now, after in pairwise(states.T):
        chances = chances * data.chain.transition[now, after]
    return chances, data.inputs[states], data.targets[states[:, -2], states[:, -1]]


def flow(data, chances, law, h, n_steps=10, n_back=5):
    """Outputs at time TIME of units with moving parameters that see all data; one row for each row of chances.

    Output (1/h) Σ chance C σ, moves of size h: h = N^{β−1} with infinitely many units.  Memory is followed along all
    paths, with the parameters of each moment.
    """
    weights, x, y = paths(data, n_back + 1)
    x = x[:, :-1]

    def slope(state):
        c, w, b = state[:, :, None]  # laws, 1, units
        m = np.zeros((len(chances), len(x)))
        for k in range(n_back):
            before = np.tanh(x[:, k, None] * w + m[..., None])
            m = ((chances[:, None] * b) * before).sum(axis=2)
        S = np.tanh(x[:, -1, None] * w + m[..., None])
        D, now = 1 - S**2, x[:, -1, None]
        e = weights * (y - (chances[:, None] * c * S).sum(axis=2) / h)
        q = (chances[:, None] * c * D).sum(axis=2)
        moves = e[..., None] * S, e[..., None] * c * D * now, (e * q)[..., None] * before
        return h * np.array([each.sum(axis=1) for each in moves])

    state, dt = np.tile(units(law)[1:, None], (1, len(chances), 1)), TIME / n_steps
    for _ in range(n_steps):
        first = slope(state)
        second = slope(state + dt / 2 * first)
        third = slope(state + dt / 2 * second)
        state = state + dt / 6 * (first + 2 * second + 2 * third + slope(state + dt * third))
    c, w, _ = state
    return np.einsum("lu,lu,lup->lp", chances, c, np.tanh(w[..., None] * X + M)) / h


def where(law):
    """The inputs of the points, in one dimension or two."""
    return X if law.n_inputs == 1 else np.column_stack([X, [0.5, -0.2, 0.7]])


def corrections(data, law, alpha=SLOW):
    fluct = rk.KernelLimit(data, law, learning_rate=alpha).fluctuations(TIME / alpha, where(law), M)
    return fluct, fluct.next_order


SIZES = np.array([0.1, 0.15, 0.2, 0.25])


def coefficient(values, power, powers):
    """The coefficient of h^power, from values at SIZES of a function of h in which only these powers occur."""
    return np.linalg.solve(SIZES[:, None] ** powers, np.array(values))[powers.index(power)]


@pytest.mark.parametrize("data", [TWO, COINS])
@pytest.mark.parametrize("law", [FREE, TIED])
def test_drift_is_the_second_order_of_the_flow_in_the_size_of_moves(data, law):
    drift = coefficient([flow(data, units(law)[:1], law, h)[0] for h in SIZES], 2, [0, 2, 4, 6])
    np.testing.assert_allclose(corrections(data, law)[1].drift, drift, rtol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize(("data", "law"), [(TWO, FREE), (TWO, TIED), (COINS, TIED)])
def test_units_that_move_to_first_and_second_order_in_their_law(data, law):
    """Along (1 − ε)λ + ε δ_unit: the variance of derivatives, and half the mean of second derivatives.

    A pair is one unit of twice the weight: the mean over N/2 of them counts second derivatives twice.
    """
    fluct, after = corrections(data, law)
    chance, eps = units(law)[0], 1e-3
    one = np.eye(len(chance)) - chance
    pairs = (
        one + one.reshape(len(C.xk), -1, len(chance))[::-1].reshape(one.shape)
    ) / 2  # the order of C.xk is symmetric

    def moments(h):
        laws = chance + np.concatenate([step * each for step in (0, eps, -eps) for each in (one, pairs)])
        here, _, plus, plus_pairs, minus, minus_pairs = flow(data, laws, law, h).reshape(6, len(one), len(X))
        second, of_pairs = plus + minus - 2 * here, plus_pairs + minus_pairs - 2 * here
        return chance @ ((plus - minus) / (2 * eps)) ** 2, chance @ second / 2 / eps**2, chance @ of_pairs / eps**2

    variance, bias, of_pairs = zip(*(moments(h) for h in SIZES), strict=True)
    variance = coefficient(variance, 0, [-2, 0, 2, 4]) - fluct.finite_width
    np.testing.assert_allclose(after.moving_features, variance, rtol=2e-3, atol=2e-6)
    np.testing.assert_allclose(after.bias, coefficient(bias, 0, [0, 2, 4, 6]), rtol=2e-3, atol=2e-6)
    np.testing.assert_allclose(after.bias_of_pairs, coefficient(of_pairs, 0, [0, 2, 4, 6]), rtol=2e-3, atol=2e-6)


@pytest.mark.slow
@pytest.mark.parametrize("data", [NOTHING, NO_COINS])
def test_what_the_random_start_does_to_units(data):
    """The order N^{−2} of the variance of a function of N units, from its first three derivatives in their law.

    Half the mean of the squares of second derivatives, and the covariances of the first with the second in one unit
    twice, and with the third in one unit and another twice.  Without targets the network's paths do not depend on h.
    """
    chance = units(TIED)[0]
    one = np.eye(len(chance)) - chance

    def derivative(*directions):
        """The derivative in the law along products of directions, by central differences at two distances."""
        directions = np.array(np.broadcast_arrays(*directions))
        signs = np.array(list(product([1, -1], repeat=len(directions))))
        moves = np.tensordot(signs, directions, axes=1)
        outputs = [flow(data, chance + eps * moves.reshape(-1, len(chance)), TIED, 1.0) for eps in (0.05, 0.1)]
        near, far = (each.reshape(*moves.shape[:-1], len(X)) for each in outputs)
        weights = signs.prod(axis=1) / 0.1 ** len(directions)
        return np.tensordot(weights, 4 / 3 * near - far / 3 / 2 ** len(directions), axes=1)

    first, second = derivative(one), derivative(one[:, None], one)
    expected = np.einsum("u,v,uvp->p", chance, chance, second**2) / 2 + np.einsum("u,up,uup->p", chance, first, second)
    for p, start in enumerate((chance * first.T) @ one):
        expected[p] += chance @ derivative(start, one, one)[:, p]
    np.testing.assert_allclose(corrections(data, TIED)[1].random_start, expected, rtol=5e-3)


@pytest.mark.slow
@pytest.mark.parametrize("data", [TWO, COINS])
def test_what_is_left_out_has_its_orders(data):
    """N^{4β−4} in the mean, and N^{2β−3} in mean and variance: h⁴, and h² at order 1/N, h = N^{β−1}.

    Differences that take away all that is counted leave h^p (1 + O(h²)): exponents p + O(h²), and by Richardson's p.
    """
    chance, eps, sizes = units(TIED)[0], 1e-2, 0.05 * 2.0 ** np.arange(5)
    one = np.eye(len(chance)) - chance
    laws = chance + np.concatenate([step * one for step in (0, eps, -eps)])
    f = np.array([flow(data, laws, TIED, h).reshape(3, len(chance), len(X)) for h in sizes])
    mean, plus, minus = f[:, 0, 0], f[:, 1], f[:, 2]
    variance = chance @ ((plus - minus) / (2 * eps)) ** 2 * sizes[:, None] ** 2
    bias = chance @ (plus + minus - 2 * f[:, 0]) / 2 / eps**2
    less = lambda values, power: values[1:] - 2**power * values[:-1]  # noqa: E731 (without h^power)
    for left, order in ((less(less(mean, 0), 2), 4), (less(less(variance, 0), 2), 4), (less(bias, 0), 2)):
        coarse, fine = np.diff(np.log2(np.linalg.norm(left, axis=1)))[1::-1]
        assert (4 * fine - coarse) / 3 == pytest.approx(order, abs=0.1)


def learner(data, law, n_units):
    """What a learner with the limit's kernel and no memory has at the points: the mean, and the variance that is left.

    Exact: first and second moments of its values at inputs and points, for each state of the chain, step by step; the
    second without targets, from a random start.
    """
    chain, kernel = data.chain, rk.TangentKernel(law)
    x, m = np.concatenate([data.inputs, where(law)]), np.append(np.zeros(chain.n_states), M)
    K, P, pi = kernel(x, m, data.inputs, 0.0) / n_units, chain.transition, chain.stationary_distribution
    nodes, weights = law.quadrature
    values = np.tanh(x.reshape(len(x), -1) @ nodes.T + m[:, None])
    mean, second = np.zeros((len(P), len(x))), pi[:, None, None] * law.output_square * (values * weights) @ values.T
    step = np.array([np.eye(len(x)) - np.outer(K[:, s], np.arange(len(x)) == s) for s in range(len(P))])
    push = np.einsum("s,sj,sj,xs->jx", pi, P, data.targets, K)
    for _ in range(round(TIME * n_units)):
        mean = P.T @ np.einsum("sxy,sy->sx", step, mean) + push
        second = np.tensordot(P.T, step @ second @ step.swapaxes(1, 2), axes=1)
    return np.array([mean.sum(axis=0), np.diag(second.sum(axis=0))])[:, len(P) :]


def sticky():
    """Three states, with and without targets; and both once more, to be learned as a chain."""
    law = rk.InitialLaw(stats.uniform(-1, 2), stats.norm(0.7, 1), recurrent=lambda W: np.zeros(len(W)))
    chain = rk.MarkovChain([[0.8, 0.15, 0.05], [0.1, 0.8, 0.1], [0.3, 0.1, 0.6]])
    targets = [[-1.0, 0.5, 1.0], [0.3, 2.0, -1.0], [1.0, 0.0, -0.5]]
    each = [rk.DataSequence(chain, [-1.0, 0.8, 1.2], targets=y) for y in (targets, [0.0] * 3)]
    return law, each, each


def circle(n=21):
    """A rotation with a jitter, and its chain on n places: a rule whose error falls faster than any power of 1/n."""
    law = rk.InitialLaw(C, W, recurrent=lambda W: np.zeros(len(W)), n_inputs=2)
    targets = [lambda now, after: np.cos(after) - 2 * np.sin(now) * np.sin(2 * after), lambda _, after: 0 * after]
    place = 2 * np.pi * np.arange(n) / n
    turns = np.add.outer(place - place[:, None] - 0.5, 2 * np.pi * np.arange(-3, 4))
    chain = rk.MarkovChain(stats.norm(0, 0.8).pdf(turns).sum(axis=2) * 2 * np.pi / n, normalize=True)
    inputs = np.column_stack([np.cos(place), np.sin(place)])
    on_chain = [rk.DataSequence(chain, inputs, targets=f(place[:, None], place)) for f in targets]
    return law, [rk.NoisyRotation(0.5, 0.8, targets=f) for f in targets], on_chain


@pytest.mark.parametrize("case", [sticky, circle])
def test_what_sticky_data_do_to_the_mean_and_to_the_random_start(case):
    """Seen alone in how both depend on the learning rate α at a given αt: units and their features do not know α."""
    law, (data, nothing), on_chain = case()
    fluct, after = corrections(data, law, alpha=1.0)
    first_order = np.array([fluct.prediction, fluct.initial_output])
    coarse, fine = (
        n * (np.array([learner(each, law, n)[i] for i, each in enumerate(on_chain)]) - first_order) for n in (400, 800)
    )
    mean, left = 2 * fine - coarse
    np.testing.assert_allclose(after.bias - corrections(data, law)[1].bias, mean, rtol=1e-2)
    fast, slow = (corrections(nothing, law, alpha)[1].random_start for alpha in (1.0, SLOW))
    np.testing.assert_allclose(fast - slow, left, rtol=1e-2)


def target(x):
    return 2 * x + x**2


@pytest.mark.slow
@pytest.mark.parametrize(
    "data",
    [
        rk.DataSequence(TWO.chain, TWO.inputs, targets=target(TWO.inputs)),
        rk.Autoregression(0.5, targets=lambda x, _: target(x)),
    ],
)
def test_what_data_with_memory_do_to_the_mean(data):
    """Steps that meet earlier steps, from the powers of the transition operator, and all paths of memory from zero."""
    limit = rk.KernelLimit(data, FREE)
    mu, n = limit.stationary, len(limit.stationary.memory)
    x, m, y = np.append(mu.inputs, X), np.append(mu.memory, M), target(mu.inputs)
    K = limit.kernel(x, m, mu.inputs, mu.memory)
    A = np.hstack([K * mu.weights, np.zeros((len(x), len(X)))])
    T, one = mu.transition_operator, np.outer(np.ones(n), mu.weights)
    later = np.linalg.solve(np.eye(n) - T + one, T - one)  # Σ_{l>0} of T^l − 1μ
    nodes, weights = np.polynomial.legendre.leggauss(16)
    expected = 0.0
    for s, weight in zip(TIME * (1 + nodes) / 2, TIME * weights / 2, strict=True):
        r = (expm(-s * A) @ np.append(y, np.zeros(len(X))))[:n] * mu.weights
        h = (expm((s - TIME) * A) @ K)[n:]
        expected = expected - weight * (h @ (later * K[:n]).T @ r - (h * mu.weights) @ K[:n] @ r / 2)

    left = expm(-TIME * A)[n:]
    chances, inputs, _ = paths(data, 7)
    memory = np.zeros(len(chances))
    for now in inputs.T:
        f = left @ limit.kernel(x, m, now, memory) * target(now)
        expected = expected + f @ chances - left @ K * y @ mu.weights
        memory = limit.memory_map(now, memory)
    bias = corrections(data, FREE, alpha=1.0)[1].bias - corrections(data, FREE)[1].bias
    np.testing.assert_allclose(bias, expected, rtol=1e-3)


def test_points_and_times_are_computed_one_by_one(monkeypatch):
    limit, x, m = rk.KernelLimit(DATA, LAW), [-1.0, 1.5, 1.5], [-0.2, 0.1, 0.4]
    together = np.array(limit.fluctuations([0.0, 2.0], x, m).next_order)
    assert together.shape == (5, 2, 3)
    assert not together[:, 0].any()
    np.testing.assert_allclose(
        together[:, 1, 2], np.array(limit.fluctuations(2.0, 1.5, 0.4).next_order)[:, 0], rtol=1e-8
    )
    monkeypatch.setattr("rnnkernel.fluctuations._BLOCK", 1)
    np.testing.assert_allclose(limit.fluctuations(2.0, x, m).next_order, together[:, 1], rtol=1e-8)


@pytest.mark.slow
def test_a_second_input_that_is_zero_changes_nothing():
    law = rk.InitialLaw(LAW.output, stats.norm(0.7, 1), LAW.recurrent, n_inputs=2)
    wide = rk.DataSequence(DATA.chain, inputs=[[-1.0, 0.0], [1.5, 0.0]], targets=DATA.targets)
    one = rk.KernelLimit(DATA, LAW).fluctuations(2.0, [-1.0, 1.5], [0.1, 0.4])
    two = rk.KernelLimit(wide, law).fluctuations(2.0, [[-1.0, 0.0], [1.5, 0.0]], [0.1, 0.4])
    np.testing.assert_allclose(two.next_order, one.next_order, rtol=1e-4, atol=1e-6)


def test_it_is_saved_and_sent_with_the_first_order(tmp_path):
    fluct = rk.KernelLimit(DATA, LAW).fluctuations(2.0, 1.5, 0.4)
    sent = pickle.loads(pickle.dumps(fluct))
    rk.save(fluct, tmp_path / "law.npz")
    for each in (sent, rk.load(tmp_path / "law.npz")):
        np.testing.assert_array_equal(each.next_order, fluct.next_order)


@pytest.mark.slow
def test_long_times_are_computed_as_well_as_short_ones(monkeypatch):
    """Panels in time that double are as good as many short ones, however long they are for a mode."""
    limit, t = rk.KernelLimit(DATA, LAW), 100.0
    doubled = limit.fluctuations(t, 1.5, 0.4).next_order
    monkeypatch.setattr(
        "rnnkernel._next_order.time_rule", lambda t, _, order: gauss_legendre(np.linspace(0, t, 41), order)
    )
    np.testing.assert_allclose(doubled, limit.fluctuations(t, 1.5, 0.4).next_order, rtol=1e-6)
