"""`explore`: the frames of a page give back every picture, the live sliders draw, and mistakes are named."""

import base64
import gzip
import io
import json
import re
from xml.etree import ElementTree

import matplotlib as mpl
import nbformat
import numpy as np
import pytest
import traitlets
from explored import T, draw, drawn, with_sliders
from jupyter_client.manager import start_new_kernel
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

import rnnkernel as rk
from rnnkernel.widgets import frames


def data_of(page):
    return json.loads(re.search(r'<script type="application/json">(.*?)</script>', page, re.DOTALL)[1])


def still_of(page):
    return ElementTree.fromstring(re.search(r"<svg.*?</svg>", page, re.DOTALL)[0])


def applied(page, index):
    """What explore.js does, in Python: the still with the changes of one frame."""
    data = data_of(page)
    picture = still_of(page)
    nodes = list(picture.iter())
    for node, name, new in data["frames"][index]:
        if name:
            nodes[node].set(name, data["pool"][new])
        else:
            nodes[node][:] = [ElementTree.fromstring(data["pool"][child]) for child in new]
    return picture


def test_every_frame_of_the_page_is_the_figure_drawn():
    page = with_sliders().to_html()
    values = [(alpha, n_units) for alpha in (0.5, 1.0, 20.0) for n_units in (1, 2)]
    assert len(data_of(page)["frames"]) == len(values)
    for index, (alpha, n_units) in enumerate(values):
        assert drawn(applied(page, index)) == drawn(frames.svg(draw(alpha, n_units)))


def test_the_page_opens_with_its_start():
    page = with_sliders().to_html()
    assert data_of(page)["start"] == [1, 0]
    assert data_of(page)["frames"][2] == []
    assert drawn(still_of(page)) == drawn(frames.svg(draw(1.0, 1)))
    assert '<p class="rk-state">α: 1, N: 1</p>' in page
    assert data_of(page)["texts"] == [["0.5", "1", "20"], ["1", "2"]]


def test_names_in_a_page_are_unique_and_lead_somewhere():
    page = with_sliders().to_html() + with_sliders().to_html()
    names = re.findall(r' id="([^"]+)"', page)
    assert len(set(names)) == len(names)
    for reference in re.findall(r"url\(#([^)]+)\)|href=\\?\"#([^\"\\]+)", page):
        assert "".join(reference) in names


def numbers_of(text):
    return np.array([float(n) for n in re.findall(r"(?<![\w#.])-?\d+(?:\.\d+)?", text)])


def test_coordinates_are_kept_to_a_hundredth_of_a_point():
    buffer = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "path"}):
        draw(1.0, 2).savefig(buffer, format="svg")
    exact = numbers_of(" ".join(re.findall(r' d="(.*?)"', buffer.getvalue(), re.DOTALL)))
    kept = numbers_of(" ".join(re.findall(r' d="(.*?)"', frames.markup(frames.svg(draw(1.0, 2))))))
    assert np.abs(kept - exact).max() <= 0.005
    assert np.abs(kept - exact).max() > 0


@pytest.mark.slow
def test_a_page_of_60_frames_is_light():
    def smooth(a, b):
        figure = Figure(figsize=(6.2, 3.4))
        axes = figure.subplots()
        axes.plot(T, np.exp(-a * T) * b)
        axes.set(ylim=(0, 2), xlabel="time", ylabel="loss")
        return figure

    a, b = np.linspace(0.1, 2, 12), np.linspace(0.2, 2, 5)
    page = rk.explore(smooth, alt="A curve.", a=a, b=b).to_html()
    assert len(data_of(page)["frames"]) == 60
    assert len(gzip.compress(page.encode())) < 25_000


def test_frames_of_different_size_are_refused():
    def growing(width):
        return Figure(figsize=(width, 2))

    with pytest.raises(ValueError, match="frames must all have the same size"):
        rk.explore(growing, alt="Nothing.", width=[2, 3]).to_html()


def test_text_in_a_page_cannot_break_it():
    def label(word):
        figure = Figure()
        figure.text(0.5, 0.5, word)
        return figure

    words = ["</script><b>", '"quoted" & <i>']
    page = rk.explore(label, alt='<b> "and" </script>', labels={"word": "<u>"}, word=words).to_html()
    assert data_of(page)["texts"] == [words]
    assert page.count("</script>") == 2
    assert "<b>" not in page
    assert "<u>" not in page
    assert 'aria-label="&lt;b&gt; &quot;and&quot; &lt;/script&gt;"' in page


def test_sliders_of_the_page_are_labelled():
    page = with_sliders(labels={"n_units": "units"}).to_html()
    labels = dict(re.findall(r'<label for="([^"]+)">([^<]+)</label>', page))
    inputs = re.findall(r'<input type="range" id="([^"]+)" name="\w+" min="0" max="(\d+)" step="1" value="(\d+)"', page)
    assert [(labels[name], top, at) for name, top, at in inputs] == [("α", "2", "1"), ("units", "1", "0")]
    outputs = re.findall(r'<output for="([^"]+)"[^>]*>([^<]+)</output>', page)
    assert outputs == [(inputs[0][0], "1"), (inputs[1][0], "1")]


def test_two_builds_give_the_same_page():
    def unnamed(page):
        return re.sub(r"\brk-[0-9a-f]{8}(-[0-9a-f]+)?", "", page)

    assert unnamed(with_sliders().to_html()) == unnamed(with_sliders().to_html())


# -- live --------------------------------------------------------------------------------------------------------


def asked(widget, places):
    """What the page gets when it asks for a picture."""
    sent = []
    widget.send = sent.append
    widget._handle_custom_msg({"draw": places}, [])
    return sent


def test_live_sliders_draw_anew():
    widget = with_sliders()
    assert widget.places == [1, 0]
    assert 'role="img" aria-label="Curves."' in widget._markup
    first = widget.picture()
    assert first in widget._markup
    ((second,),) = [asked(widget, [1, 1])]
    assert second["picture"] not in ("", first)
    assert widget.places == [1, 1]
    ((third,),) = [asked(widget, [1, 0])]
    assert third["picture"] == first


def test_a_place_that_no_slider_has_is_refused():
    widget = with_sliders()
    for places in ([3, 0], [1], [-1, 0]):
        with pytest.raises(traitlets.TraitError, match="places must be"):
            widget.places = places


def test_an_error_while_drawing_reaches_the_page():
    def draw(a):
        if a == 2:
            raise ValueError("no such picture")
        return Figure()

    widget = rk.explore(draw, alt="Nothing.", a=[1, 2])
    sent = []
    widget.send = sent.append
    with pytest.raises(ValueError, match="no such picture"):
        widget._asked(widget, {"draw": [1]}, [])
    assert sent == [{"problem": "This picture could not be drawn: no such picture"}]


def test_numpy_values_reach_draw_as_plain_numbers():
    seen = []

    def note(a):
        seen.append(a)
        return Figure()

    asked(rk.explore(note, alt="Nothing.", a=np.array([1, 2])), [1])
    assert seen == [1, 2]
    assert {type(a) for a in seen} == {int}


def test_names_under_a_kernel_are_unlike_any_others():
    names = {with_sliders()._id for _ in range(3)}
    assert len(names) == 3


def test_pyplot_keeps_no_figure_open():
    def pyplot(a):
        return plt.subplots(figsize=(a, 2))[0]

    before = plt.get_fignums()
    rk.explore(pyplot, alt="Empty axes.", a=[2, 3])
    assert plt.get_fignums() == before


CELL = """
import rnnkernel as rk
from matplotlib.figure import Figure

drawn = []


def draw(a):
    drawn.append(a)
    if a == wrong:
        raise ArithmeticError("no such picture")
    return Figure()


rk.explore(draw, alt="Nothing.", a=[1, 2, 3])
"""


def test_a_page_builder_gets_all_frames_and_no_widget():
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("wrong = 0\n" + CELL)])
    NotebookClient(notebook).execute()
    (output,) = notebook.cells[0].outputs
    assert set(output.data) == {"text/html", "image/png", "text/plain"}
    assert len(data_of(output.data["text/html"])["frames"]) == 3
    assert "widgets" not in notebook.metadata


PLOT = """
from matplotlib import pyplot as plt
from rnnkernel import figures

figures.use_style()
fig, ax = plt.subplots()
ax.plot([0, 1], [0, 1])
plt.show()
"""


def test_figures_of_a_notebook_are_dateless_vectors_of_their_own_size():
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(PLOT)])
    NotebookClient(notebook).execute()
    (output,) = notebook.cells[0].outputs
    picture = output.data["image/svg+xml"]
    assert 'width="446.4pt" height="244.8pt"' in picture
    assert "date" not in picture
    assert b"date" not in base64.b64decode(output.data["image/png"]).lower()


def test_an_error_in_any_frame_stops_the_build():
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("wrong = 3\n" + CELL)])
    with pytest.raises(CellExecutionError, match="no such picture"):
        NotebookClient(notebook).execute()


def test_a_live_front_end_gets_a_widget_and_one_picture():
    manager, client = start_new_kernel()
    try:
        messages = []
        client.execute_interactive("wrong = 0\n" + CELL, allow_stdin=True, output_hook=messages.append, timeout=60)
        (result,) = [message["content"]["data"] for message in messages if message["msg_type"] == "execute_result"]
        assert "application/vnd.jupyter.widget-view+json" in result
        assert "text/html" not in result
        client.execute_interactive("print(drawn)", output_hook=messages.append, timeout=60)
        assert messages[-2]["content"]["text"] == "[1]\n"
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


# -- mistakes ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"alpha": []}, ValueError, "alpha must list at least two values"),
        ({"alpha": [1.0]}, ValueError, "alpha must list at least two values"),
        ({"alpha": 1.0}, TypeError, "alpha must be a list of values, not 1.0"),
        ({"alpha": "ab"}, TypeError, "alpha must be a list of values, not 'ab'"),
        ({"start": {"beta": 1}}, ValueError, r"start must name controls \(alpha, n_units\), not 'beta'"),
        ({"labels": {"beta": "b"}}, ValueError, r"labels must name controls \(alpha, n_units\), not 'beta'"),
        ({"start": {"alpha": 7}}, ValueError, r"start must give alpha one of its values \[0.5, 1.0, 20.0\], not 7"),
        ({"n_units": range(41)}, ValueError, r"at most 120 frames together, not 3 \(alpha\) × 41 \(n_units\) = 123"),
        ({"alt": " "}, ValueError, "alt must say in words what the picture shows"),
        ({"alt": None}, ValueError, "alt must say in words what the picture shows"),
    ],
)
def test_mistakes_are_named(options, error, message):
    with pytest.raises(error, match=message):
        with_sliders(**options)


def test_draw_must_be_a_function_that_returns_a_figure():
    with pytest.raises(TypeError, match="draw must return a matplotlib figure, not None"):
        rk.explore(lambda a: None, alt="Nothing.", a=[1, 2])  # noqa: ARG005
    with pytest.raises(TypeError, match="draw must be a function that returns a figure, not 3"):
        rk.explore(3, alt="Nothing.", a=[1, 2])
    with pytest.raises(ValueError, match="controls must name at least one slider"):
        rk.explore(draw, alt="Nothing.")
