"""The limit at β = 1: closed forms, a slow twin without collocation or E[B | C, W], the kernel limit, networks."""

import pickle

import numpy as np
import pytest
from reference import DATA, LAW
from scipy import stats
from scipy.integrate import quad

import rnnkernel as rk
from rnnkernel._quadrature import gauss
from rnnkernel.initial import particles

X, M = np.array([-1.0, -1.0, 1.5, 1.5]), np.array([-0.2, 0.1, 0.1, 0.4])
HIDDEN = rk.DataSequence(
    rk.MarkovChain([[0.8, 0.15, 0.05], [0.1, 0.6, 0.3], [0.3, 0.3, 0.4]]),
    inputs=[-1.0, -1.0, 1.0],
    targets=[[1.0, 0.5, -1.0], [-1.0, 0.0, 0.3], [0.2, 0.8, -0.5]],
    noise=0.5,
)
SKEWED = rk.InitialLaw(stats.uniform(-0.5, 2), stats.norm(0.5, 0.8), stats.uniform(-0.4, 1.4))
LINEAR = rk.Activation("linear", lambda u: 1.0 * u, lambda u: 1.0 + 0.0 * u, lipschitz=1.0)
CASES = {"reference": (DATA, LAW, 9), "hidden": (HIDDEN, SKEWED, 6)}


def legendre(distribution, n):
    """A rule for a uniform law."""
    nodes, weights = np.polynomial.legendre.leggauss(n)
    low, high = distribution.support()
    return (low + high + (high - low) * nodes) / 2, weights / 2


class Twin:
    """Units (C, W, B) of a product grid, and means over all paths of states, which start with memory zero."""

    def __init__(self, data, law, length):
        self.data, self.length = data, length
        z = np.linspace(-5.5, 5.5, 45)
        normal = stats.norm.pdf(z) / stats.norm.pdf(z).sum()
        rules = legendre(law.output, 10), (law.inputs[0].mean() + law.inputs[0].std() * z, normal)
        rules += (legendre(law.recurrent, 2),)
        self.units = np.array([each.ravel() for each in np.meshgrid(*(nodes for nodes, _ in rules), indexing="ij")])
        self.weights = np.einsum("i,j,k->ijk", *(weights for _, weights in rules)).ravel()

    def layer(self, x, m):
        return np.tanh(np.outer(x, self.units[1]) + m[:, None])

    def paths(self):
        """Probabilities of paths, the layer one step before their last point, their last states and memories."""
        P, n = self.data.chain.transition, self.data.chain.n_states
        probability, states, m = self.data.chain.stationary_distribution, np.arange(n), np.zeros(n)
        for _ in range(self.length):
            before = np.repeat(self.layer(self.data.inputs[states], m), n, axis=0)
            m = before @ (self.weights * self.units[2])
            probability, states = (probability[:, None] * P[states]).ravel(), np.tile(np.arange(n), len(states))
        return probability, before, states, m

    def velocity(self):
        C, (probability, before, states, m) = self.units[0], self.paths()
        x = self.data.inputs[states]
        S = self.layer(x, m)
        step = probability * (self.data.mean_target[states] - S @ (self.weights * C))
        q = (1 - S**2) @ (self.weights * C)
        return np.array([step @ S, C * ((step * x) @ (1 - S**2)), (step * q) @ before])

    def run(self, time, n_steps):
        """Heun's method."""
        h = time / n_steps
        for _ in range(n_steps):
            start, first = self.units, self.velocity()
            self.units = start + h * first
            self.units = start + h * (first + self.velocity()) / 2

    def answers(self):
        probability, _, states, m = self.paths()
        said = self.weights * self.units[0]
        error = self.data.mean_target[states] - self.layer(self.data.inputs[states], m) @ said
        loss = probability @ (error**2 + self.data.target_variance[states]) / 2
        C, W, B = self.units
        moments = [self.weights @ each for each in (C**2, W, W**2, B, B * W)]
        return np.array([*self.layer(X, M) @ said, loss, *moments])


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_against_all_paths(case):
    data, law, length = CASES[case]
    coarse, fine = Twin(data, law, length), Twin(data, law, length)
    coarse.run(1.5, 15)
    fine.run(1.5, 30)
    expected = fine.answers() + (fine.answers() - coarse.answers()) / 3
    limit = rk.MeanField(data, law, refinement=1)
    C, W, B, weights = limit.units(1.5)
    W = W[:, 0]
    moments = [weights @ each for each in (C**2, W, W**2, B, B * W)]
    found = [*limit.predict(1.5, X, M), limit.loss(1.5), *moments]
    np.testing.assert_allclose(found, expected, atol=3e-5)
    moved = np.abs(expected[-2:] - Twin(data, law, 1).answers()[-2:])
    assert moved.max() > 3e-4  # of B, which is seen to learn


def test_a_linear_network_in_closed_form():
    """Without memory C ± W grow by e^{±A}, with A' = α (E YX − E X² v), v = E[C W] = (E C² + E W²) sinh(2A)/2."""
    law = rk.InitialLaw(stats.norm(0, 0.6), stats.norm(0, 0.7), lambda W: 0 * W[:, 0])
    limit = rk.MeanField(DATA, law, LINEAR, learning_rate=0.8, refinement=1)
    pi, x = DATA.chain.stationary_distribution, DATA.inputs
    toward, square, size = pi @ (x * DATA.mean_target), pi @ x**2, 0.6**2 + 0.7**2
    start = limit.units(0.0)
    for share in (0.3, 0.9):
        A = np.arcsinh(2 * share * toward / square / size) / 2
        time = quad(lambda a: 1 / (toward - square * size * np.sinh(2 * a) / 2), 0, A)[0] / 0.8
        v = share * toward / square
        np.testing.assert_allclose(limit.predict(time, [1.0, -2.0], 0.3), [v, -2 * v], atol=1e-6)
        loss = pi @ (DATA.target_variance + (DATA.mean_target - v * x) ** 2) / 2
        assert limit.loss(time) == pytest.approx(loss, abs=1e-6)
        now = limit.units(time)
        C, W = start.output, start.inputs[:, 0]
        np.testing.assert_allclose(now.output, C * np.cosh(A) + W * np.sinh(A), atol=1e-5)
        np.testing.assert_allclose(now.inputs[:, 0], W * np.cosh(A) + C * np.sinh(A), atol=1e-5)
        assert not np.abs(now.recurrent).max() > 1e-9


def beyond_the_kernel_limit(eps):
    """Mean field with targets εY over ε, minus the kernel limit of Y, at t = 2 and α = 0.7."""
    data = rk.DataSequence(DATA.chain, DATA.inputs, eps * DATA.targets)
    kernel_limit = rk.KernelLimit(DATA, LAW, learning_rate=0.7).predict(2.0, X, M)
    return rk.MeanField(data, LAW, learning_rate=0.7, refinement=1).predict(2.0, X, M) / eps - kernel_limit


def test_small_targets_give_the_kernel_limit():
    """Up to ε²; the sign of ε makes no difference, as the law of C is symmetric."""
    far, near = map(beyond_the_kernel_limit, (0.4, 0.2))
    assert np.abs(near).max() < 0.01 * np.abs(rk.KernelLimit(DATA, LAW, learning_rate=0.7).predict(2.0, X, M)).min()
    assert np.linalg.norm(far) / np.linalg.norm(near) == pytest.approx(4, rel=0.1)
    np.testing.assert_allclose(beyond_the_kernel_limit(-0.2), near, atol=1e-7)


def test_drift_of_networks_is_the_second_order_in_the_size_of_targets():
    """N^{2β−2} b_t with N^{β−1} = ε: the drift that `fluctuations` finds by expanding networks."""
    far, near = (beyond_the_kernel_limit(eps) / eps**2 for eps in (0.4, 0.2))
    drift = rk.KernelLimit(DATA, LAW, learning_rate=0.7).fluctuations(2.0, X, M).next_order.drift
    np.testing.assert_allclose((4 * near - far) / 3, drift, atol=2e-4)
    assert np.abs(drift).max() > 5e-3


def test_refinements_agree():
    """In units, nodes and time at once: to 1e-3 without, and to 1e-5 after the first."""
    first, second, third = (
        np.column_stack([limit.predict([0.5, 2.0, 5.0], X, M), limit.loss([0.5, 2.0, 5.0])])
        for limit in (rk.MeanField(DATA, LAW, refinement=r) for r in range(3))
    )
    np.testing.assert_allclose(first, third, atol=1e-3)
    np.testing.assert_allclose(second, third, atol=1e-5)


def test_two_coordinates_are_one_if_the_second_is_blind():
    """A second input that is always zero, with weights of its own, changes nothing."""
    data = rk.DataSequence(DATA.chain, np.column_stack([DATA.inputs, np.zeros(2)]), DATA.targets)
    law = rk.InitialLaw(LAW.output, [LAW.inputs[0], stats.uniform(-1, 2)], LAW.recurrent)
    both = rk.MeanField(data, law).predict(1.0, np.column_stack([X, 0 * X]), M)
    np.testing.assert_allclose(both, rk.MeanField(DATA, LAW).predict(1.0, X, M), atol=1e-5)


def test_times_may_come_in_any_order():
    limit = rk.MeanField(DATA, LAW)
    g = limit.predict([1.0, 0.0, 0.5, 1.0], X, M)
    np.testing.assert_allclose(g, [limit.predict(t, X, M) for t in (1.0, 0.0, 0.5, 1.0)], atol=1e-5)
    assert (g[0] == g[3]).all()
    np.testing.assert_allclose(g[1], 0, atol=1e-12)
    assert limit.predict([], X, M).shape == (0, 4)
    assert isinstance(limit.loss(1.0), float)
    assert limit.loss([1.0]).shape == limit.contraction([1.0]).shape == (1,)


def test_it_can_be_pickled():
    limit = rk.MeanField(DATA, LAW)
    loss = limit.loss(0.5)
    again = pickle.loads(pickle.dumps(limit))
    assert again == limit
    assert again.loss(0.5) == loss


def test_contraction_is_the_largest_slope():
    phi = rk.MemoryMap(LAW)
    low, high = rk.StationaryLaw(DATA, phi).intervals.T
    slopes = [
        phi.derivative(x, np.linspace(*ends, 2000)).max() for x, *ends in zip(DATA.inputs, low, high, strict=True)
    ]
    assert rk.MeanField(DATA, LAW, refinement=1).contraction(0.0) == pytest.approx(max(slopes), rel=1e-4)


def test_lost_contraction_is_said():
    law = rk.InitialLaw(stats.uniform(-1, 2), stats.norm(0.3, 0.3), stats.uniform(1, 1))
    with pytest.raises(ValueError, match=r"^law must have a memory map that contracts .* is 1\.\d+$"):
        rk.MeanField(DATA, law)
    circle = rk.MarkovChain([[0.1, 0.9, 0.0], [0.0, 0.1, 0.9], [0.9, 0.0, 0.1]])
    data = rk.DataSequence(circle, inputs=[-1.0, -1.0, 1.0], targets=[[-1.0, -1.0, 1.0]] * 3)
    law = rk.InitialLaw(stats.uniform(-1, 2), stats.norm(0.5, 0.5), stats.uniform(0, 1.9))
    limit = rk.MeanField(data, law, learning_rate=4.0)
    with pytest.raises(
        ValueError, match=r"^times must be below [\d.]+: .* slope of the memory map reaches 1"
    ) as raised:
        limit.loss([1.0, 25.0])
    until = float(str(raised.value).split()[4].rstrip(":"))
    assert limit.contraction(until - 1e-3) == pytest.approx(1, abs=1e-2)
    assert limit.contraction(until - 1e-3) < 1


def test_what_is_refused():
    with pytest.raises(TypeError, match="data must be a DataSequence, not tuple"):
        rk.MeanField(([1.0], [1.0]), LAW)
    with pytest.raises(TypeError, match="law must be an InitialLaw, not str"):
        rk.MeanField(DATA, "law")
    with pytest.raises(ValueError, match="refinement must be an integer of at most 2, not 3"):
        rk.MeanField(DATA, LAW, refinement=3)
    with pytest.raises(ValueError, match="learning_rate must be greater than 0"):
        rk.MeanField(DATA, LAW, learning_rate=0.0)
    two = rk.InitialLaw(LAW.output, LAW.inputs[0], LAW.recurrent, n_inputs=2)
    with pytest.raises(ValueError, match="data must have inputs of 2 coordinate"):
        rk.MeanField(DATA, two)
    with pytest.raises(ValueError, match="times must not be negative"):
        rk.MeanField(DATA, LAW).loss([-1.0])
    with pytest.raises(ValueError, match=r"times must be at most 5e\+04"):
        rk.MeanField(DATA, LAW, learning_rate=2.0).loss([6e4])


def test_particles_have_the_moments_of_the_law():
    law = rk.InitialLaw(stats.norm(0.2, 1.5), [stats.norm(0.7, 1), stats.uniform(-1, 3)], lambda W: W[:, 0] * W[:, 1])
    for refinement in range(2):
        C, W, B, weights = particles(law, refinement)
        assert weights.sum() == pytest.approx(1, abs=1e-12)
        found = [weights @ each for each in (C, C**2, C**4, C**2 * W[:, 0] ** 2, W[:, 1] ** 3, B * W[:, 1])]
        v = 1.5**2
        fourth = 0.2**4 + 6 * 0.2**2 * v + 3 * v**2
        np.testing.assert_allclose(
            found, [0.2, 0.04 + v, fourth, (0.04 + v) * 1.49, 15 / 12, 0.7 * (0.25 + 9 / 12)], rtol=1e-6
        )


def test_gauss_rule_of_a_discrete_law():
    """Exact for polynomials of degree 2n − 1; and no more nodes than the law has."""
    rng = np.random.default_rng(0)
    nodes, weights = rng.normal(2, 1, 40), rng.dirichlet(np.ones(40))
    x, w = gauss(nodes, weights, 6)
    assert len(x) == 6
    for degree in range(12):
        assert w @ (x - 2) ** degree == pytest.approx(weights @ (nodes - 2) ** degree, rel=1e-9, abs=1e-12)
    assert abs(w @ (x - 2) ** 12 - weights @ (nodes - 2) ** 12) > 1e-6
    x, w = gauss(nodes[:3], weights[:3], 6)
    assert (x == nodes[:3]).all()
    assert (w == weights[:3]).all()


@pytest.mark.slow
def test_networks_come_to_it():
    """Outputs, loss and the way of W at β = 1, within the error of 150 networks; the kernel limit is out of reach."""
    n_units, time = 2000, 2.0
    limit, outputs, ways = rk.MeanField(DATA, LAW, refinement=1), [], []
    for seed in range(150):
        start = rk.RNN.sample(LAW, n_units=n_units, beta=1.0, rng=seed)
        end = rk.train(start, DATA, time=time, learning_rate=1.0, rng=1000 + seed, n_records=1).network
        outputs.append(end.predict(X, M))
        ways.append([np.mean((end.inputs - start.inputs) ** 2), np.mean(end.recurrent - start.recurrent)])
    (_, W, B, weights), (_, W_0, B_0, _) = limit.units(time), limit.units(0.0)
    expected = [*limit.predict(time, X, M), weights @ ((W - W_0) ** 2)[:, 0], weights @ (B - B_0)]
    measured = np.hstack([outputs, ways])
    error = measured.std(axis=0, ddof=1) / np.sqrt(len(measured))
    assert (np.abs(measured.mean(axis=0) - expected) < 4 * error + 2 / n_units).all()
    kernel = rk.KernelLimit(DATA, LAW).predict(time, X, M)
    assert (np.abs(measured.mean(axis=0)[:4] - kernel) / error[:4]).max() > 8
    assert expected[4] > 0.05
