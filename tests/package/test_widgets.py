"""The explorables: their numbers are the package's, in Python and in the page, and each slider moves them."""

import gzip
import re
from unittest import mock

import matplotlib as mpl
import numpy as np
import pytest
from explorables import KINDS, SEEN, assert_same, seen
from machines import ROOT
from matplotlib.figure import Figure
from reference import DATA, LAW
from scipy import stats

import rnnkernel as rk
from rnnkernel.widgets import draws, sliders

each = pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.__name__)


def static(kind, **start):
    """An explorable as a page builder gets it."""
    with mock.patch.object(sliders, "page_is_static", return_value=True):
        return kind(**start)


# -- in Python -----------------------------------------------------------------------------------------------------


@each
def test_sliders_are_traits(kind):
    figure = kind()
    seen = []
    for name in kind.labels:
        start, other = getattr(figure, name), next(v for v in kind.values(name) if v != getattr(figure, name))
        figure.observe(lambda change: seen.append(change["new"]), name)
        setattr(figure, name, other)
        assert seen.pop() == other
        setattr(figure, name, start)
    assert repr(figure) == repr(kind())


@each
def test_a_page_moves_traits_to_listed_values(kind):
    """In JavaScript 1.0 is 1, and a kernel compiled for floats would be compiled anew for it."""
    figure = kind()
    for name in kind.labels:
        for value in kind.values(name):
            whole = isinstance(value, float) and value.is_integer()
            figure.set_state({name: int(value) if whole else value})
            assert repr(getattr(figure, name)) == repr(value)
    with pytest.raises(Exception, match=name):
        figure.set_state({name: -7})


@each
def test_wrong_sliders_and_values_are_named(kind):
    with pytest.raises(ValueError, match=r"has the sliders .*, not 'speed'"):
        kind(speed=1)
    name = next(iter(kind.labels))
    with pytest.raises(ValueError, match=f"{name} must be one of"):
        kind(**{name: -7})
    with pytest.raises(Exception, match=name):
        setattr(kind(), name, -7)


@each
def test_page_and_notebook(kind):
    """A page builder gets HTML and no widget; a notebook gets a widget."""
    page = static(kind)._repr_mimebundle_()
    assert set(page) == {"text/html", "image/png", "text/plain"}
    bundle, _ = kind()._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle


def test_scripts_and_style_sheets_are_as_narrow_as_python():
    ours = [path for folder in ("rnnkernel", "book") for path in (ROOT / folder).rglob("*.[jc]s*")]
    paths = [path for path in ours if path.parent.name not in ("minisearch", "temml")]  # from others
    lines = [
        (path.name, line) for path in paths if path.suffix in (".js", ".css") for line in path.read_text().splitlines()
    ]
    assert len(paths) > 10
    assert not [each for each in lines if len(each[1]) > 120]


def test_colours_are_those_of_all_figures():
    """Scripts and style sheets name no colour of their own."""
    assert all(f"--rk-{role}: {color};" in rk.widgets.Train._css for role, color in rk.figures.COLORS.items())
    for path in (ROOT / "rnnkernel" / "widgets").glob("*.[jc]s*"):
        assert path.suffix == ".json" or not re.findall(r"#[0-9a-f]{3,6}\b|\brgb", path.read_text()), path


@each
def test_weight(kind):
    assert len(gzip.compress(static(kind).to_html().encode())) < 75_000


@each
def test_still_is_a_figure(kind):
    with mpl.rc_context():
        figure = kind().figure()
        assert isinstance(figure, Figure)
        assert all(axes.lines for axes in figure.axes)
        mpl.pyplot.close(figure)


def test_train_gives_the_limit_of_the_package():
    figure = rk.widgets.Train(n_units=10, learning_rate=2.8, stickiness=0.8)
    shown = figure.compute()
    data = rk.DataSequence(rk.MarkovChain([[0.95, 0.05], [0.15, 0.85]]), [-1.0, 1.5], [[-1.0, 1.5]] * 2)
    limit = rk.KernelLimit(data, LAW, learning_rate=2.8)
    moments = figure.data()["moments"]
    curves = limit.predict(moments, [-1.0, 1.5], [-0.2, 0.4])
    np.testing.assert_allclose(shown["limit"], curves.T, rtol=0, atol=1e-8)
    x = np.concatenate([[-1.0], shown["data"][:-1]])
    later = slice(30, None)  # by then the memory of the path before is gone
    np.testing.assert_allclose(shown["limit_forecast"][later], limit.forecast(4.0, x)[later], rtol=0, atol=1e-8)
    apart = np.sqrt(np.mean((shown["network"] - shown["limit_then"]) ** 2, axis=1))
    assert shown["learning_distance"] == pytest.approx(max(apart), rel=1e-12)
    assert moments[-1] == shown["times"][-1] == 4.0


def test_train_comes_closer_to_the_limit():
    """With pairs the distance falls like N^(−1/2)."""

    def distance(n):
        figures = [rk.widgets.Train(n_units=n, paired=True, seed=seed) for seed in range(1, 21)]
        return np.sqrt(np.mean([figure.compute()["learning_distance"] ** 2 for figure in figures]))

    ratios = distance(10) / distance(64), distance(64) / distance(640)
    np.testing.assert_allclose(ratios, [6.4**0.5, 10**0.5], rtol=0.35)


def coin_memory(contraction):
    """The memory map of the figures that toss coins."""
    return rk.MemoryMap(
        rk.InitialLaw(stats.uniform(-1, 2), stats.norm(1, 0.2), stats.uniform(0, 2 * contraction)), activation="tanh"
    )


def test_fixed_point_shows_the_memory_map_of_the_package():
    figure = rk.widgets.FixedPoint(contraction=0.5, input_size=0.3, step=7)
    shown, memory = figure.compute(), coin_memory(0.5)
    assert memory.contraction == 0.5
    x = shown["inputs"]
    assert set(x) == {-0.3, 0.3}
    np.testing.assert_allclose(shown["path"], memory.trajectory(x[:7], -1.5), rtol=0, atol=1e-13)
    np.testing.assert_allclose(shown["other"], memory.trajectory(x[:7], 1.5), rtol=0, atol=1e-13)
    assert shown["distance"] == pytest.approx(memory.forgetting(x[:7], -1.5, 1.5)[-1], rel=1e-9)
    assert shown["distance"] < shown["bound"] == pytest.approx(3 * 0.5**7)
    apart = memory.forgetting(x, -1.5, 1.5)
    assert apart[shown["met"]] <= 1e-3 < apart[shown["met"] - 1]
    for value, graph in zip((-0.3, 0.3), shown["graphs"], strict=True):
        np.testing.assert_allclose(graph, memory(value, figure.data()["line"]), rtol=0, atol=1e-13)


def test_fixed_point_goes_backward():
    """The last k inputs, the oldest inside; with all 24 of them the two orders are one."""
    memory = coin_memory(0.7)
    shown = rk.widgets.FixedPoint(contraction=0.7, step=24, seed=3).compute()
    x = shown["inputs"]
    for name, start in (("backward", -1.5), ("backward_other", 1.5)):
        expected = [memory.fixed_point(x[24 - k :], start=start) if k else start for k in range(25)]
        np.testing.assert_allclose(shown[name], expected, rtol=0, atol=1e-13)
    assert shown["backward"][-1] == shown["path"][-1]
    assert shown["forward_move"] == pytest.approx(abs(np.diff(shown["path"])[-1]), abs=1e-15)
    assert shown["backward_move"] == pytest.approx(abs(np.diff(shown["backward"])[-1]), abs=1e-15)
    assert shown["backward_move"] <= 0.7**23 * 3 < shown["forward_move"]


def test_two_starts_need_not_meet():
    """Above q = 1 quiet inputs leave two memories apart; at q = 0.9 they meet, after more steps than at 0.3."""
    met = {q: rk.widgets.FixedPoint(contraction=q, input_size=0.05).compute()["met"] for q in (0.3, 0.9, 1.4)}
    assert 0 < met[0.3] < met[0.9] / 3
    assert met[1.4] == -1


def test_long_run_shows_the_images_of_the_package():
    shown, memory = rk.widgets.LongRun(contraction=0.5, input_size=0.3, n_steps=3000).compute(), coin_memory(0.5)
    top = memory.fixed_points(0.3)[-1]
    assert shown["reach"] == pytest.approx(top, abs=1e-12)
    assert shown["gap"] == pytest.approx(memory(0.3, -top) - memory(-0.3, top), abs=1e-12)
    assert shown["counts"].sum() == 3000
    x = np.array([-0.3, 0.3])[draws.walk(np.full((2, 2), 0.5), draws.source(1), 3100)]
    m = memory.trajectory(x)[101:]
    assert (shown["counts"] == np.histogram(m, 200, (-shown["edge"], shown["edge"]))[0]).all()
    assert shown["empty"] == pytest.approx(100 * np.mean(shown["counts"] == 0))
    assert shown["mean"] == pytest.approx(m.mean(), abs=1e-13)


def test_fixed_point_has_enough_nodes():
    """Its rule of few nodes gives the package's φ wherever the sliders lead."""
    law = rk.InitialLaw(stats.uniform(-1, 2), stats.norm(1, 0.2), stats.uniform(0, 2))
    with pytest.warns(rk.AssumptionWarning):
        memory = rk.MemoryMap(law)
    m = rk.widgets.FixedPoint().data()["line"]
    for x in rk.widgets.FixedPoint.values("input_size"):
        graphs = rk.widgets.FixedPoint(contraction=1.0, input_size=x).compute()["graphs"]
        np.testing.assert_allclose(graphs, [memory(-x, m), memory(x, m)], rtol=0, atol=1e-14)


def test_long_run_is_on_a_cantor_set_or_not():
    """A gap between the images of the two maps leaves the middle of the histogram empty; an overlap fills it."""
    middle = slice(90, 110)
    cantor = rk.widgets.LongRun(contraction=0.3, input_size=0.5, n_steps=10_000).compute()
    smooth = rk.widgets.LongRun(contraction=0.9, input_size=0.2, n_steps=10_000).compute()
    assert cantor["gap"] > 0 > smooth["gap"]
    assert cantor["counts"][middle].sum() == 0
    assert smooth["counts"][middle].min() > 0


def test_more_steps_fill_a_smooth_law_and_not_a_cantor_set():
    def empty(contraction, input_size):
        figures = [
            rk.widgets.LongRun(contraction=contraction, input_size=input_size, n_steps=n) for n in (10, 300, 10_000)
        ]
        return [figure.compute()["empty"] for figure in figures]

    smooth, cantor = empty(0.9, 0.2), empty(0.3, 0.5)
    assert smooth[0] > 90 > smooth[1] > 10 > smooth[2] == 0
    assert cantor[2] > 80
    assert cantor[1] - cantor[2] < 5


BEFORE, NOW = np.array([-1.0, -1.0, 1.5, 1.5]), np.array([-1.0, 1.5, -1.0, 1.5])  # the inputs of the pairs
TARGETS = {"next": np.tile(NOW, (4, 1)), "before": BEFORE, "product": BEFORE * NOW}


def limit_of_pairs(target, learning_rate):
    """The limit on the chain of pairs of inputs with P = [[.9, .1], [.3, .7]], which has stickiness 0.6."""
    P = np.array([[0.9, 0.1, 0, 0], [0, 0, 0.3, 0.7]] * 2)
    return rk.KernelLimit(rk.DataSequence(rk.MarkovChain(P), NOW, TARGETS[target]), LAW, learning_rate=learning_rate)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("mode", [0, 3])
def test_modes_are_those_of_the_limit(target, mode):
    figure = rk.widgets.Modes(target=target, mode=mode, time=250.0, learning_rate=2.0)
    shown, limit = figure.compute(), limit_of_pairs(target, learning_rate=2.0)
    line, moments = (figure.data()[each] for each in ("line", "moments"))
    x, m = np.repeat([-1.0, 1.5], len(line)), np.tile(line, 2)
    n = len(shown["rates"])
    np.testing.assert_allclose(shown["rates"], 2 * limit.eigenvalues[:n], rtol=0, atol=1e-13)
    np.testing.assert_allclose(shown["shares"], limit.mode_shares(250.0)[:n], rtol=0, atol=1e-10)
    np.testing.assert_allclose(shown["losses"], limit.loss(moments), rtol=0, atol=1e-5)
    assert shown["loss"] == pytest.approx(limit.loss(250.0), abs=1e-8)
    np.testing.assert_allclose(shown["forecast"], limit.predict(250.0, x, m), rtol=0, atol=1e-7)
    modes = limit.eigenfunctions(x, m)[:, :4]
    signs = np.sign((shown["functions"][:, :4] * modes).sum(axis=0))
    np.testing.assert_allclose(shown["functions"][:, :4], signs * modes, rtol=0, atol=1e-9)
    kernel = shown["kernel"]
    if mode:
        e, eigenvalue, coefficient = modes[:, mode - 1], limit.eigenvalues[mode - 1], limit.coefficients[mode - 1]
        np.testing.assert_allclose(kernel, eigenvalue * np.outer(e, e), rtol=0, atol=1e-9)
        share = 1 - np.exp(-2 * eigenvalue * 250)
        np.testing.assert_allclose(shown["part"], share * coefficient * e, rtol=0, atol=1e-9)
        assert shown["holds"] == pytest.approx(coefficient**2 / 2, abs=1e-10)
        assert shown["left"] == pytest.approx(coefficient**2 / 2 * (1 - share) ** 2, abs=1e-10)
    else:
        np.testing.assert_allclose(kernel, rk.TangentKernel(LAW)(x, m, x, m), rtol=0, atol=1e-5)
        np.testing.assert_allclose(shown["part"], shown["forecast"], rtol=0, atol=1e-12)
        assert shown["holds"] == pytest.approx(limit.loss(0.0) - shown["floor"], abs=1e-10)
        assert shown["left"] == pytest.approx(limit.loss(250.0) - shown["floor"], abs=1e-8)


def test_best_forecasts_and_what_is_never_learned():
    """Memory tells the inputs before apart, so that the best forecast depends on both; the next is a surprise."""
    shown = {target: rk.widgets.Modes(target=target).compute() for target in TARGETS}
    limit = rk.KernelLimit(DATA, LAW)
    assert shown["next"]["floor"] == pytest.approx(limit.irreducible_loss, abs=1e-12)
    assert shown["before"]["floor"] == shown["product"]["floor"] == 0
    np.testing.assert_allclose(shown["next"]["means"], [-0.75, 0.75] * 2, atol=1e-12)
    np.testing.assert_allclose(shown["product"]["means"], [1, -1.5, -1.5, 2.25], atol=1e-12)
    _, m = limit.stationary.sample(10_000, rng=0)
    (first, middle), (other, last) = rk.widgets.Modes().data()["lives"]
    assert middle < other
    rounding = 1e-12  # of a memory that has come to an end
    assert (
        np.minimum(
            abs(m - (first + middle) / 2) - (middle - first) / 2, abs(m - (other + last) / 2) - (last - other) / 2
        )
        < rounding
    ).all()
    assert [m.min(), m.max()] == pytest.approx([first, last], abs=1e-3)


def test_each_target_is_learned_when_its_modes_are():
    """The next input with mode 1, the input before with mode 2, their product with modes 3 and 4."""

    def left(target, time):
        shown = rk.widgets.Modes(target=target, time=time).compute()
        return shown["left"] / shown["holds"]

    assert left("next", 10.0) < 0.01
    assert 0.4 < left("before", 10.0) < 0.5
    assert left("before", 1000.0) < 0.06
    assert left("product", 10.0) > 0.9
    assert 0.02 < left("product", 1e5) < 0.04


def poisson_of_the_package(f, rho):
    """The invariant law of input and memory on the chain of the figure, and the solution for f."""
    memory = rk.MemoryMap(LAW)
    chain = rk.MarkovChain(rho * np.eye(2) + (1 - rho) * np.array([0.75, 0.25]))
    mu = rk.StationaryLaw(rk.DataSequence(chain, [-1.0, 1.5], [0.0, 0.0]), memory)
    return mu, mu.solve_poisson(lambda x, m: {"x": x, "m": m, "xm": x * m, "fall": m - memory(x, m)}[f])


def path_of_poisson(mu, seed, n):
    """States and memories of the figure: 200 steps come before them."""
    states = draws.walk(mu.data.chain.transition, draws.source(seed), 200 + n + 1)
    return states[200:], mu.memory_map.trajectory(np.array([-1.0, 1.5])[states])[200:-1]


@pytest.mark.parametrize(("f", "rho"), [("x", -0.3), ("m", 0.6), ("xm", 0.95), ("fall", 0.8)])
def test_poisson_splits_sums_as_the_package_does(f, rho):
    figure = rk.widgets.Poisson(f=f, stickiness=rho, n_steps=300, seed=3)
    shown, data = figure.compute(), figure.data()
    mu, solution = poisson_of_the_package(f, rho)
    states, m = path_of_poisson(mu, 3, 300)
    parts, u, total = solution.decompose(states, m), solution(states, m), np.cumsum(solution.centred(states, m))
    np.testing.assert_allclose(shown["sums"][1:], total[:-1], rtol=0, atol=1e-10)
    np.testing.assert_allclose(shown["boundaries"], u[0] - u, rtol=0, atol=1e-10)
    np.testing.assert_allclose(shown["martingales"][1:], np.cumsum(parts.martingale), rtol=0, atol=1e-10)
    assert shown["total"] == pytest.approx(parts.total, abs=1e-10)
    assert shown["boundary"] == pytest.approx(parts.boundary, abs=1e-10)
    assert shown["martingale"] == pytest.approx(parts.martingale.sum(), abs=1e-10)
    stops = data["stops"][: len(shown["average"])]
    assert stops[-1] == 300
    np.testing.assert_allclose(shown["average"] - shown["limit"], total[stops - 1] / stops, rtol=0, atol=1e-11)
    assert shown["error"] == pytest.approx(abs(parts.total) / 300, abs=1e-12)
    assert shown["limit"] == pytest.approx(mu.mean(solution.f), abs=1e-12)
    assert shown["sigma"] == pytest.approx(solution.asymptotic_variance**0.5, abs=1e-8)
    everywhere = [solution(np.full(4001, i), np.linspace(*mu.intervals[i], 4001)) for i in (0, 1)]
    strip, martingale = 2 * np.abs(everywhere).max(), solution.bound(data["stops"]).martingale
    np.testing.assert_allclose(shown["bounds"], strip / data["stops"] + martingale, rtol=1e-3, atol=1e-8)
    assert (shown["bounds"] >= solution.bound(data["stops"]).total - 1e-8).all()
    assert shown["bound"] == shown["bounds"][list(data["stops"]).index(300)]
    assert shown["strip"] == pytest.approx(strip, rel=1e-3)
    assert np.abs(shown["boundaries"]).max() <= shown["strip"]
    low, high = data["ranges"][figure.values("f").index(f)]
    assert low <= min(shown["average"].min(), shown["others"].min()) + 1e-12  # the mean of equal numbers is rounded
    assert high >= max(shown["average"].max(), shown["others"].max()) - 1e-12
    square = mu.mean(lambda x, m: (solution.f(x, m) - solution.mean) ** 2)
    assert shown["independent"] == pytest.approx((square / 300) ** 0.5, rel=1e-9)


@pytest.mark.parametrize("f", rk.widgets.Poisson.values("f"))
@pytest.mark.parametrize("rho", rk.widgets.Poisson.values("stickiness"))
def test_poisson_identity_is_exact(f, rho):
    shown = rk.widgets.Poisson(f=f, stickiness=rho, n_steps=3000, seed=5).compute()
    total, boundary, martingale = (shown[each] for each in ("sums", "boundaries", "martingales"))
    np.testing.assert_allclose(total, boundary + martingale, rtol=0, atol=1e-9)
    assert shown["gap"] == abs(total[-1] - boundary[-1] - martingale[-1])


def test_poisson_averages_over_seeds():
    figure = rk.widgets.Poisson(f="xm", stickiness=0.3, n_steps=30, seed=7)
    shown = figure.compute()
    mu, solution = poisson_of_the_package("xm", 0.3)
    parts = [solution.decompose(*path_of_poisson(mu, seed, 30)) for seed in range(1, 101)]
    sums = [solution.centred(*path_of_poisson(mu, seed, 30))[:-1].cumsum() for seed in range(1, 101)]
    stops = figure.data()["stops"][: len(shown["average"])]
    errors = np.array(sums)[:, stops - 1] / stops
    others = shown["others"]
    np.testing.assert_allclose(others - solution.mean, errors[:20], rtol=0, atol=1e-12)
    np.testing.assert_allclose(others[6], shown["average"], rtol=0, atol=1e-12)
    assert shown["rms"] == pytest.approx((errors[:, -1] ** 2).mean() ** 0.5, rel=1e-10)
    width = 2 * (solution.asymptotic_variance / 30) ** 0.5
    assert shown["within"] == 100 * np.mean(np.abs(errors[:, -1]) <= width)
    boundary, martingale = np.array([(each.boundary, each.martingale.sum()) for each in parts]).T
    square = [np.mean(each**2) ** 0.5 for each in (boundary, martingale)]
    assert [shown["rms_boundary"], shown["rms_martingale"]] == pytest.approx(square, rel=1e-9)
    assert shown["correlation"] == pytest.approx(np.mean(boundary * martingale) / np.prod(square), rel=1e-9)


@pytest.mark.parametrize("rho", rk.widgets.Poisson.values("stickiness"))
def test_poisson_errors_have_the_size_of_theory(rho):
    """Var A_n for f = x has a closed form; the root mean square of 100 errors has a standard error of 7 %."""
    shown = rk.widgets.Poisson(f="x", stickiness=rho, n_steps=100).compute()
    lags = np.arange(1, 100)
    variance = 3 / 16 * 2.5**2 / 100 * (1 + 2 * ((1 - lags / 100) * rho**lags).sum())
    assert shown["rms"] == pytest.approx(variance**0.5, rel=0.2)
    assert shown["rms"] < shown["bound"]


def test_poisson_of_a_coboundary_has_no_martingale():
    """Memory minus the next memory telescopes."""
    shown = rk.widgets.Poisson(f="fall", n_steps=300, seed=2).compute()
    assert np.abs(shown["martingales"]).max() < 1e-11
    assert shown["sigma"] == shown["rms_martingale"] == shown["correlation"] == 0
    assert shown["rms_boundary"] == pytest.approx(300 * shown["rms"], rel=1e-9)
    assert shown["bound"] == shown["strip"] / 300


def test_stickiness_moves_sigma_up_for_x_but_down_and_up_for_xm():
    stickiness = rk.widgets.Poisson.values("stickiness")
    sigma = {
        f: [rk.widgets.Poisson(f=f, stickiness=rho).compute()["sigma"] for rho in stickiness] for f in ("x", "m", "xm")
    }
    assert (np.diff(sigma["x"]) > 0).all()
    assert (np.diff(sigma["m"]) > 0).all()
    assert (np.sign(np.diff(sigma["xm"])) == [-1, -1, -1, -1, 1, 1]).all()


COUPLED = ["alone", "numbers", "best"]


@pytest.mark.parametrize("rho", rk.widgets.Coupling.values("stickiness"))
def test_coupling_shows_laws_and_bound_of_the_package(rho):
    chain = rk.MarkovChain(rho * np.eye(3) + (1 - rho) * np.array([[14, 5, 1], [2, 12, 6], [6, 2, 12]]) / 20)
    shown = rk.widgets.Coupling(stickiness=rho, step=9).compute()
    for k in range(21):
        law, other = np.linalg.matrix_power(chain.transition, k)[[0, 2]]
        assert shown["distances"][k] == pytest.approx(np.abs(law - other).sum() / 2, abs=1e-13)
    np.testing.assert_allclose(shown["bounds"], (1 - chain.dobrushin_coefficient()) ** np.arange(21), rtol=1e-13)
    for name, curve in (("not_met", "apart"), ("distance", "distances"), ("bound", "bounds")):
        assert shown[name] == shown[curve][9]


def place(masses, u):
    return min(np.searchsorted(np.cumsum(masses), u, side="right"), 2)


def naive_coupling(P, how, seed, n):
    """A pair of copies of a chain, by partial sums of their rows."""
    source, pair, states = draws.source(seed), (0, 2), []
    for _ in range(n + 1):
        states.append(pair)
        (p, q), u = P[list(pair)], draws.uniform(source)
        shared = np.minimum(p, q)
        if pair[0] == pair[1] or how == "numbers":
            pair = place(p, u), place(q, u)
        elif how == "alone":
            pair = place(p, u), place(q, draws.uniform(source))
        elif u < shared.sum():
            pair = (place(shared, u),) * 2
        else:
            v = (1 - shared.sum()) * draws.uniform(source)
            pair = place(p - shared, u - shared.sum()), place(q - shared, v)
    return np.array(states).T


@pytest.mark.parametrize("how", COUPLED)
def test_coupling_runs_pairs_until_they_meet(how):
    figure = rk.widgets.Coupling(coupling=how, stickiness=0.3, step=20, seed=5)
    shown, P = figure.compute(), figure.data()["transitions"][1]
    pairs = np.array([naive_coupling(P, how, seed, 20) for seed in range(1, 501)])
    apart = pairs[:, 0] != pairs[:, 1]
    np.testing.assert_allclose(shown["apart"], apart.mean(axis=0), rtol=0, atol=1e-12)
    assert (np.array([shown["path"], shown["other"]]) == pairs[4]).all()
    assert shown["met"] == (apart[4].argmin() if not apart[4].all() else -1)
    spread = 3 * (shown["distances"] * (1 - shown["distances"]) / 500) ** 0.5
    assert (shown["apart"] >= shown["distances"] - spread).all()


def test_only_the_best_coupling_keeps_the_bound():
    def beyond(how):
        shown = rk.widgets.Coupling(coupling=how, stickiness=0.0).compute()
        spread = (shown["bounds"] * (1 - shown["bounds"]) / 500) ** 0.5
        return ((shown["apart"] - shown["bounds"])[1:8] / spread[1:8]).max()

    assert beyond("best") < 3
    assert beyond("alone") > 5


@pytest.mark.parametrize("rho", rk.widgets.Telescope.values("stickiness"))
def test_telescope_splits_each_step(rho):
    shown = rk.widgets.Telescope(step=20, stickiness=rho, seed=7).compute()
    P, x = rho * np.eye(2) + (1 - rho) * np.array([0.75, 0.25]), np.array([-1.0, 1.5])
    states = draws.walk(P, draws.source(7), 21)
    centred = x + 0.375
    u = centred / (1 - rho)
    np.testing.assert_allclose(shown["heads"], u[states], rtol=0, atol=1e-12)
    np.testing.assert_allclose(shown["forecasts"][1:], (P @ u)[states[:-1]], rtol=0, atol=1e-12)
    np.testing.assert_allclose(shown["sums"][1:], np.cumsum(centred[states[:-1]]), rtol=0, atol=1e-12)
    np.testing.assert_allclose(shown["boundaries"], u[states[0]] - u[states], rtol=0, atol=1e-12)
    np.testing.assert_allclose(shown["sums"], shown["boundaries"] + shown["martingales"], rtol=0, atol=1e-12)
    surprise = shown["heads"][1:] - shown["forecasts"][1:]
    np.testing.assert_allclose(np.diff(shown["martingales"]), surprise, rtol=0, atol=1e-12)
    last = shown["term"], shown["fall"], shown["surprise"]
    expected = centred[states[-2]], u[states[-2]] - u[states[-1]], surprise[-1]
    assert last == pytest.approx(expected, abs=1e-12)
    totals = shown["total"], shown["boundary"], shown["martingale"]
    assert totals == (shown["sums"][-1], shown["boundaries"][-1], shown["martingales"][-1])


@pytest.mark.parametrize(("beta", "paired"), [(0.6, False), (0.75, True)])
def test_widths_are_errors_of_networks_that_the_package_trains(beta, paired):
    figure = rk.widgets.Widths(n_seeds=3, beta=beta, paired=paired)
    shown, P, inputs = figure.compute(), np.array([[0.9, 0.1], [0.3, 0.7]]), np.array([-1.0, 1.5])
    limit = rk.KernelLimit(DATA, LAW)
    at = limit.predict(2.0, inputs, [-0.2, 0.4])
    for j, n in ((0, 10), (2, 40)):
        for i in range(3):
            source, weights = draws.source(i + 1), np.empty((3, n))
            draws.units(int(paired), source, *weights)
            x = inputs[draws.walk(P, source, 2 * n + 1)]
            run = rk.train(rk.RNN(*weights, beta=beta), (x[:-1], x[1:]), learning_rate=1.0)
            error = run.network.predict(inputs, [-0.2, 0.4]) - at
            assert shown["errors"][i, j] == pytest.approx(np.mean(error**2) ** 0.5, rel=1e-9)
    squares = shown["errors"] ** 2
    half = 1.96 * squares.std(axis=0) / 3**0.5
    np.testing.assert_allclose(shown["rms"], squares.mean(axis=0) ** 0.5, rtol=1e-12)
    np.testing.assert_allclose(shown["high"], (squares.mean(axis=0) + half) ** 0.5, rtol=1e-12)
    np.testing.assert_allclose(shown["low"], np.maximum(squares.mean(axis=0) - half, 0) ** 0.5, rtol=1e-9, atol=1e-12)
    widths = figure.data()["units"]
    law = limit.fluctuations(2.0, inputs, [-0.2, 0.4])
    for n, expected in zip(widths, shown["predicted"], strict=True):
        start = {"n_units": int(n), "beta": beta, "paired": paired}
        square = law.std(**start) ** 2 + (law.mean(**start) - at) ** 2
        assert expected == pytest.approx(square.mean() ** 0.5, rel=1e-9)
    for name, curve in (("exponent", "rms"), ("expected", "predicted")):
        assert shown[name] == pytest.approx(np.polyfit(np.log(widths), np.log(shown[curve]), 1)[0], rel=1e-9)
    assert (shown["widest"], shown["foreseen"]) == (shown["rms"][-1], shown["predicted"][-1])


def test_widths_settle_on_the_law_of_the_error():
    """A root mean square over 100 networks of two correlated errors has a standard error of some 6 %."""
    for beta, paired in ((0.6, False), (0.75, True)):
        shown = rk.widgets.Widths(n_seeds=100, beta=beta, paired=paired).compute()
        np.testing.assert_allclose(shown["rms"], shown["predicted"], rtol=0.2)
        assert shown["exponent"] == pytest.approx(shown["expected"], abs=0.08)


# -- in the page ---------------------------------------------------------------------------------------------------


@pytest.fixture
def paper(browser, tmp_path):
    """Opens an explorable in a page of its own; any request, error or message fails the test."""
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    trouble = []
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on("console", lambda message: trouble.append(message.text))
    page.on(
        "request", lambda request: trouble.append(request.url) if request.url[:5] not in ("blob:", "file:") else None
    )

    def opened(kind, fragment="", **start):
        path = tmp_path / "page.html"
        body = static(kind, **start).to_html()
        path.write_text(f"<!doctype html><html lang='en'><meta charset='utf-8'><title>Figure</title>{body}</html>")
        page.goto("about:blank")  # the same address with another fragment would only move within the page
        page.goto(f"{path.as_uri()}{fragment}")
        page.wait_for_selector("[data-ready]")
        return page

    yield opened
    context.close()
    assert not trouble


def looked(page):
    return seen(page.locator("[data-widget]").evaluate(SEEN))


@pytest.mark.browser
@each
def test_every_slider_moves_picture_and_numbers(kind, paper):
    """Each by keyboard, from end to end; what is shown is what Python computes there."""
    page = paper(kind)
    assert looked(page)["call"] == repr(kind())
    for name in kind.labels:
        values = kind.values(name)
        page.focus(f"input[name={name}]")
        found = []
        for key, value in (("Home", values[0]), ("ArrowRight", values[1]), ("End", values[-1])):
            page.keyboard.press(key)
            found.append(looked(page))
            twin = kind(**{name: value})
            assert found[-1]["call"] == repr(twin)
            assert page.get_attribute(f"input[name={name}]", "aria-valuetext") == twin.text(name, value)
        assert found[0]["picture"] not in [each["picture"] for each in found[1:]], name
        assert found[0]["sentence"] != found[-1]["sentence"], name
        page.click(".rk-reset")
    assert looked(page)["call"] == repr(kind())


@pytest.mark.browser
@each
def test_a_link_brings_the_state_back(kind, paper):
    page = paper(kind)
    moved = {name: kind.values(name)[-1] for name in kind.labels}
    for name in moved:
        page.focus(f"input[name={name}]")
        page.keyboard.press("End")
    page.click(".rk-link")
    fragment = page.evaluate("location.hash")
    assert looked(paper(kind, fragment))["call"] == repr(kind(**moved))
    wrong = f"#{kind.name}?{next(iter(moved))}=-7&nonsense=1&{list(moved)[1]}=alert()"
    assert looked(paper(kind, wrong))["call"] == repr(kind())


@pytest.mark.browser
@each
def test_python_that_is_copied_shows_the_same_numbers(kind, paper):
    """Wherever the sliders stand, and after they have moved on."""
    page = paper(kind)
    for name in kind.labels:
        page.focus(f"input[name={name}]")
        page.keyboard.press("End")
    page.click(".rk-copy")
    lines = page.locator(".rk-python")
    copied = lines.inner_text()
    assert page.evaluate("getSelection().toString() || navigator.clipboard.readText()").strip() == copied.strip()
    page.focus(f"input[name={next(iter(kind.labels))}]")
    for key in ("End", "ArrowLeft"):
        text = lines.inner_text()
        found = looked(page)
        with mpl.rc_context():
            ran = {}
            exec(text, ran)
            mpl.pyplot.close("all")
        assert repr(ran["shown"]) == found["call"]
        assert_same(found["result"], ran["numbers"])
        last = text.strip().splitlines()[-1]
        assert eval(last, ran).keys() == {each for each, _ in found["numbers"]}
        page.keyboard.press(key)
        looked(page)
    page.click(".rk-copy")
    assert lines.is_hidden()


@pytest.mark.browser
@each
def test_controls_and_picture_fit_a_phone(kind, paper):
    page = paper(kind)
    page.set_viewport_size({"width": 390, "height": 844})
    bar = 56  # pixels that the page's own bar takes at the top
    box = (
        "figure => figure.querySelector('.rk-legend').getBoundingClientRect().top - figure.getBoundingClientRect().top"
    )
    assert page.locator("figure").evaluate(box) <= 844 - bar
    assert all(each.bounding_box()["height"] >= 24 for each in page.locator("input").all())
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


TOUCHING = """figure => {
    const box = each => each.getBoundingClientRect(), found = [];
    for (const label of figure.querySelectorAll("svg text[transform]")) {
        const a = box(label);
        for (const other of figure.querySelectorAll("svg text:not([transform])")) {
            const b = box(other);
            if (b.width && a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom)
                found.push([label.textContent, other.textContent]);
        }
    }
    return found;
}"""


@pytest.mark.browser
@each
def test_labels_touch_no_ticks(kind, paper):
    page = paper(kind)
    for width in (390, 1280):
        page.set_viewport_size({"width": width, "height": 844})
        looked(page)
        assert page.locator("figure svg text[transform]").count()
        assert not page.locator("figure").evaluate(TOUCHING)


@pytest.mark.browser
@each
def test_without_scripts_there_is_a_still(kind, browser):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.set_content(static(kind).to_html())
    assert page.locator(".rk-view svg").is_visible()
    assert not page.locator("input").first.is_visible()
    context.close()


@pytest.mark.browser
def test_play_runs_to_the_end(paper):
    """A button starts and stops it, a hand on the slider too; at the end it stands, and then begins anew."""
    page, slider = paper(rk.widgets.Modes), "input[name=time]"
    start, last = int(page.input_value(slider)), int(page.get_attribute(slider, "max"))
    button = page.get_by_role("button", name="Play")
    button.focus()
    page.keyboard.press("Enter")
    page.wait_for_function(f"document.querySelector('{slider}').value > {start + 3}")
    assert page.locator(".rk-play").inner_text() == "Pause"
    page.focus(slider)
    page.keyboard.press("ArrowRight")
    assert page.locator(".rk-play").inner_text() == "Play"
    held = page.input_value(slider)
    page.wait_for_timeout(400)
    assert page.input_value(slider) == held
    page.keyboard.press("End")
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    button.click()
    page.wait_for_function(f"document.querySelector('{slider}').value == {last}")
    assert page.locator(".rk-play").inner_text() == "Play"
    assert looked(page)["call"] == repr(rk.widgets.Modes(time=1e5))
    button.click()
    page.wait_for_function(f"document.querySelector('{slider}').value < 5")
    page.click(".rk-reset")
    assert page.locator(".rk-play").inner_text() == "Play"
    assert int(page.input_value(slider)) == start


@pytest.mark.browser
def test_play_without_motion(paper):
    """Where motion is unwelcome, a few still pictures, ten positions apart."""
    page, slider = paper(rk.widgets.Modes), "input[name=time]"
    page.emulate_media(reduced_motion="reduce")
    start = int(page.input_value(slider))
    page.click(".rk-play")
    page.wait_for_timeout(500)
    assert int(page.input_value(slider)) == start
    page.wait_for_function(f"document.querySelector('{slider}').value == {start + 10}")
    page.click(".rk-play")
