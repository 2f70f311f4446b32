"""The look of the book's figures: one palette by meaning, one style, the same bits in every build.

Colour follows meaning.  Blue is what theory says of the infinite network, orange is what a finite network does.
Line style says it again, so that nothing is lost in grey print or to a colour-blind reader:

=============  =========================================================  ==============================
role           what it marks                                              drawn as
=============  =========================================================  ==============================
``limit``      the kernel limit, N → ∞                                    thick solid line
``predicted``  a number or law computed from theory                       dashed line, hue of ``limit``
``network``    one finite network                                         thin solid line
``measured``   an estimate from simulation, with its uncertainty          round markers, hue of ``network``
``data``       what was observed                                          small dark dots
``bound``      what a theorem guarantees                                  dash-dotted line
``highlight``  the one thing to look at                                   thick line with diamonds
``muted``      background: the other runs, guides, zero lines             thin dotted grey line
=============  =========================================================  ==============================

Every colour has a contrast of at least 4.5 on the page, light and dark, and the hues stay apart under each kind of
colour blindness (``tests/package/test_figures.py`` measures both).

>>> from matplotlib.figure import Figure
>>> axes = Figure().subplots()
>>> _ = axes.plot([0, 1], [0.0, 0.5], **STYLES["limit"], label="limit")
>>> _ = axes.fill_between([0, 1], [0.0, 0.4], [0.0, 0.6], color=COLORS["limit"], alpha=0.2, linewidth=0)
"""

from types import MappingProxyType
from typing import Any

_LIMIT, _NETWORK, _INK = "#426fe2", "#c94f01", "#262626"

COLORS = MappingProxyType(
    {
        "limit": _LIMIT,
        "predicted": _LIMIT,
        "network": _NETWORK,
        "measured": _NETWORK,
        "data": _INK,
        "bound": "#2f5550",
        "highlight": "#9f0ea2",
        "muted": "#707070",
    }
)

_LINES: dict[str, dict[str, Any]] = {
    "limit": {"linestyle": "-", "linewidth": 2.6},
    "predicted": {"linestyle": (0, (5, 2)), "linewidth": 1.8},
    "network": {"linestyle": "-", "linewidth": 1.2},
    "measured": {"linestyle": "", "marker": "o", "markersize": 5},
    "data": {"linestyle": "", "marker": ".", "markersize": 5},
    "bound": {"linestyle": (0, (7, 2, 1.5, 2)), "linewidth": 1.6},
    "highlight": {"linestyle": "-", "linewidth": 2.2, "marker": "D", "markersize": 5, "markevery": 0.2},
    "muted": {"linestyle": (0, (1, 1.6)), "linewidth": 1.2},
}

STYLES = MappingProxyType({role: MappingProxyType({"color": COLORS[role], **_LINES[role]}) for role in COLORS})
"""For each role the keywords of ``Axes.plot``: ``ax.plot(t, g, **rk.figures.STYLES["limit"], label="limit")``."""

WIDTH, HEIGHT = 6.2, 3.4  # inches: on a phone, 11.5 pt then still shows at more than 9 px


def shades(n: int) -> list[str]:
    """Return n colours for an ordered family (widths, rates, times), from light to dark.

    Their lightness carries the order; label the lines all the same.

    Parameters
    ----------
    n : int
        How many, from 1 to 8.

    Returns
    -------
    list of str

    Examples
    --------
    >>> shades(3)
    ['#21918c', '#355f8d', '#482475']
    """
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    from rnnkernel import _checks

    n = _checks.integer("n", n, least=1)
    if n > 8:
        raise ValueError(f"n must be at most 8 shades, not {n}: nobody can tell more apart")
    viridis = colormaps["viridis"]
    return [to_hex(viridis(0.5 - 0.4 * k / max(n - 1, 1))) for k in range(n)]


def use_style() -> None:
    """Set matplotlib to the book's style: SVG, white paper, quiet axes, the palette, the same bits each time.

    Examples
    --------
    >>> import matplotlib
    >>> with matplotlib.rc_context():
    ...     use_style()
    ...     matplotlib.rcParams["figure.figsize"]
    [6.2, 3.4]
    """
    import matplotlib
    from cycler import cycler

    roles = ["limit", "network", "bound", "highlight", "data"]
    strokes = ["-", (0, (5, 2)), (0, (7, 2, 1.5, 2)), (0, (1, 1)), (0, (9, 2))]
    matplotlib.rcParams.update(
        {
            "figure.figsize": (WIDTH, HEIGHT),
            "figure.constrained_layout.use": True,
            "figure.facecolor": "white",
            "savefig.facecolor": "white",
            "font.size": 11.5,
            "axes.titlesize": "medium",
            "axes.labelsize": "medium",
            "legend.fontsize": "medium",
            "legend.frameon": False,
            "axes.prop_cycle": cycler(color=[COLORS[role] for role in roles]) + cycler(linestyle=strokes),
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.edgecolor": COLORS["muted"],
            "axes.labelcolor": _INK,
            "text.color": _INK,
            "xtick.color": COLORS["muted"],
            "ytick.color": COLORS["muted"],
            "xtick.labelcolor": _INK,
            "ytick.labelcolor": _INK,
            "axes.grid": True,
            "axes.axisbelow": True,
            "grid.color": "#e4e4e4",
            "grid.linewidth": 0.7,
            "lines.linewidth": 1.6,
            "lines.solid_capstyle": "round",
            "errorbar.capsize": 2.5,
            "image.cmap": "cividis",
            "svg.fonttype": "path",  # the same letters on every machine
            "svg.hashsalt": "rnnkernel",
        }
    )
    _use_svg()


def _use_svg() -> None:
    """In a notebook, show figures as SVG of exactly their own size, with no date in it."""
    from IPython.core.getipython import get_ipython

    if getattr(get_ipython(), "kernel", None) is not None:
        from matplotlib_inline import backend_inline

        inline: Any = backend_inline
        inline.set_matplotlib_formats("svg", bbox_inches=None, metadata={"Date": None})
