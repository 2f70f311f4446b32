import re

import mpmath
import numba
import numpy as np
import pytest
from mpmath.libmp import from_float, fzero, mpf_sub, to_float

from rnnkernel import _math
from rnnkernel._jit import hot
from rnnkernel.activations import activation

FUNCTIONS = {"exp": _math.exp, "tanh": _math.tanh, "logistic": _math.logistic, "erf": _math.erf}
RANGES = {"exp": (-746.0, 710.0), "tanh": (-22.0, 22.0), "logistic": (-746.0, 42.0), "erf": (-6.5, 6.5)}
EXACT = {"exp": mpmath.exp, "tanh": mpmath.tanh, "logistic": lambda x: 1 / (1 + mpmath.exp(-x)), "erf": mpmath.erf}


def loop(function):
    """A compiled loop over an array that calls the function, not cached so that its code can be inspected."""

    @numba.njit(error_model="numpy")
    def run(x, out):
        for i in range(len(x)):
            out[i] = function(x[i])

    return run


def evaluate(name, x):
    out = np.empty_like(x)
    loop(FUNCTIONS[name])(x, out)
    return out


@pytest.mark.parametrize("name", FUNCTIONS)
def test_error_is_at_most_three_units_in_the_last_place(name):
    rng = np.random.default_rng(0)
    wide = rng.uniform(*RANGES[name], 34_000)
    middle = rng.uniform(-3, 3, 33_000)
    tiny = np.exp(rng.uniform(np.log(1e-300), 0, 33_000)) * rng.choice([-1, 1], 33_000)
    x = np.concatenate([wide, middle, tiny])
    high, low = np.empty(len(x)), np.empty(len(x))
    with mpmath.workprec(80):
        for i, value in enumerate(x.tolist()):
            exact = EXACT[name](mpmath.mpf(value))._mpf_
            high[i] = to_float(exact)
            low[i] = to_float(mpf_sub(exact, from_float(high[i]) if np.isfinite(high[i]) else fzero, 60))
    found = evaluate(name, x)
    finite = np.isfinite(high)
    ulps = np.abs((found[finite] - high[finite]) - low[finite]) / np.spacing(np.abs(high[finite]))
    assert len(x) >= 100_000
    assert ulps.max() <= 3
    np.testing.assert_array_equal(found[~finite], high[~finite])


@pytest.mark.parametrize(
    ("name", "at_minus_infinity", "at_zero", "at_infinity"),
    [("exp", 0.0, 1.0, np.inf), ("tanh", -1.0, 0.0, 1.0), ("logistic", 0.0, 0.5, 1.0), ("erf", -1.0, 0.0, 1.0)],
)
def test_limits_are_exact(name, at_minus_infinity, at_zero, at_infinity):
    x = np.array([-np.inf, -1e308, 0.0, -0.0, 1e308, np.inf, np.nan])
    found = [FUNCTIONS[name](value) for value in x]
    expected = [at_minus_infinity] * 2 + [at_zero] * 2 + [at_infinity] * 2 + [np.nan]
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_loops_vectorise_and_call_no_library(name):
    run = loop(FUNCTIONS[name])
    run(np.zeros(8), np.zeros(8))
    assert re.search(r"divpd|fdiv\s+v\d", next(iter(run.inspect_asm().values())))
    declared = re.findall(r"^declare .*?@([\w.]+)\(", next(iter(run.inspect_llvm().values())), flags=re.MULTILINE)
    assert not [symbol for symbol in declared if symbol in {"exp", "tanh", "erf", "expm1", "pow", "ldexp"}]


def test_hot_loops_take_the_widest_vectors():
    @numba.njit(error_model="numpy")
    def run(x, out):
        hot()
        for i in range(len(x)):
            out[i] = _math.tanh(x[i])

    run(np.zeros(8), np.zeros(8))
    has_512 = "+avx512f" in (numba.config.CPU_FEATURES or numba.core.codegen.get_host_cpu_features())
    assert ("zmm" in next(iter(run.inspect_asm().values()))) == has_512


@pytest.mark.parametrize("wanted", [True, False])
def test_hot_functions_are_not_inlined(wanted):
    @numba.njit
    def square(x):
        if wanted:
            hot()
        return x * x

    @numba.njit
    def run(x):
        return square(x)

    assert run(3.0) == 9.0
    compiled = next(iter(run.inspect_llvm().values()))
    assert bool(re.search(r"call .*square", compiled)) == wanted


@pytest.mark.parametrize("name", ["tanh", "logistic", "erf"])
def test_derivatives_match_mpmath(name):
    sigma = activation(name)
    u = np.linspace(-5, 5, 41)
    exact = [float(mpmath.diff(EXACT[name], value)) for value in u.tolist()]
    np.testing.assert_allclose(sigma.prime(u), exact, rtol=1e-9, atol=1e-15)
    assert sigma.prime(0.0) == pytest.approx(sigma.lipschitz, rel=1e-15)
    assert sigma.prime(u).max() <= sigma.lipschitz
