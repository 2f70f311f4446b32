"""Answers in the built book: Python and the page judge alike, and the page shows what an answer opens."""

import gzip
import re

import asked
import browsers
import numpy as np
import pages
import pytest
from fields import form, give, verdict
from waiting import eventually

import rnnkernel as rk
from rnnkernel._judging import judge_text

pytestmark = [pytest.mark.built, pytest.mark.browser]

JUDGE = "pairs => pairs.map(([spec, texts]) => texts.map(text => rkJudge.judgeText(spec, text)))"
FIGURE = ".rk-answer[data-check=predict-ergodic-door]"
LETTERS = "[...document.querySelectorAll('input')].map(each => parseFloat(getComputedStyle(each).fontSize))"
AXES = np.array([1.0, 10.0, 100.0])


@pytest.fixture(scope="module")
def checks(site):
    """The checks of the book that is served."""
    assert site
    return asked.specs()


@pytest.fixture
def ergodic(page):
    """The page on ergodic data, as a new reader sees it."""
    page.goto("/book/ergodic-data.html")
    return page


def test_python_and_the_page_judge_alike(browser, checks):
    """Many answers to each check of the book and to some that it has not: the same verdict in the same words."""
    generator = np.random.default_rng(0)
    others = {
        "spread": rk.Check([2.0, 1.9], spread=[0.1, 0.2], units={"percent": 100}, hint="Twice?"),
        "zero": rk.Check([0.0, 1.0, -1e-9], atol=1e-3),
        "matrix": rk.Check([[0.9, 0.1], [0.3, 0.7]]),
        "whole": rk.Check(1607),
        "words": rk.Check(["one word", "Another"], slips={"that is the other way round": ["another", "one word"]}),
        "truth": rk.Check([True, False]),
        "yes": rk.Check(True),
        "curve": rk.Check(AXES**-0.5, at=AXES, log="xy", ylim=(0.05, 2), slips={"this is 1/N": 1 / AXES}),
        "flat": rk.Check([1.0, -2.0, 3.0], at=AXES, ylim=(-3, 4)),
    }
    specs = list(checks.values()) + [check.spec for check in others.values()]
    pairs = [[spec, asked.answers(spec, generator)] for spec in specs]
    page = browser.new_page()
    page.add_script_tag(path=browsers.HTML / "_static" / "judge.js")
    for (spec, texts), said in zip(pairs, page.evaluate(JUDGE, pairs), strict=True):
        for text, here in zip(texts, said, strict=True):
            assert list(judge_text(spec, text)) == here, (spec["values"], text)
    page.close()


@pytest.mark.parametrize("name", pages.LISTED)
def test_a_page_is_light(name):
    """What answers and explorables bring, code and data, compressed."""
    html = (browsers.HTML / f"{name}.html").read_text(encoding="utf-8")
    figures = re.findall(r"<figure[^>]*data-widget.*?</figure>|<script(?![^>]*src)[^>]*>.*?</script>", html, re.DOTALL)
    found = re.findall(r'src="[./]*_static/((?:judge|checks|curve|answers|previews)\.js)', html)
    files = [(browsers.HTML / "_static" / file).read_bytes() for file in found]
    assert sum(len(gzip.compress(part)) for part in ["".join(figures).encode(), *files]) < 150_000


def test_what_follows_waits_for_an_answer(ergodic, checks):
    """The solution opens after a try, an answer after a prediction, or when the reader asks for it."""
    solution = ergodic.locator(".rk-after-ex-ergodic-return")
    assert not solution.is_visible()
    give(ergodic, "ex-ergodic-return", checks["ex-ergodic-return"], "")
    assert not solution.is_visible()
    give(ergodic, "ex-ergodic-return", checks["ex-ergodic-return"], "1, 2, 3")
    assert solution.is_visible()

    answer = ergodic.locator(".rk-after-predict-ergodic-sticky")
    assert not answer.is_visible()
    what_is_asked = ergodic.locator(".rk-gate:has(+ .rk-after-predict-ergodic-sticky)").inner_text()
    assert "prediction: How long must the sequence be for an average that is as accurate as before?" in what_is_asked
    give(ergodic, "predict-ergodic-sticky", checks["predict-ergodic-sticky"], "equally long")
    assert answer.locator("details[open]").is_visible()

    # A title is no link: the whole of it opens the solution.
    solution.locator(".admonition-title").click()
    assert solution.locator("section").first.is_visible()

    slider = ergodic.locator(".rk-after-predict-ergodic-alternate [data-widget] input").first
    assert not slider.is_visible()
    gate = ergodic.locator(".rk-gate:has(+ .rk-after-predict-ergodic-alternate)")
    assert gate.inner_text().startswith("The answer, with its code, waits for your prediction")
    assert gate.locator("a").get_attribute("href") == "#predict-ergodic-alternate"
    gate.get_by_role("button", name="Show anyway").click()
    assert slider.is_visible()


def test_a_link_to_what_waits_lands_there(browser, site):
    """On a phone, from the end of the page."""
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.goto(f"{site}/book/ergodic-data.html")
    page.wait_for_selector(".rk-gate")
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    page.wait_for_timeout(400)
    page.locator("a[href='#fig-ergodic-door']").last.evaluate("link => link.click()")
    page.wait_for_timeout(1500)
    assert 0 <= page.locator("#fig-ergodic-door").bounding_box()["y"] <= 100
    page.close()


def test_no_cell_gives_a_prediction_away(ergodic):
    """Between the question and its figure, cells wait too."""
    seen = ergodic.evaluate("""() => [...document.querySelectorAll(".rk-predict")].map(question => {
        const label = question.id, last = [...document.querySelectorAll(`.rk-after-${label}`)].at(-1), seen = [];
        for (let each = question; each !== last; each = each.nextElementSibling)
            if (each.matches("div.cell") && each.checkVisibility()) seen.push(each.textContent);
        return [label, seen];
    })""")
    alone = {"predict-ergodic-sticky"}  # asks for no figure: what precedes its answer shows nothing
    assert len(seen) > 3
    assert all(not cells or label in alone for label, cells in seen)


def test_answers_stay_on_this_device(ergodic, checks):
    label = "ex-ergodic-batch"
    right = asked.typed(checks[label], checks[label]["values"])
    give(ergodic, label, checks[label], right)
    give(ergodic, "predict-ergodic-sticky", checks["predict-ergodic-sticky"], "equally long")
    ergodic.reload()
    assert form(ergodic, label).locator("input").input_value() == right
    assert verdict(ergodic, label) == "right"
    assert ergodic.locator(f".rk-after-{label}").is_visible()
    form(ergodic, label).get_by_role("button", name="Forget this answer").click()
    assert form(ergodic, label).locator("input").input_value() == ""
    assert not ergodic.locator(f".rk-after-{label}").is_visible()
    ergodic.get_by_role("button", name="Forget all my answers").click()
    ergodic.reload()
    assert ergodic.locator("output[data-verdict]").count() == 0


def test_answers_are_judged_where_nothing_can_be_stored(browser, checks):
    """From a folder, with storage that throws."""
    context = browser.new_context()
    context.add_init_script("Object.defineProperty(window, 'localStorage', {get() { throw new Error('blocked'); }})")
    page = context.new_page()
    trouble = []
    page.on("pageerror", lambda error: trouble.append(error.stack))  # the theme's own scripts do throw
    page.goto((browsers.HTML / "book" / "ergodic-data.html").resolve().as_uri())
    label = "predict-ergodic-sticky"
    assert give(page, label, checks[label], checks[label]["values"][0])[0] == "right"
    assert page.locator(f".rk-after-{label}").is_visible()
    context.close()
    assert not [stack for stack in trouble if "answers.js" in stack]


def test_without_scripts_all_is_open(browser, site):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site}/book/ergodic-data.html")
    assert page.locator("form.rk-answer").count()
    assert not page.locator("form.rk-answer").first.is_visible()
    assert page.locator(".rk-options").first.is_visible()
    assert page.locator(".rk-after-predict-ergodic-sticky").is_visible()
    assert page.locator(".rk-after-predict-ergodic-door img").is_visible()
    context.close()


def test_a_curve_is_drawn(ergodic, checks):
    """With a pointer; the fields follow the drawing, and the truth is drawn on top when the curve is committed."""
    field = ergodic.locator(FIGURE)
    assert len({each.bounding_box()["y"] for each in field.locator("input").all()}) == 1
    axes = field.locator("svg")
    assert axes.locator("text").all_text_contents()[:8] == ["1", "10", "10²", "10³", "10⁴", "10⁵", "10⁶", "10⁷"]
    axes.scroll_into_view_if_needed()
    box = axes.bounding_box()
    ergodic.mouse.move(box["x"] + 0.12 * box["width"], box["y"] + 0.1 * box["height"])
    ergodic.mouse.down()
    ergodic.mouse.move(box["x"] + 0.98 * box["width"], box["y"] + 0.6 * box["height"], steps=20)
    ergodic.mouse.up()
    fields = field.locator("input").all()
    drawn = [float(each.input_value()) for each in fields]
    steps = np.diff(np.log(drawn)) / np.diff(checks["predict-ergodic-door"]["asked"])  # a straight line over decades
    assert steps == pytest.approx(np.full(4, steps.mean()), rel=0.1)
    first = fields[0].input_value()
    for text, unreadable in (("0,5", "true"), (first, "false")):
        fields[0].fill(text)
        assert fields[0].get_attribute("aria-invalid") == unreadable
    assert not field.locator(".truth").get_attribute("d")
    field.get_by_role("button", name="Commit").click()
    assert verdict(ergodic, "predict-ergodic-door") == "wrong"
    assert "does not fall at one rate" in field.locator("output").inner_text()
    assert field.locator(".truth").get_attribute("d").startswith("M")
    assert ergodic.locator(".rk-after-predict-ergodic-door img").is_visible()


def test_a_finger_can_draw(browser, site):
    context = browser.new_context(has_touch=True, viewport={"width": 390, "height": 844}, base_url=site)
    page = context.new_page()
    page.goto("/book/ergodic-data.html")
    axes = page.locator(f"{FIGURE} svg")
    axes.scroll_into_view_if_needed()
    assert axes.bounding_box()["width"] > 260
    axes.tap(position={"x": 100, "y": 60})
    assert any(each.input_value() for each in page.locator(f"{FIGURE} input").all())
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert min(page.evaluate(LETTERS)) >= 16  # or an iPhone zooms in
    context.close()


def test_a_link_opens_what_is_held_back(ergodic):
    ergodic.evaluate("location.hash = '#fig-ergodic-door'")
    assert eventually(lambda: ergodic.locator("#fig-ergodic-door").is_visible())


def test_screen_readers_hear_what_is_asked_and_said(ergodic):
    for field in ergodic.locator("form.rk-answer").all():
        assert field.get_attribute("aria-label")
        assert field.locator("output").get_attribute("aria-live") == "polite"
        for box in field.locator("input").all():
            assert box.evaluate("each => each.labels.length") == 1


# -- previews ----------------------------------------------------------------------------------------------------


def test_links_show_where_they_lead(ergodic):
    """On hover and on focus, statements of this page and terms of the glossary; Escape closes."""
    card = ergodic.locator("#rk-preview")
    statement = ergodic.locator("a.reference.internal[href$='#thm-ergodic-doeblin']:visible").first
    statement.hover()
    assert eventually(lambda: card.is_visible() and "Geometric ergodicity" in card.inner_text())
    assert statement.get_attribute("aria-describedby") == "rk-preview"
    assert card.locator("span.math").first.evaluate("each => getComputedStyle(each).overflow") == "visible"
    ergodic.keyboard.press("Escape")
    assert not card.is_visible()
    term = ergodic.locator("a.reference.internal[href*='glossary.html#term-geometrically-ergodic']").first
    term.focus()
    assert eventually(lambda: card.is_visible() and "one long sequence" in card.inner_text())


def test_a_tap_shows_and_the_next_one_goes(browser, site):
    context = browser.new_context(has_touch=True, viewport={"width": 390, "height": 844}, base_url=site)
    page = context.new_page()
    page.goto("/book/ergodic-data.html")
    term = page.locator("a.reference.internal[href*='#term-']").first
    term.tap()
    assert eventually(lambda: page.locator("#rk-preview").is_visible())
    assert page.url.endswith("ergodic-data.html")
    term.tap()
    page.wait_for_url("**/glossary.html#term-*")
    context.close()
