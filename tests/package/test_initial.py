import numpy as np
import pytest
from scipy import stats

import rnnkernel as rk


def law_of(inputs, recurrent=None, d=None):
    return rk.InitialLaw(stats.uniform(-1, 2), inputs, stats.uniform(0, 1) if recurrent is None else recurrent, d)


def sharp(distribution, f):
    """E f(W) by 4 points on each of 20 000 panels, half of them on either side of the median."""
    low, middle, high = distribution.ppf(1e-17), distribution.median(), distribution.isf(1e-17)
    edges = np.append(np.linspace(low, middle, 10_000, endpoint=False), np.linspace(middle, high, 10_001))
    x, w = np.polynomial.legendre.leggauss(4)
    nodes = (edges[:-1, None] + np.diff(edges)[:, None] / 2 * (1 + x)).ravel()
    weights = (np.diff(edges)[:, None] / 2 * w).ravel() * distribution.pdf(nodes)
    return f(nodes) @ weights / weights.sum()


SMOOTH = [stats.norm(0.7, 1), stats.norm(-2, 0.3), stats.logistic(0.2, 0.5), stats.gumbel_r(0, 0.5)]
OTHERS = [stats.uniform(-1, 2), stats.truncnorm(-2, 2), stats.beta(2, 3), stats.gamma(3), stats.laplace(0.3, 0.5)]
DISCRETE = [stats.poisson(2.0), stats.rv_discrete(values=([-1, 0.5], [0.4, 0.6])), stats.randint(-1, 2)]


@pytest.mark.parametrize("inputs", SMOOTH + OTHERS + DISCRETE)
def test_quadrature_gives_the_moments(inputs):
    W, w = law_of(inputs).quadrature
    assert W.shape == (len(w), 1)
    assert (w > 0).all()
    for order in range(1, 5):
        exact = inputs.moment(order)
        assert w @ W[:, 0] ** order == pytest.approx(exact, rel=1e-8, abs=1e-9)


@pytest.mark.parametrize(("d", "reach"), [(1, 4.0), (2, 1.5), (3, 0.6)])
def test_quadrature_resolves_tanh_as_far_as_it_says(d, reach):
    """1e-13 for a normal law of standard deviation s up to s|x_i| = reach, in the kernel's own integrands."""
    inputs = stats.norm(0.7, 1)
    W, w = law_of(inputs, d=d).quadrature
    for f in (
        lambda u: np.tanh(reach * u + 0.2) * np.tanh(-0.8 * reach * u - 0.3),
        lambda u: np.cosh(reach * u + 0.2) ** -2 * np.cosh(reach * u - 0.3) ** -2,
    ):
        for i in range(d):
            assert w @ f(W[:, i]) == pytest.approx(sharp(inputs, f), abs=2e-13)


@pytest.mark.parametrize("d", [1, 2, 3])
@pytest.mark.parametrize("inputs", [stats.norm(0.7, 1), stats.norm(0, 3), stats.uniform(-1, 2), stats.beta(2, 3)])
def test_input_reach_is_honest(inputs, d):
    """Three digits at the reach, and at least seven at a tenth of it."""
    law = law_of([inputs, stats.norm(0, 1), stats.norm(0, 1)][:d])
    assert np.isfinite(law.input_reach).all()
    W, w = law.quadrature
    for share, digits in ((1.0, 2e-3), (0.1, 1e-7)):
        x = share * law.input_reach[0]
        for m in (-0.3, 0.2):
            slopes = lambda u, x=x, m=m: np.cosh(x * u + m) ** -2.0  # noqa: E731
            assert w @ slopes(W[:, 0]) == pytest.approx(sharp(inputs, slopes), rel=digits)


def test_input_reach_shrinks_as_weights_grow():
    """W·x is the same for twice W and half of x."""
    once, twice = (law_of(stats.uniform(-size, 2 * size)).input_reach for size in (1.0, 2.0))
    np.testing.assert_allclose(once, 2 * twice, rtol=1e-9)


def test_kinks_at_zero_and_at_the_median_cost_nothing():
    """E|W| of a normal law, E[W sign W], and the Laplace law, whose density has a kink at its median."""
    normal, mean = stats.norm(0.7, 1), stats.foldnorm(0.7).mean()
    assert law_of(normal, lambda W: np.abs(W[:, 0])).recurrent_absolute_mean == pytest.approx(mean, abs=1e-13)
    law = law_of(normal, lambda W: np.sign(W[:, 0]))
    assert law.quadrature.weights @ (law.recurrent_mean * law.quadrature.nodes[:, 0]) == pytest.approx(mean, abs=1e-13)
    W, w = law_of(stats.laplace(0.3, 0.5), d=2).quadrature
    assert w @ np.exp(W[:, 1]) == pytest.approx(np.exp(0.3) / (1 - 0.25), rel=1e-8)


def test_more_than_three_inputs_use_a_low_discrepancy_sequence():
    law = law_of(stats.norm(0.3, 1), d=5)
    W, w = law.quadrature
    assert W.shape == (4096, 5)
    assert w @ np.tanh(W @ np.full(5, 0.4)) == pytest.approx(sharp(stats.norm(0.6, np.sqrt(0.8)), np.tanh), abs=1e-3)
    assert (law.quadrature.nodes == law_of(stats.norm(0.3, 1), d=5).quadrature.nodes).all()
    assert np.isinf(law.input_reach).all()


def test_too_large_tensor_products_give_way():
    assert len(law_of(stats.t(6), d=2).quadrature.weights) == 4096


def test_heavy_tails_are_refused():
    with pytest.raises(ValueError, match="lighter tails"):
        _ = law_of(stats.t(2.01)).quadrature
    steps = stats.rv_histogram((np.array([1.0, 3.0, 1.0]), np.array([0.0, 1.0, 2.5, 3.0])), density=False)
    with pytest.raises(ValueError, match="cannot be integrated"):
        _ = law_of(steps).quadrature
    with pytest.raises(ValueError, match="finite variance"):
        law_of(stats.cauchy())


def test_moments_of_the_recurrent_weight():
    signed = law_of(stats.norm(), stats.norm(0.5, 2))
    assert signed.recurrent_absolute_mean == pytest.approx(2 * stats.foldnorm(0.25).mean(), rel=1e-10)
    assert signed.recurrent_bound == np.inf
    np.testing.assert_allclose(signed.recurrent_mean, 0.5)
    np.testing.assert_allclose(signed.recurrent_square, 4.25)
    coin = law_of(stats.norm(), stats.rv_discrete(values=([-1, 1], [0.25, 0.75])))
    assert coin.recurrent_absolute_mean == pytest.approx(1)
    assert law_of(stats.norm(), stats.uniform(-3, 1)).recurrent_absolute_mean == pytest.approx(2.5)
    assert law_of(stats.norm(), stats.uniform(-3, 1)).recurrent_bound == 3
    assert law_of(stats.uniform(-1, 2), lambda W: 2 * W[:, 0]).recurrent_bound == pytest.approx(2, rel=0.01)


def test_samples_have_the_law():
    law = rk.InitialLaw(stats.uniform(-1, 2), [stats.norm(0.7, 1), stats.uniform(0, 2)], lambda W: W[:, 0] + W[:, 1])
    C, W, B = law.sample(40_000, rng=0)
    assert (C.shape, W.shape, B.shape) == ((40_000,), (40_000, 2), (40_000,))
    np.testing.assert_array_equal(B, W.sum(axis=1))
    for values, exact in ((C, 0), (C**2, law.output_square), (W[:, 0], 0.7), (W[:, 1], 1.0)):
        assert abs(values.mean() - exact) < 4 * values.std() / 200
    assert law.output_mean == 0
    assert law.output_square == pytest.approx(1 / 3)
    np.testing.assert_array_equal(C, law.sample(40_000, rng=0)[0])
    np.testing.assert_array_equal(C, law.sample(40_000, rng=np.random.default_rng(0))[0])


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"output": 1.0}, TypeError, "output must be a frozen scipy.stats distribution"),
        ({"inputs": []}, ValueError, "inputs must hold at least one"),
        ({"inputs": [stats.norm(), 3]}, TypeError, r"inputs\[1\] must be"),
        ({"inputs": [stats.norm()], "n_inputs": 2}, ValueError, "n_inputs must be the number"),
        ({"n_inputs": 0}, ValueError, "n_inputs must be an integer of at least 1"),
        ({"recurrent": "b"}, TypeError, "recurrent must be"),
    ],
)
def test_wrong_laws_are_refused(change, error, message):
    given = {"output": stats.uniform(-1, 2), "inputs": stats.norm(), "recurrent": stats.uniform(0, 1)} | change
    with pytest.raises(error, match=message):
        rk.InitialLaw(**given)


def test_wrong_requests_are_refused():
    law = law_of(stats.norm())
    with pytest.raises(ValueError, match="even when paired"):
        law.sample(3, rng=0, paired=True)
    with pytest.raises(ValueError, match="n_units must be an integer of at least 1"):
        law.sample(0, rng=0)
    with pytest.raises(ValueError, match="recurrent must map weights"):
        _ = law_of(stats.norm(), lambda W: W).recurrent_mean
    with pytest.raises(ValueError, match="atoms"):
        _ = law_of(stats.rv_discrete(values=([0, 1], [0.5, 0.5]))(loc=0.5)).quadrature
