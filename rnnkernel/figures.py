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

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from rnnkernel import _checks

_LIMIT, _NETWORK, _INK = "#426fe2", "#c94f01", "#262626"
_STYLES: dict[str, dict[str, Any]] = {
    "limit": {"color": _LIMIT, "linestyle": "-", "linewidth": 2.6},
    "predicted": {"color": _LIMIT, "linestyle": (0, (5, 2)), "linewidth": 1.8},
    "network": {"color": _NETWORK, "linestyle": "-", "linewidth": 1.2},
    "measured": {"color": _NETWORK, "linestyle": "", "marker": "o", "markersize": 5},
    "data": {"color": _INK, "linestyle": "", "marker": ".", "markersize": 5},
    "bound": {"color": "#2f5550", "linestyle": (0, (7, 2, 1.5, 2)), "linewidth": 1.6},
    "highlight": {
        "color": "#9f0ea2",
        "linestyle": "-",
        "linewidth": 2.2,
        "marker": "D",
        "markersize": 5,
        "markevery": 0.2,
    },
    "muted": {"color": "#707070", "linestyle": (0, (1, 1.6)), "linewidth": 1.2},
}

COLORS = MappingProxyType({role: style["color"] for role, style in _STYLES.items()})
STYLES = MappingProxyType({role: MappingProxyType(style) for role, style in _STYLES.items()})
"""For each role the keywords of ``Axes.plot``: ``ax.plot(t, g, **rk.figures.STYLES["limit"], label="limit")``."""


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

    n = _checks.integer("n", n, least=1, most=8)  # nobody can tell more apart
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
    from IPython.core.getipython import get_ipython

    roles = ["limit", "network", "bound", "highlight", "data"]
    strokes = ["-", (0, (5, 2)), (0, (7, 2, 1.5, 2)), (0, (1, 1)), (0, (9, 2))]
    matplotlib.rcParams.update(
        {
            "figure.figsize": (6.2, 3.4),  # inches: on a phone, 12.5 pt then still shows at more than 10 px
            "figure.constrained_layout.use": True,
            "figure.facecolor": "white",
            "savefig.facecolor": "white",
            "font.size": 12.5,
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
    if getattr(get_ipython(), "kernel", None) is not None:  # SVG of its own size and no date; a PNG if not trusted
        from matplotlib_inline import backend_inline

        inline: Any = backend_inline
        inline.set_matplotlib_formats("svg", "png", bbox_inches=None, metadata={"Date": None})


def label(
    axes: Any,
    x: str = "",
    y: str = "",
    *,
    titles: Sequence[str] = (),
    log: str = "",
    legend: Any = None,
    **settings: Any,
) -> None:
    """Name and scale the axes of one or several panels.

    Ticks given for a logarithmic axis are named by their numbers, and no others are drawn.

    Parameters
    ----------
    axes : Axes, or array or sequence of them
        The panels.
    x : str
        Label below each panel.
    y : str
        Label beside the first panel.
    titles : sequence of str
        One for each panel.
    log : str
        The axes that are logarithmic: "x", "y" or "xy".
    legend : str or dict, optional
        Where the first panel's legend goes, or all keywords of ``Axes.legend``.
    **settings
        Whatever ``Axes.set`` takes, as ``xlim`` or ``yticks``, for each panel.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> axes = Figure().subplots(1, 2)
    >>> label(axes, "width N", "error", titles=("mean", "largest"), log="xy", xticks=[100, 400])
    >>> [tick.get_text() for tick in axes[1].get_xticklabels()], axes[1].get_ylabel()
    (['100', '400'], '')
    """
    panels = np.asarray(axes, dtype=object).ravel()
    for panel in panels:
        panel.set(xlabel=x, **{f"{axis}scale": "log" for axis in log})
        for axis in log:
            ticks = settings.get(f"{axis}ticks")
            if ticks is not None:
                getattr(panel, f"{axis}axis").minorticks_off()
                panel.set(**{f"{axis}ticks": ticks, f"{axis}ticklabels": [f"{tick:g}" for tick in ticks]})
        panel.set(**settings)
    for panel, title in zip(panels, titles, strict=False):
        panel.set_title(title)
    panels[0].set_ylabel(y)
    if legend is not None:
        panels[0].legend(**(legend if isinstance(legend, dict) else {"loc": legend}))


def measured(
    ax: Any,
    x: Any,
    series: Mapping[str, Sequence[Any]],
    *,
    colors: Sequence[str] | None = None,
    powers: Sequence[float] | None = None,
    **look: Any,
) -> None:
    """Draw measured points with their uncertainty, one marker and one colour for each series.

    Parameters
    ----------
    ax : Axes
        Where.
    x : array_like
        Where the points stand, (n,).
    series : dict
        For each label the values, (n,), and either the half widths of their intervals or the lower and the upper ends.
    colors : sequence of str, optional
        Roles of `COLORS`, or colours, one for each series.  "measured" for one series, `shades` for more.
    powers : sequence of float, optional
        For each series the power of x to which theory expects it in proportion: a dashed line through the last point.
    **look
        Whatever else ``Axes.errorbar`` takes.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = Figure().subplots()
    >>> measured(ax, [100, 400], {"mean": ([0.2, 0.1], 0.01), "median": ([0.2, 0.1], [0.1, 0.05], [0.3, 0.15])})
    >>> ax.get_legend_handles_labels()[1]
    ['mean', 'median']
    """
    if colors is None:
        colors = ["measured"] if len(series) == 1 else shades(len(series))
    for i, (name, (y, *interval)) in enumerate(series.items()):
        color = COLORS.get(colors[i], colors[i])
        error = interval[0] if len(interval) == 1 else np.abs(np.asarray(interval) - y)
        style = {"fmt": "osD^v"[i], "color": color, "markersize": 5, "label": name}
        ax.errorbar(x, y, yerr=error, **style | look)
        if powers is not None:
            guide(ax, x, y, powers[i], **{**STYLES["predicted"], "color": color})


def guide(ax: Any, x: Any, y: Any, power: float, *, through: int = -1, **look: Any) -> None:
    """Draw the line in proportion to a power of x through one of some points: y_i (x / x_i)^power.

    Parameters
    ----------
    ax : Axes
        Where.
    x : array_like
        Where the points stand, (n,).
    y : array_like
        Their values, (n,).
    power : float
        The slope of the line on logarithmic axes.
    through : int
        Which of the points it goes through.
    **look
        Whatever ``Axes.plot`` takes, ``STYLES["muted"]`` if nothing.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = Figure().subplots()
    >>> guide(ax, [100, 400], [0.3, 0.1], -0.5)
    >>> ax.lines[0].get_ydata()
    array([0.2, 0.1])
    """
    x = np.asarray(x, dtype=float)
    ax.plot(x, np.asarray(y)[through] * (x / x[through]) ** power, **look or STYLES["muted"])


def histogram(ax: Any, values: Any, edges: Any, *, density: Callable[[Any], Any]) -> None:
    """Draw the density of independent values, each bar with its 95 % interval, and the density that theory expects.

    Parameters
    ----------
    ax : Axes
        Where.
    values : array_like
        The sample.
    edges : array_like
        Edges of equally wide bins, which need not hold all values.
    density : callable
        The density expected, vectorised.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = Figure().subplots()
    >>> histogram(ax, [0.1, 0.2, 0.3, 0.7], [0.0, 0.5, 1.0], density=lambda u: 2 - 2 * u)
    >>> [float(bar.get_height()) for bar in ax.patches]
    [1.5, 0.5]
    """
    values, edges = np.ravel(values), np.asarray(edges)
    middles, width = (edges[1:] + edges[:-1]) / 2, edges[1] - edges[0]
    share = np.histogram(values, edges)[0] / len(values)
    half = np.where(share, 1.96 * np.sqrt(share * (1 - share) / len(values)), np.nan)
    ax.bar(middles, share / width, width, color=_NETWORK, alpha=0.4, linewidth=0)
    ax.errorbar(middles, share / width, half / width, fmt="none", ecolor=_NETWORK, elinewidth=1, capsize=0)
    fine = np.linspace(edges[0], edges[-1], 300)
    ax.plot(fine, density(fine), **STYLES["predicted"])


def advantages(ax: Any, found: Mapping[str, tuple[float, float]]) -> None:
    """Draw one row for each name: a difference and its 95 % interval, with a line at zero.

    Parameters
    ----------
    ax : Axes
        Where.
    found : dict
        For each name, from the top down, the difference and its standard error.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = Figure().subplots()
    >>> advantages(ax, {"mean": (0.5, 0.1), "persistence": (0.2, 0.15)})
    >>> [tick.get_text() for tick in ax.get_yticklabels()]
    ['mean', 'persistence']
    """
    middle, error = np.array(list(found.values())).T
    ax.errorbar(middle, range(len(found)), xerr=1.96 * error, **STYLES["measured"])
    ax.axvline(0, color=COLORS["muted"], linewidth=1)
    ax.set(yticks=range(len(found)), yticklabels=list(found))
    ax.invert_yaxis()


def quote(slug: str, **values: Any) -> None:
    """Glue numbers for a page's prose: ``gap=0.1`` on the page ``slug`` goes by the name ``slug-gap``.

    Parameters
    ----------
    slug : str
        The page's slug, with which each name begins.
    **values
        Numbers by name; underscores become hyphens.

    Examples
    --------
    >>> quote("limit-equation", rate=-0.48, rate_low=-0.52)
    """
    from myst_nb import glue

    for name, value in values.items():
        glue(f"{slug}-{name.replace('_', '-')}", value, display=False)
