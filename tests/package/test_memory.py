import warnings

import numpy as np
import pytest
from reference import LAW
from scipy import integrate, stats
from scipy.special import erf

import rnnkernel as rk

SIGMA = {"tanh": np.tanh, "logistic": lambda u: 1 / (1 + np.exp(-u)), "erf": erf}
ROOT = rk.Activation("root", lambda u: u / np.sqrt(1 + u * u), lambda u: (1 + u * u) ** -1.5, lipschitz=1.0)
LINEAR = rk.Activation("linear", lambda u: u, lambda u: 1.0 + 0.0 * u, lipschitz=1.0)


def law_of(recurrent, inputs=stats.norm(0.7, 1), d=None):  # noqa: B008
    return rk.InitialLaw(stats.uniform(-1, 2), inputs, recurrent, d)


def quiet(*args):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rk.AssumptionWarning)
        return rk.MemoryMap(*args)


@pytest.mark.parametrize("name", SIGMA)
@pytest.mark.parametrize(("x", "m"), [(-1.0, -0.2), (1.5, 0.4), (0.0, 0.3), (3.0, -2.0)])
def test_map_is_the_expectation(name, x, m):
    f = lambda w: stats.norm(0.7, 1).pdf(w) * SIGMA[name](w * x + m)  # noqa: E731
    exact = 0.5 * integrate.quad(f, -8, 9.4, epsabs=1e-13, epsrel=1e-12, limit=400)[0]
    assert rk.MemoryMap(LAW, name)(x, m) == pytest.approx(exact, abs=1e-12)


@pytest.mark.parametrize("d", [1, 2, 3])
def test_erf_in_closed_form(d):
    """E erf(W·x + m) = erf((μ·x + m)/√(1 + 2|Sx|²)) for a normal law; its derivative in m; and B = W_1 by Stein."""
    mean, sd = np.array([0.7, -0.2, 0.1])[:d], np.array([1.0, 0.5, 0.8])[:d]
    inputs = [stats.norm(*each) for each in zip(mean, sd, strict=True)]
    rng = np.random.default_rng(0)
    x, m = rng.uniform(-0.7, 0.7, (20, d)), rng.uniform(-1, 1, 20)
    scale = np.sqrt(1 + 2 * (x * sd) ** 2 @ np.ones(d))
    argument = (x @ mean + m) / scale
    slope = 2 / np.sqrt(np.pi) * np.exp(-(argument**2)) / scale
    independent = rk.MemoryMap(law_of(stats.uniform(0.2, 1), inputs), "erf")
    np.testing.assert_allclose(independent(x, m), 0.7 * erf(argument), atol=3e-13)
    np.testing.assert_allclose(independent.derivative(x, m), 0.7 * slope, atol=3e-13)
    dependent = quiet(law_of(lambda W: W[:, 0], inputs), "erf")
    np.testing.assert_allclose(dependent(x, m), mean[0] * erf(argument) + sd[0] ** 2 * x[:, 0] * slope, atol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("activation", ["tanh", "logistic", "erf", ROOT])
def test_derivative_is_that_of_the_map(activation):
    memory = rk.MemoryMap(LAW, activation)
    x, m, h = np.linspace(-2, 2, 9), np.linspace(-1, 1, 9), 1e-5
    slope = (memory(x, m + h) - memory(x, m - h)) / (2 * h)
    np.testing.assert_allclose(memory.derivative(x, m), slope, atol=1e-9)
    assert (np.abs(memory.derivative(x, m)) <= memory.contraction).all()


@pytest.mark.parametrize(("activation", "L"), [("tanh", 1), ("logistic", 0.25), ("erf", 2 / np.sqrt(np.pi)), (ROOT, 1)])
def test_contraction_factor(activation, L):
    assert rk.MemoryMap(LAW, activation).contraction == pytest.approx(0.5 * L, rel=1e-12)
    signed = rk.MemoryMap(law_of(stats.uniform(-0.25, 1)), activation)  # E|B| = ½ (¼² + ¾²)
    assert signed.contraction == pytest.approx(0.3125 * L, rel=1e-9)


def test_trajectory_is_the_recursion():
    law = law_of(stats.uniform(0, 1), [stats.norm(0.7, 1), stats.uniform(-1, 2)])
    memory, x = rk.MemoryMap(law), np.random.default_rng(1).normal(size=(12, 2))
    W, w = law.quadrature
    expected = [0.3]
    for each in x:
        expected.append(0.5 * w @ np.tanh(W @ each + expected[-1]))
    np.testing.assert_allclose(memory.trajectory(x, start=0.3), expected, atol=1e-14)
    assert memory.fixed_point(x, start=0.3) == memory.trajectory(x, start=0.3)[-1]
    assert memory.trajectory(np.empty((0, 2))).tolist() == [0.0]


def test_two_starts_forget_at_least_as_fast_as_q():
    memory = rk.MemoryMap(LAW)
    apart = memory.forgetting(np.random.default_rng(2).normal(size=40), start=-3.0, other=2.0)
    bound = 5 * 0.5 ** np.arange(41)
    assert apart[0] == 5
    assert (apart <= bound + 1e-16).all()
    assert apart[3] > 0.01 * bound[3]


def test_fixed_point_solves_the_stationary_equation():
    """M*(…, x_{−2}, x_{−1}) = φ(x_{−1}, M*(…, x_{−2})), whatever the start."""
    memory, x = rk.MemoryMap(LAW), np.random.default_rng(3).normal(size=80)
    star = memory.fixed_point(x)
    assert star == pytest.approx(memory(x[-1], memory.fixed_point(x[:-1], start=5.0)), abs=1e-15)


def test_memory_of_a_wide_network_is_near_and_within_its_bound():
    """Root mean square over 300 networks, at the last of 20 steps; the bound is at most three times too large."""
    law = law_of(stats.uniform(0, 0.5))
    memory, x = rk.MemoryMap(law), np.random.default_rng(4).choice([-1.0, 1.5], 20)
    n_units = 200
    errors = []
    for seed in range(300):
        _, W, B = law.sample(n_units, rng=seed)
        m = 0.0
        for each in x:
            m = np.mean(B * np.tanh(W[:, 0] * each + m))
        errors.append(m - memory.fixed_point(x))
    measured, bound = np.sqrt(np.mean(np.square(errors))), memory.finite_width_bound(n_units, x)
    assert bound / 3 < measured < bound
    assert bound < memory.finite_width_bound(n_units)


def test_finite_width_bound_is_its_formula():
    law = law_of(stats.uniform(-0.2, 0.8))
    memory, x = rk.MemoryMap(law), np.array([1.5, -1.0, 1.5])
    _, W, B = law.sample(400_000, rng=0)
    deviation = [np.std(B * np.tanh(W[:, 0] * a + m)) for a, m in zip(x, memory.trajectory(x), strict=False)]
    assert memory.finite_width_bound(100, x) == pytest.approx(max(deviation) / 10 / (1 - 0.6), rel=0.01)
    assert memory.finite_width_bound(100) == pytest.approx(np.sqrt(0.04 + 0.64 / 12) / 10 / (1 - 0.6), rel=1e-6)
    with pytest.raises(ValueError, match=r"L sup\|B\| is 1"):
        rk.MemoryMap(LAW).finite_width_bound(100)
    with pytest.raises(ValueError, match="linear is not"):
        rk.MemoryMap(law, LINEAR).finite_width_bound(100)


def test_one_fixed_point_of_a_contraction():
    memory = rk.MemoryMap(LAW)
    for x in (-1.0, 0.3, 1.5):
        (root,) = memory.fixed_points(x)
        assert root == pytest.approx(memory.fixed_point([x] * 60), abs=1e-14)


def test_several_fixed_points_when_memory_does_not_contract():
    """At x = 0 the equation is m = q tanh m; a small input moves the roots, a large one leaves one."""
    with pytest.warns(rk.AssumptionWarning, match="contraction factor"):
        memory = rk.MemoryMap(law_of(stats.uniform(1, 1)))
    low, middle, high = memory.fixed_points(0.0)
    assert middle == pytest.approx(0, abs=1e-14)
    assert high == pytest.approx(1.5 * np.tanh(high), abs=1e-14)
    assert low == pytest.approx(-high, abs=1e-14)
    assert memory.derivative(0.0, middle) == pytest.approx(1.5)
    assert memory.derivative(0.0, high) < 1
    for x, count in ((0.05, 3), (1.0, 1)):
        roots = memory.fixed_points(x)
        np.testing.assert_allclose(memory(x, roots), roots, atol=1e-13)
        assert len(roots) == count
    assert memory.fixed_point([0.05] * 500, start=-2.0) == pytest.approx(memory.fixed_points(0.05)[0])
    assert memory.fixed_point([0.05] * 500, start=2.0) == pytest.approx(memory.fixed_points(0.05)[2])
    with pytest.raises(ValueError, match="no bounded fixed point"):
        quiet(law_of(stats.uniform(1, 1)), LINEAR).fixed_points(1.0)


@pytest.mark.parametrize(
    ("recurrent", "inputs", "message"),
    [
        (stats.uniform(-0.5, 1), stats.norm(0.7, 1), r"E\[B \| W\] = 0"),
        (stats.uniform(0, 0.5), stats.norm(0, 1), r"φ\(x, 0\) = 0"),
        (stats.uniform(0.6, 1), stats.norm(0.7, 1), "may never forget"),
    ],
)
def test_failing_assumptions_are_named(recurrent, inputs, message):
    with pytest.warns(rk.AssumptionWarning, match=message):
        rk.MemoryMap(law_of(recurrent, inputs))


def test_centred_memory_vanishes_and_no_recurrence_is_no_reason_to_warn():
    memory = quiet(law_of(stats.uniform(-0.5, 1)))
    assert memory.trajectory([1.0, 2.0, -1.0], start=0.7)[1:] == pytest.approx(0, abs=1e-15)
    feedforward = rk.MemoryMap(law_of(lambda W: np.zeros(len(W))))
    assert feedforward.contraction == 0
    assert feedforward(1.0, 0.5) == 0
    assert rk.MemoryMap(law_of(lambda W: np.tanh(W[:, 0]), stats.norm(0, 1)))(1.0, 0.0) > 0.3


def test_shapes():
    memory = rk.MemoryMap(LAW)
    assert isinstance(memory(1.0, 0.2), float)
    assert memory([1.0, 2.0], 0.2).shape == memory(1.0, [0.2, 0.3]).shape == (2,)
    assert memory([[1.0], [2.0]], [0.2, 0.3]).tolist() == memory([1.0, 2.0], [0.2, 0.3]).tolist()
    two = rk.MemoryMap(law_of(stats.uniform(0, 1), d=2))
    assert isinstance(two([1.0, 2.0], 0.2), float)
    assert two([[1.0, 2.0]] * 3, 0.2).shape == (3,)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: rk.MemoryMap("law"), TypeError, "law must be an InitialLaw"),
        (lambda: rk.MemoryMap(LAW, "relu"), ValueError, "activation must be one of"),
        (lambda: rk.MemoryMap(LAW)([1.0, 2.0], [1.0, 2.0, 3.0]), ValueError, "same number of points"),
        (lambda: rk.MemoryMap(LAW)(np.nan, 0.0), ValueError, "x must be finite"),
        (lambda: rk.MemoryMap(LAW).trajectory(np.ones((3, 2))), ValueError, r"x must have shape \(n, 1\)"),
        (lambda: rk.MemoryMap(LAW).trajectory([1.0], start=np.inf), ValueError, "start must be at least"),
        (lambda: rk.MemoryMap(LAW).fixed_points([1.0, 2.0]), ValueError, "x must be one input"),
        (lambda: rk.MemoryMap(LAW).finite_width_bound(0), ValueError, "n_units must be"),
    ],
)
def test_wrong_arguments_are_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_finite_width_bound_of_weights_that_are_not_normal():
    """ν is the largest standard deviation of Bσ(Wx + m) along the sequence, by adaptive quadrature."""
    phi = rk.MemoryMap(law_of(stats.uniform(0.1, 0.5), stats.uniform(-1, 3)))
    x = [-1.0, 1.5, 0.4]
    m = phi.trajectory(x)

    def power(k, at, memory):
        mean, _ = integrate.quad(lambda w: np.tanh(w * at + memory) ** k / 3, -1, 2, epsabs=1e-13)
        return stats.uniform(0.1, 0.5).moment(k) * mean

    nu = max(np.sqrt(power(2, *z) - power(1, *z) ** 2) for z in zip(x, m[:-1], strict=True))
    assert phi.finite_width_bound(400, x=x) == pytest.approx(nu / 20 / (1 - 0.6), rel=1e-9)
