"""The numerics need numba, NumPy and SciPy only: what the book adds loads on first use."""

import subprocess
import sys

import pytest

BOOK = ("matplotlib", "ipywidgets", "anywidget", "IPython")
BLOCKED = f"import sys; sys.modules.update(dict.fromkeys({BOOK}))\n"  # an import of any of them fails
NUMERICS = """
import numpy as np, rnnkernel as rk
from scipy import stats
chain = rk.MarkovChain([[0.9, 0.1], [0.3, 0.7]])
data = rk.DataSequence(chain, inputs=[-1.0, 1.5], targets=[[-1.0, 1.5]] * 2)
law = rk.InitialLaw(output=stats.uniform(-1, 2), inputs=stats.norm(0.7, 1), recurrent=stats.uniform(0, 1))
limit = rk.KernelLimit(data, law)
run = rk.train(rk.RNN.sample(law, n_units=400, beta=0.75, rng=0, paired=True), data, time=2.0, learning_rate=1.0, rng=1)
found = run.network.predict([-1.0, 1.5], [0.0, 0.1]) - limit.predict(2.0, [-1.0, 1.5], [0.0, 0.1])
spread = limit.fluctuations(2.0, [-1.0, 1.5], [0.0, 0.1]).std(n_units=400, beta=0.75, paired=True)
print((np.abs(found) < 4 * spread).all(), bool(rk.Check(1.0)(1.0)))
"""


def run(code):
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def test_import_is_light():
    assert run(f"import sys, rnnkernel; print([name for name in {BOOK} if name in sys.modules])") == "[]"


@pytest.mark.slow
def test_numerics_work_without_the_extra():
    assert run(BLOCKED + NUMERICS) == "True True"


@pytest.mark.parametrize("name", ["explore", "figures", "widgets"])
def test_what_needs_the_extra_says_so(name):
    code = f"import rnnkernel\ntry: rnnkernel.{name}\nexcept ImportError as problem: print(problem)"
    missing = ", ".join(BOOK[:3])
    assert run(BLOCKED + code) == f"rnnkernel.{name} needs {missing}: pip install 'rnnkernel[book]'"


def test_all_names_are_there():
    code = (
        "import rnnkernel as rk; assert set(rk.__all__) <= set(dir(rk)); from rnnkernel import *; print(explore, Check)"
    )
    assert "explore" in run(code)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        __import__("rnnkernel").nothing  # noqa: B018 (the attribute is looked up)
