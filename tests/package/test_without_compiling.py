"""The loops are plain Python too: with NUMBA_DISABLE_JIT=1 they give what the formulas and the compiled loops give.

Not all of the suite runs so: without a compiler some tests take minutes, others are about compiled code.
"""

import os
import subprocess
import sys

import pytest

SUBSET = (
    "tests/package/test_math.py::test_derivatives_match_mpmath",
    "tests/package/test_chains.py::test_simulation_matches_its_slow_twin",
    "tests/package/test_network.py::test_predict_is_the_formula",
    "tests/package/test_network.py::test_forecast_and_trajectory_are_the_recursion_without_learning",
    "tests/package/test_network.py::test_closed_loop_forecasts_are_the_recursion_fed_with_itself",
    "tests/package/test_network.py::test_own_activation",
    "tests/package/test_training.py::test_train_is_repeated_steps",
    "tests/package/test_training.py::test_gradients_equal_finite_differences_and_automatic_differentiation",
    "tests/package/test_training.py::test_in_each_of_several_records_the_state_starts_from_zero",
    "tests/package/test_training.py::test_two_runs_equal_one_long_run",
    "tests/package/test_memory.py::test_map_is_the_expectation",
    "tests/package/test_memory.py::test_derivative_is_that_of_the_map",
    "tests/package/test_kernel.py::test_features_give_the_kernel",
    "tests/package/test_symbols.py::test_training_is_its_slow_twin",
    "tests/package/test_symbols.py::test_forecast_follows_the_memory",
    "tests/package/test_reference_numbers.py::test_means_under_the_stationary_law",
    "tests/package/test_reference_numbers.py::test_eigenvalues",
    "tests/package/test_reference_numbers.py::test_predictions_and_loss",
    "tests/package/test_reference_numbers.py::test_asymptotic_variances",
    "tests/package/test_reference_numbers.py::test_variances_of_the_error",
)


@pytest.mark.slow
def test_the_same_code_runs_without_compiling():
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *SUBSET],
        env=os.environ | {"NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
