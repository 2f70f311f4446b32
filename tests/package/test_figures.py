"""The palette for every eye, light and dark, and figures that are the same in every build."""

import itertools
import re
import subprocess
import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from scipy import stats

from rnnkernel import figures

ROOT = Path(__file__).parents[2]
INK = {role: color for role, color in figures.COLORS.items() if role not in ("predicted", "measured")}

# Machado, Oliveira and Fernandes (2009), severity 1, on linear RGB.
BLINDNESS = {
    "none": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}


def linear(color):
    color = np.asarray(color)
    return np.where(color <= 0.04045, color / 12.92, ((color + 0.055) / 1.055) ** 2.4)


def contrast(one, other):
    """The ratio of WCAG 2."""
    low, high = sorted(linear(color) @ [0.2126, 0.7152, 0.0722] for color in (one, other))
    return (high + 0.05) / (low + 0.05)


def oklab(light):
    """Perceptual coordinates (Ottosson 2020) of linear RGB."""
    cones = [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
    lab = [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
    return np.array(lab) @ np.cbrt(np.array(cones) @ np.clip(light, 0, 1))


def darkened(color):
    """What CSS invert(0.93) hue-rotate(180deg) makes of a colour (Filter Effects Level 1, on sRGB)."""
    grey = np.tile([0.213, 0.715, 0.072], (3, 1))
    turn = grey - np.array([[0.787, -0.715, -0.072], [-0.213, 0.285, -0.072], [-0.213, -0.715, 0.928]])
    return np.clip(turn @ (0.93 - 0.86 * np.asarray(color)), 0, 1)


@pytest.mark.parametrize("path", ["book/_static/book.css", "rnnkernel/widgets/explore.css"])
def test_dark_pages_use_the_filter_measured_here(path):
    filters = re.findall(r"filter:\s*(.*?);", (ROOT / path).read_text())
    assert {re.sub(r"\b0\.", ".", each) for each in filters} == {"invert(.93) hue-rotate(180deg)"}


def test_paper_becomes_the_dark_page():
    assert darkened((1, 1, 1)) == pytest.approx(np.array(to_rgb("#121212")), abs=0.5 / 255)


@pytest.mark.parametrize("role", figures.COLORS)
def test_colors_stand_out_on_light_and_dark_pages(role):
    color = to_rgb(figures.COLORS[role])
    assert contrast(color, (1, 1, 1)) >= 4.5
    assert contrast(darkened(color), to_rgb("#121212")) >= 4.5


@pytest.mark.parametrize("n", [1, 3, 8])
def test_shades_stand_out_on_light_and_dark_pages(n):
    for shade in figures.shades(n):
        assert contrast(to_rgb(shade), (1, 1, 1)) >= 3
        assert contrast(darkened(to_rgb(shade)), to_rgb("#121212")) >= 3


@pytest.mark.parametrize("page", ["light", "dark"])
@pytest.mark.parametrize("eye", BLINDNESS)
def test_colors_differ_for_every_eye(eye, page):
    """Distances in OKLab of at least 0.08; about 0.02 is the least that is seen."""
    seen = {
        role: oklab(BLINDNESS[eye] @ linear(to_rgb(color) if page == "light" else darkened(to_rgb(color))))
        for role, color in INK.items()
    }
    for one, other in itertools.combinations(seen, 2):
        assert np.linalg.norm(seen[one] - seen[other]) >= 0.08, (one, other)


def test_roles_differ_without_color():
    drawn = {
        role: (style["linestyle"], style.get("marker"), style.get("linewidth"))
        for role, style in figures.STYLES.items()
    }
    assert len(set(drawn.values())) == len(drawn) == len(figures.COLORS)


def test_every_role_is_documented():
    for role in figures.COLORS:
        assert f"``{role}``" in figures.__doc__


def test_shades_run_from_light_to_dark():
    lightness = [oklab(linear(to_rgb(shade)))[0] for shade in figures.shades(8)]
    assert np.all(np.diff(lightness) < -0.01)
    with pytest.raises(ValueError, match="n must be an integer of at most 8, not 9"):
        figures.shades(9)


SCRIPT = """
import sys
from matplotlib.figure import Figure
from rnnkernel import figures
figures.use_style()
figure = Figure()
axes = figure.subplots()
axes.plot([0, 1], [1, 2], **figures.STYLES["highlight"], label="$x$")
axes.legend()
figure.savefig(sys.stdout.buffer, format="svg", metadata={"Date": None})
"""


@pytest.mark.slow
def test_two_builds_give_the_same_bits():
    one, two = (
        subprocess.run([sys.executable, "-c", SCRIPT], cwd=ROOT, capture_output=True, check=True) for _ in range(2)
    )
    assert one.stdout == two.stdout
    assert b"<svg" in one.stdout
    assert b"<text" not in one.stdout  # letters are drawn: the same on every machine


def test_style_leaves_no_color_to_matplotlib():
    with mpl.rc_context():
        figures.use_style()
        cycle = mpl.rcParams["axes.prop_cycle"].by_key()
    assert set(cycle["color"]) <= set(figures.COLORS.values())
    assert len(set(map(str, cycle["linestyle"]))) == len(cycle["linestyle"])


def test_measured_points_stand_in_their_intervals():
    axes = Figure().subplots()
    half, ends = ([2.0, 1.0], [0.5, 0.25]), ([2.0, 1.0], [1.0, 0.9], [4.0, 1.2])
    figures.measured(axes, [1, 4], {"half": half, "ends": ends}, colors=["network", "#000000"], powers=[-0.5, 1])
    bars = [[line[:, 1] for line in each.lines[2][0].get_segments()] for each in axes.containers]
    np.testing.assert_allclose(bars, [[[1.5, 2.5], [0.75, 1.25]], [[1.0, 4.0], [0.9, 1.2]]])
    guides = [line.get_ydata() for line in axes.lines if line.get_linestyle() == "--"]
    np.testing.assert_allclose(guides, [[2.0, 1.0], [0.25, 1.0]])


def test_histogram_covers_its_density():
    axes, normal = Figure().subplots(), stats.norm(1, 2)
    figures.histogram(axes, normal.rvs(10_000, random_state=0), np.linspace(-5, 7, 41), density=normal.pdf)
    low, high = np.array([line[:, 1] for line in axes.containers[1].lines[2][0].get_segments()]).T
    edges = np.linspace(-5, 7, 41)
    expected = np.diff(normal.cdf(edges)) / np.diff(edges)
    missed = np.sum((low > expected) | (expected > high))
    assert 0 < missed <= stats.binom(40, 0.05).ppf(0.999)
    np.testing.assert_allclose(axes.lines[-1].get_ydata(), normal.pdf(np.linspace(-5, 7, 300)))
