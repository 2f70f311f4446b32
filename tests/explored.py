"""A figure with sliders to try `explore` on, and what a picture shows."""

import re

import numpy as np
from matplotlib.figure import Figure

import rnnkernel as rk

T = np.linspace(0, 4, 50)


def draw(alpha, n_units):
    """Curves, ticks, legend and number of lines all depend on the sliders."""
    figure = Figure(figsize=(4, 2))
    axes = figure.subplots()
    for k in range(n_units):
        axes.plot(T, np.exp(-alpha * T) * k, label=f"k = {k}")
    axes.set_title(f"α = {alpha}")
    axes.legend()
    return figure


def with_sliders(**options):
    given = {"alt": "Curves.", "alpha": [0.5, 1.0, 20.0], "n_units": [1, 2], "start": {"alpha": 1.0}} | options
    return rk.explore(draw, **given)


def drawn(element):
    """A picture as nested tuples, with every reference replaced by what it refers to."""
    definitions = {one.get("id"): one for one in element.iter() if one.get("id")}

    def resolved(value):
        name = re.search(r"#(rk[\w-]+|[pmh]\w+|DejaVu[\w-]+|image\w+)", value)
        return expanded(definitions[name[1]]) if name and name[1] in definitions else value

    def expanded(one):
        attributes = tuple(sorted((key, resolved(value)) for key, value in one.items() if key != "id"))
        return one.tag, attributes, tuple(expanded(child) for child in one if child.tag != "defs")

    return expanded(element)
