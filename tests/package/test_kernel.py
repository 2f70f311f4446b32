import autograd
import autograd.numpy as anp
import numpy as np
import pytest
from reference import LAW
from scipy import stats

import rnnkernel as rk

X, M = np.array([-1.0, -1.0, 1.5, 0.0]), np.array([-0.2, 0.1, 0.4, 0.3])
SIGMA = {"tanh": np.tanh, "logistic": lambda u: 1 / (1 + np.exp(-u))}
PRIME = {"tanh": lambda u: 1 - np.tanh(u) ** 2, "logistic": lambda u: np.exp(-u) / (1 + np.exp(-u)) ** 2}


def points(d, n=6, scale=0.5, seed=0):
    rng = np.random.default_rng(seed)
    return rng.uniform(-scale, scale, (n, d)), rng.uniform(-0.4, 0.4, n)


@pytest.mark.parametrize("d", [1, 2, 3])
def test_arcsine_kernel(d):
    """erf, centred normal W, m = m' = 0.  With covariances a, b, c of (u, u') = (W·x, W·x'):

    E[erf u erf u'] = (2/π) arcsin(2b/√((1 + 2a)(1 + 2c))),  E[erf' u erf' u'] = (4/π)/√((1 + 2a)(1 + 2c) − 4b²).
    """
    s = 0.8
    law = rk.InitialLaw(stats.norm(0, 0.5), stats.norm(0, s), stats.uniform(0, 1), d)
    x, _ = points(d)
    covariance = s**2 * x @ x.T
    product = np.outer(1 + 2 * np.diag(covariance), 1 + 2 * np.diag(covariance))
    values = 2 / np.pi * np.arcsin(2 * covariance / np.sqrt(product))
    slopes = 4 / np.pi / np.sqrt(product - 4 * covariance**2)
    found = rk.TangentKernel(law, "erf")(x, 0.0, x, 0.0)
    np.testing.assert_allclose(found, values + x @ x.T * 0.25 * slopes, atol=1e-13)


@pytest.mark.parametrize("name", SIGMA)
@pytest.mark.parametrize("d", [1, 2, 3, 5])
def test_kernel_against_monte_carlo(name, d):
    """The mean over 400 000 sampled units, within four standard errors (d = 5: and 1e-3 for the Sobol sequence)."""
    law = rk.InitialLaw(stats.norm(0, 0.7), stats.norm(0.7, 1), stats.uniform(0, 1), d)
    (x1, m1), (x2, m2) = points(d, 3), points(d, 4, seed=1)
    C, W, _ = law.sample(400_000, rng=0)
    found = rk.TangentKernel(law, name)(x1, m1, x2, m2)
    for i in range(3):
        for j in range(4):
            u, v = W @ x1[i] + m1[i], W @ x2[j] + m2[j]
            units = SIGMA[name](u) * SIGMA[name](v) + x1[i] @ x2[j] * C**2 * PRIME[name](u) * PRIME[name](v)
            assert abs(found[i, j] - units.mean()) < 4 * units.std() / np.sqrt(len(C)) + (1e-3 if d == 5 else 0)


def test_kernel_is_symmetric_and_positive():
    x, m = points(2, 30, scale=2)
    kernel = rk.TangentKernel(rk.InitialLaw(stats.uniform(-1, 2), stats.norm(0.7, 1), stats.uniform(0, 1), 2))
    gram = kernel(x, m, x, m)
    np.testing.assert_allclose(gram, gram.T, atol=1e-14)  # BLAS may sum a row in another order than a column
    assert np.linalg.eigvalsh(gram)[0] > -1e-13
    np.testing.assert_allclose(kernel.diagonal(x, m), np.diag(gram), rtol=1e-13)


@pytest.mark.parametrize("d", [1, 2])
def test_features_give_the_kernel(d):
    law = rk.InitialLaw(stats.uniform(-1, 2), stats.norm(0.7, 1), stats.uniform(0, 1), d)
    kernel, (x, m) = rk.TangentKernel(law), points(d)
    features = kernel.features(x, m)
    assert features.shape == (6, kernel.n_features) == (6, len(law.quadrature.weights) * (1 + d))
    np.testing.assert_allclose(features @ features.T, kernel(x, m, x, m), rtol=1e-13)


def test_odd_activations_make_an_odd_kernel():
    """For tanh K((−x, −m), (x', m')) = −K((x, m), (x', m')); the logistic function is not odd."""
    for name, odd in (("tanh", True), ("logistic", False)):
        kernel = rk.TangentKernel(LAW, name)
        assert np.allclose(kernel(-X, -M, X, M), -kernel(X, M, X, M), atol=1e-14) is odd


def network_output(C, W, N, beta, x, m):
    return N**-beta * anp.dot(C, anp.tanh(anp.dot(W, x) + m))


@pytest.mark.parametrize("d", [1, 3])
def test_empirical_kernel_by_automatic_differentiation(d):
    """N^{2β−1} times the inner product of the gradients of the output towards C and W."""
    law = rk.InitialLaw(stats.uniform(-1, 2), stats.norm(0.7, 1), stats.uniform(0, 1), d)
    rnn = rk.RNN.sample(law, n_units=40, beta=0.7, rng=0)
    x, m = points(d)
    gradient = autograd.grad(
        lambda theta, xk, mk: network_output(theta[:40], anp.reshape(theta[40:], (40, d)), 40, 0.7, xk, mk)
    )
    theta = np.concatenate([rnn.output, rnn.inputs.ravel()])
    gradients = np.array([gradient(theta, xk, mk) for xk, mk in zip(x, m, strict=True)])
    np.testing.assert_allclose(
        rk.empirical_kernel(rnn, x, m, x[:2], m[:2]), 40**0.4 * gradients @ gradients[:2].T, rtol=1e-12
    )


def test_limit_kernel_by_automatic_differentiation():
    """The mean of the kernels that automatic differentiation finds for 4000 units, within four standard errors."""
    rnn = rk.RNN.sample(LAW, n_units=4000, beta=0.75, rng=1)
    C, W = rnn.output, rnn.inputs[:, 0]
    toward_C = lambda x, m: autograd.elementwise_grad(lambda c: c * anp.tanh(W * x + m))(C)  # noqa: E731
    toward_W = lambda x, m: autograd.elementwise_grad(lambda w: C * anp.tanh(w * x + m))(W)  # noqa: E731
    limit = rk.TangentKernel(LAW)(X, M, X, M)
    for i in range(4):
        for j in range(4):
            units = toward_C(X[i], M[i]) * toward_C(X[j], M[j]) + toward_W(X[i], M[i]) * toward_W(X[j], M[j])
            assert abs(units.mean() - limit[i, j]) < 4 * units.std() / np.sqrt(4000) + 1e-14


def test_one_step_moves_the_output_by_the_empirical_kernel():
    """(α/N) K^N e, for a step of `train` at small α."""
    rnn = rk.RNN.sample(LAW, n_units=50, beta=0.75, rng=2)
    start, alpha, target = rnn.predict(X, M), 1e-6, 2.0
    moved = rk.train(rnn, ([1.5], [target]), learning_rate=alpha).network.predict(X, M)
    memory = np.mean(rnn.recurrent * rnn.hidden)
    error = target - rnn.predict(1.5, memory)[0]
    expected = alpha / 50 * rk.empirical_kernel(rnn, X, M, 1.5, memory)[:, 0] * error
    np.testing.assert_allclose(moved - start, expected, rtol=1e-5)


@pytest.mark.parametrize("n_units", [400, 6400])
def test_empirical_kernel_tends_to_the_limit(n_units):
    """The root mean square distance over 100 networks is the standard deviation of one unit over √N."""
    C, W, _ = LAW.sample(200_000, rng=5)
    u, v = W[:, 0] * X[0] + M[0], W[:, 0] * X[2] + M[2]
    deviation = np.std(np.tanh(u) * np.tanh(v) + X[0] * X[2] * C**2 * PRIME["tanh"](u) * PRIME["tanh"](v))
    limit = rk.TangentKernel(LAW)(X[0], M[0], X[2], M[2])[0, 0]
    errors = [
        rk.empirical_kernel(rk.RNN.sample(LAW, n_units=n_units, beta=0.75, rng=seed), X[0], M[0], X[2], M[2]) - limit
        for seed in range(100)
    ]
    assert np.sqrt(np.mean(np.square(errors)) * n_units) == pytest.approx(deviation, rel=0.3)


def test_shapes_and_refusals():
    kernel = rk.TangentKernel(LAW)
    assert kernel(1.0, 0.1, [1.0, 2.0, 3.0], 0.2).shape == (1, 3)
    assert kernel([[1.0], [2.0]], [0.1, 0.2], 1.0, 0.0).shape == (2, 1)
    assert kernel([], [], 1.0, 0.0).shape == (0, 1)
    with pytest.raises(ValueError, match="x1 must have 1 coordinate"):
        kernel(np.ones((2, 2)), 0.0, 1.0, 0.0)
    with pytest.raises(TypeError, match="law must be an InitialLaw"):
        rk.TangentKernel(None)
    with pytest.raises(TypeError, match="rnn must be an RNN"):
        rk.empirical_kernel(kernel, 1.0, 0.0, 1.0, 0.0)


@pytest.mark.parametrize("inputs", [stats.norm(0.7, 1), stats.uniform(-1, 3)])
def test_the_diagonal_is_that_of_the_kernel(inputs):
    """Whether W is normal or summed over nodes, at inputs of any length."""
    law = rk.InitialLaw(output=stats.uniform(-1, 2), inputs=inputs, recurrent=stats.uniform(0, 1), n_inputs=2)
    kernel, (x, m) = rk.TangentKernel(law), points(2)
    np.testing.assert_allclose(kernel.diagonal(3 * x, m), np.diag(kernel(3 * x, m, 3 * x, m)), rtol=1e-12)
