"""The book's reference case: a chain of two inputs, the next of which is to be forecast, and the law of the units."""

from scipy import stats

import rnnkernel as rk

CHAIN = rk.MarkovChain([[0.9, 0.1], [0.3, 0.7]])
DATA = rk.DataSequence(CHAIN, inputs=[-1.0, 1.5], targets=[[-1.0, 1.5]] * 2)
LAW = rk.InitialLaw(output=stats.uniform(-1, 2), inputs=stats.norm(0.7, 1), recurrent=stats.uniform(0, 1))
