"""Normal input weights: right for every x, in any dimension, against closed forms and adaptive quadrature."""

from itertools import pairwise

import numpy as np
import pytest
from scipy import integrate, stats
from scipy.special import erf

import rnnkernel as rk
from rnnkernel import _hermite
from rnnkernel.activations import activation

SIGMA = {"tanh": np.tanh, "logistic": lambda u: np.exp(-np.logaddexp(0, -u)), "erf": erf}
PRIME = {
    "tanh": lambda u: 4 * np.exp(-2 * np.logaddexp(u, -u)),
    "logistic": lambda u: np.exp(-np.logaddexp(0, -u) - np.logaddexp(0, u)),
    "erf": lambda u: 2 / np.sqrt(np.pi) * np.exp(-u * u),
}
MEAN, SD = np.array([0.7, -0.2, 0.1]), np.array([1.0, 0.5, 0.8])
SIZES = 10.0 ** np.arange(-3, 5)


def law_of(d, centred=False):
    inputs = [stats.norm(0 if centred else mean, sd) for mean, sd in zip(MEAN[:d], SD[:d], strict=True)]
    return rk.InitialLaw(stats.uniform(-1, 2), inputs, stats.uniform(0.2, 0.6))


def directions(d, n=4):
    return np.random.default_rng(d).normal(size=(n, d))


def adaptive(f, a, s):
    """E f(a + s g) by adaptive quadrature, told where f changes."""
    breaks = [(c - a) / s for c in (-30, -5, 0, 5, 30)]
    points = sorted({-9.0, 9.0, *(p for p in breaks if abs(p) < 9)})
    parts = [
        integrate.quad(
            lambda g: np.exp(-g * g / 2) / np.sqrt(2 * np.pi) * f(a + s * g),
            *ends,
            epsabs=1e-14,
            epsrel=1e-12,
            limit=200,
        )[0]
        for ends in pairwise(points)
    ]
    return sum(parts)


@pytest.mark.parametrize("name", SIGMA)
@pytest.mark.parametrize("d", [1, 2, 3])
def test_memory_and_its_derivative(d, name):
    phi = rk.MemoryMap(law_of(d), name)
    for size in SIZES[::2]:
        for x in size * directions(d, 2):
            a, s = x @ MEAN[:d] + 0.3, np.sqrt(np.sum((x * SD[:d]) ** 2))
            assert phi(x, 0.3) == pytest.approx(0.5 * adaptive(SIGMA[name], a, s), abs=1e-12)
            assert phi.derivative(x, 0.3) == pytest.approx(0.5 * adaptive(PRIME[name], a, s), rel=1e-8, abs=1e-15)


@pytest.mark.parametrize("d", [1, 2, 3])
def test_arcsine_kernel_for_every_x(d):
    """E[erf u erf u'] and E[erf' u erf' u'] of centred W and m = m' = 0, in closed form, 1e-3 ≤ |x| ≤ 1e4."""
    x = (SIZES[:, None, None] * directions(d)).reshape(-1, d)
    covariance = x * SD[:d] ** 2 @ x.T
    product = np.outer(1 + 2 * np.diag(covariance), 1 + 2 * np.diag(covariance))
    values = 2 / np.pi * np.arcsin(2 * covariance / np.sqrt(product))
    apart = product - 4 * covariance**2
    well = apart > 1e-6 * product  # where the closed form does not cancel
    slopes = 4 / np.pi / np.sqrt(np.where(well, apart, 1.0))
    kernel = rk.TangentKernel(law_of(d, centred=True), "erf")
    found = kernel(x, 0.0, x, 0.0)
    assert well.mean() > 0.9
    np.testing.assert_allclose(found[well], (values + x @ x.T / 3 * slopes)[well], rtol=1e-9)
    np.testing.assert_allclose(np.diag(found), kernel.diagonal(x, 0.0), rtol=1e-10)


@pytest.mark.parametrize("name", SIGMA)
def test_kernel_of_one_input(name):
    """Both factors in one adaptive integral."""
    kernel = rk.TangentKernel(law_of(1), name)
    for x, y in ((0.5, -1.5), (2.0, 7.0), (12.0, -9.0), (300.0, 0.2), (1e4, 2e3)):
        total = 0.0
        for f, factor in ((SIGMA[name], 1.0), (PRIME[name], x * y / 3)):
            cuts = [c / x - 0.1 / x for c in (-30, -3, 0, 3, 30)] + [c / y + 0.2 / y for c in (-30, -3, 0, 3, 30)]
            ends = sorted({-8.3, 9.7, *(c for c in cuts if -8.3 < c < 9.7)})

            def product(w, f=f, x=x, y=y):
                return np.exp(-((w - 0.7) ** 2) / 2) / np.sqrt(2 * np.pi) * f(w * x + 0.1) * f(w * y - 0.2)

            total += factor * sum(
                integrate.quad(product, *pair, epsabs=1e-15, epsrel=1e-11, limit=200)[0] for pair in pairwise(ends)
            )
        assert kernel(x, 0.1, y, -0.2)[0, 0] == pytest.approx(total, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("name", ["tanh", "logistic"])
@pytest.mark.parametrize(
    ("x", "y"),
    [([0.5, 1.0], [1.0, -0.4]), ([9.0, 2.0], [8.0, 1.5]), ([60.0, -5.0], [0.3, 0.2]), ([90.0, 9.0], [70.0, 8.0])],
)
def test_kernel_of_two_inputs(name, x, y):
    """u' given u is normal: one adaptive integral in another."""
    x, y = np.array(x), np.array(y)
    s, t = (np.sqrt(np.sum((each * SD[:2]) ** 2)) for each in (x, y))
    rho = np.sum(x * y * SD[:2] ** 2) / (s * t)
    a, b = x @ MEAN[:2] + 0.1, y @ MEAN[:2] - 0.2
    rest = t * np.sqrt(1 - rho**2)
    total = 0.0
    for f, factor in ((SIGMA[name], 1.0), (PRIME[name], x @ y / 3)):
        inner = lambda u, f=f: f(u) * adaptive(f, b + t * rho * (u - a) / s, rest)  # noqa: E731
        total += factor * adaptive(inner, a, s)
    assert rk.TangentKernel(law_of(2), name)(x, 0.1, y, -0.2)[0, 0] == pytest.approx(total, rel=1e-8)


@pytest.mark.parametrize(("name", "to_a_pole"), [("tanh", np.pi / 2), ("logistic", np.pi)])
def test_points_are_as_far_apart_as_poles_allow(name, to_a_pole):
    """Sums of a function with poles at ±ia are integrals up to e^{−2πa/h}: the largest h = 2⁻ⁿ with 1e-12."""
    halvings = 2.0 ** -np.arange(7)
    expected = halvings[np.argmax(np.exp(-2 * np.pi * to_a_pole / halvings) < 1e-12)]
    assert _hermite.spacing.__wrapped__(activation(name)) == expected


def test_series_and_panels_agree_where_one_gives_way_to_the_other():
    """K along a line of growing x, through the x from which on panels are used, has no step."""
    kernel = rk.TangentKernel(law_of(2))
    x = np.linspace(1.0, 60.0, 400)[:, None] * [1.0, 0.1]
    row = kernel(x, 0.1, [[5.0, 0.4]], 0.2)[:, 0]
    third = np.diff(row, 4)
    assert np.abs(third[20:]).max() < 1e-4
    some = x[::9]
    np.testing.assert_allclose(np.diag(kernel(some, 0.1, some, 0.1)), kernel.diagonal(some, 0.1), rtol=1e-12)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:the contraction factor")
@pytest.mark.parametrize("steepness", [100.0, 0.01])
def test_steep_and_flat_activations(steepness):
    own = rk.Activation(
        "own", lambda u: np.tanh(steepness * u), lambda u: steepness * (1 - np.tanh(steepness * u) ** 2), steepness
    )
    law, scaled = law_of(1), rk.MemoryMap(law_of(1))
    for x, m in ((0.5, 0.1), (3.0, -1.0), (40.0, 2.0)):
        assert rk.MemoryMap(law, own)(x, m) == pytest.approx(scaled(steepness * x, steepness * m), abs=1e-13)
    expected = rk.TangentKernel(law)(steepness * 0.5, steepness * 0.1, steepness * 2.0, 0.0)
    assert rk.TangentKernel(law, own)(0.5, 0.1, 2.0, 0.0) == pytest.approx(expected, rel=1e-11)


@pytest.mark.filterwarnings("ignore::rnnkernel.AssumptionWarning")
def test_kinks():
    """E clip(a + s g, −1, 1) in closed form."""
    clip = rk.Activation("clip", lambda u: min(max(u, -1.0), 1.0), lambda u: 1.0 if abs(u) < 1 else 0.0, lipschitz=1.0)
    phi = rk.MemoryMap(law_of(1), clip)
    for x in (0.3, 2.0, 50.0):
        a, s = 0.7 * x + 0.2, x
        low, high = (-1 - a) / s, (1 - a) / s
        inside = a * np.diff(stats.norm.cdf([low, high]))[0] - s * np.diff(stats.norm.pdf([low, high]))[0]
        assert phi(x, 0.2) == pytest.approx(0.5 * (inside + stats.norm.sf(high) - stats.norm.cdf(low)), abs=1e-9)


def test_many_coefficients_are_made_anew(monkeypatch):
    """With no room to keep them, and few nodes at a time: the same kernel."""
    x = directions(2, 300)
    kernel = rk.TangentKernel(law_of(2))
    whole = kernel(x, 0.1, x, 0.1)
    monkeypatch.setattr(rk._hermite, "_STORED", 0)
    monkeypatch.setattr(rk._hermite, "_NODES", 10_000)
    np.testing.assert_allclose(kernel(x, 0.1, x, 0.1), whole, atol=1e-13)
