"""What the tests of several chapters share."""

import re

import numba
import numpy as np
import pages
import pytest

import rnnkernel as rk


@pytest.fixture(scope="session")
def recurrent_learning():
    """What *What the limit does not see* defines to look back through time: the code that a reader sees."""
    cell = re.search(r"\n(@numba\.njit\ndef online.*?)\n```", pages.source("what-the-limit-does-not-see"), re.DOTALL)[1]
    names = {"np": np, "numba": numba, "rk": rk}
    exec(cell, names)
    return names
