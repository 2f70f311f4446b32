"""Every page of the built book in a real browser: quiet, fit for phones, dark pages and paper, its sliders alive.

A figure with sliders is any element with `data-widget`.  It says that it is alive with `data-ready`, holds native
range inputs with an `output` each, a reset button, and its picture in `.rk-view`.
"""

import io
import itertools
from xml.etree import ElementTree

import asked
import browsers
import pages
import pytest
from axe_playwright_python.sync_playwright import Axe
from explorables import PAGES, SEEN, seen
from explored import draw, drawn, with_sliders
from fields import form, give, verdict
from PIL import Image
from waiting import eventually

from rnnkernel.widgets import frames

pytestmark = pytest.mark.browser

DESK, PHONE = {"width": 1280, "height": 720}, {"width": 390, "height": 844}
WELCOME, ANY = 400, 700  # KiB
NARROW = (320, 360)  # pixels: small phones, and a desk at 400 %
FONTS = {"Latin Modern Math", "Temml"}
LEGIBLE = 9  # pixels of letter size on a phone
BOX = "each => { const {x, y, width, height} = each.getBoundingClientRect(); return [x, y + scrollY, width, height]; }"
CORNER = """async each => {
    for (let i = 0; ; i++) { // a page that still grows may move it out of sight
        each.scrollIntoView({block: "start", behavior: "instant"});
        scrollBy({top: -100, behavior: "instant"}); // from below the bar at the top
        await new Promise(requestAnimationFrame);
        const {x, y} = (each.querySelector("svg") ?? each).getBoundingClientRect();
        if (x >= 0 && y >= 0 && y < innerHeight - 4 || i == 100) return {x: x + 3, y: y + 3, width: 1, height: 1};
    }
}"""
LETTERS = """async () => {
    const smallest = (svg, scale) => Math.min( // text of size s is drawn with scale(s/100 -s/100); 1 pt is 4/3 px
        ...[...svg.matchAll(/scale\\((0?\\.\\d+) -0?\\.\\d+\\)/g)].map(found => found[1] * 100 * 4 / 3 * scale));
    const sizes = [];
    for (const img of document.querySelectorAll(".bd-article img[src$='.svg']")) {
        const svg = await (await fetch(img.src)).text();
        sizes.push([img.alt, smallest(svg, img.clientWidth / img.naturalWidth)]);
    }
    for (const svg of document.querySelectorAll(".rk-explore svg"))
        sizes.push([svg.parentElement.ariaLabel, smallest(svg.outerHTML, svg.clientWidth / svg.getAttribute("width"))]);
    return sizes;
}"""
FORMULAS = """() => [...document.querySelectorAll(".bd-article span.math")].filter(formula =>
    !formula.closest(".unbroken") && /^[.,;:]/.test(formula.nextSibling?.data) // which could begin the next line
    || !formula.closest("table") && formula.getBoundingClientRect().right > innerWidth
).map(formula => formula.closest("p, li, dd, section").textContent)"""
TOO_WIDE = """() => [...document.querySelectorAll(".bd-article div.math")].filter(formula =>
    formula.scrollWidth > formula.clientWidth + 1).map(formula => formula.id + formula.textContent)"""
TINY = """() => [...document.querySelectorAll(".bd-article div.math math")].filter(formula =>
    formula.clientWidth && parseFloat(getComputedStyle(formula).fontSize) < 11).length"""
SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
CODE_TOO_WIDE = """() => [...document.querySelectorAll(".bd-article :is(.cell_input, .cell_output) pre")].filter(code =>
    code.clientWidth && code.scrollWidth > code.clientWidth).map(code => code.textContent)"""
AWAY = """() => { // mathematics and code: tens of thousands of elements, not ours to judge, minutes of axe's time
    const crowded = [...document.querySelectorAll("math, .highlight pre")];
    window.away = crowded.map(each => [each, [...each.childNodes]]);
    away.forEach(([each]) => each.replaceChildren("x"));
}"""
BACK = "() => away.forEach(([each, nodes]) => each.replaceChildren(...nodes))"
ARRANGED = """([theme, opened]) => {
    document.documentElement.dataset.theme = theme;
    document.querySelectorAll("details").forEach(details => {
        details.dataset.first ??= details.open ? "open" : "closed";
        details.open = opened || details.dataset.first === "open";
    });
    if (opened) document.querySelectorAll(".rk-gate button, .rk-more").forEach(button => button.click());
    const other = opened ? ".toggle-hidden" : ".toggle:not(.toggle-hidden)";
    document.querySelectorAll(`${other} button.toggle-button`).forEach(button => button.click());
}"""


@pytest.fixture(scope="module", params=[f"{page}.html" for page in pages.LISTED])
def opened(request, browser, site):
    """A page of the book, opened once, and what its files weigh."""
    with browsers.tabs(browser) as opened:
        page = opened(site)
        yield page, browsers.weighed(page, request.param)


@pytest.fixture(scope="module")
def page(opened):
    """A page of the book: arranged by each test."""
    return opened[0]


def arrange(page, theme="light", size=DESK, opened=True):
    """Show a page in a theme and a size, with every dropdown open and every figure alive, or as it comes."""
    page.set_viewport_size(size)
    page.evaluate(ARRANGED, [theme, opened])
    if opened:
        page.wait_for_function("() => document.querySelectorAll('[data-widget]:not([data-ready])').length === 0")


# -- the book ----------------------------------------------------------------------------------------------------


def test_is_light(page, opened):
    """All that the browser fetches when a page is opened."""
    _, sizes = opened
    most = WELCOME if page.url.endswith("/welcome.html") else ANY
    assert sum(sizes.values()) <= most, sorted(sizes.items(), key=lambda item: -item[1])[:8]
    assert not [name for name in sizes if "mathjax" in name.lower() or "fontawesome" in name]


def test_fits_a_phone(page):
    """The page never scrolls sideways, formulas stand whole in their line, and figures can be read."""
    for opened in (False, True):
        arrange(page, size=PHONE, opened=opened)
        assert not page.evaluate(SIDEWAYS)
    assert not page.evaluate(FORMULAS)
    assert eventually(lambda: not page.evaluate(TOO_WIDE)), page.evaluate(TOO_WIDE)
    assert not page.evaluate(TINY)
    sizes = page.evaluate(LETTERS)
    assert not [(alt, size) for alt, size in sizes if size < LEGIBLE]


def test_fits_small_phones_and_desks(page):
    """No page scrolls sideways on a small phone or a desk; code and what it prints fit their boxes, too."""
    for width in NARROW:
        arrange(page, size={"width": width, "height": 640})
        assert not page.evaluate(SIDEWAYS), width
        assert not page.evaluate(CODE_TOO_WIDE), width
    arrange(page, size=DESK)
    assert not page.evaluate(SIDEWAYS)
    assert not page.evaluate(CODE_TOO_WIDE)


def test_opens_with_a_picture_in_sight(page):
    """The middle of a chapter's first figure is on the first screen, of a desk and of a phone."""
    if any(page.url.endswith(f"/{each}.html") for each in pages.MAIN):
        for size in (DESK, PHONE):
            arrange(page, size=size, opened=False)
            _, top, _, height = page.locator(".bd-article figure").first.evaluate(BOX)
            assert top + height / 2 < size["height"]


def test_back_to_top_covers_nothing(page):
    """Its button, which comes when one scrolls up, is beside the text or not there."""
    for size in (DESK, PHONE):
        arrange(page, size=size, opened=False)
        button = page.locator("#pst-back-to-top")
        button.evaluate("button => { button.style.display = 'block'; }")
        text = page.locator(".bd-article").bounding_box()
        assert not button.is_visible() or button.bounding_box()["x"] > text["x"] + text["width"]
        button.evaluate("button => { button.style.display = ''; }")


def test_sliders_answer_the_keyboard(page):
    """Each slider changes picture and shown value, moves nothing else, and the button brings all back."""
    if page.url.endswith("/welcome.html"):  # most of its sliders wait behind a button, which has its own test
        return
    arrange(page)
    for widget in page.locator("[data-widget]").all():
        view, sliders = widget.locator(".rk-view"), widget.locator("input[type=range]").all()
        assert sliders
        start = [slider.input_value() for slider in sliders]
        box = widget.evaluate(BOX)
        for slider in sliders:
            name = slider.get_attribute("id")
            shown = widget.locator(f"output[for='{name}']")
            slider.focus()
            page.keyboard.press("Home")
            assert eventually(lambda slider=slider: slider.input_value() == slider.get_attribute("min")), name
            picture, value = view.inner_html(), shown.inner_text()
            page.keyboard.press("ArrowRight")
            assert eventually(lambda shown=shown, value=value: shown.inner_text() != value), name
            page.keyboard.press("End")
            assert eventually(lambda view=view, picture=picture: view.inner_html() != picture), name
            assert slider.get_attribute("aria-valuetext") == shown.inner_text(), name
        assert widget.evaluate(BOX) == box
        widget.locator("button", has_text="Reset").click()
        assert eventually(lambda sliders=sliders, start=start: [each.input_value() for each in sliders] == start)


def test_explorables_show_what_python_computes(page):
    """On the page itself: at the start, and at both ends of every slider."""
    if page.url.endswith("/welcome.html"):  # most of its sliders wait behind a button, which has its own test
        return
    arrange(page)
    explorables = page.locator("[data-widget]:not([data-widget=explore])").all()
    assert bool(explorables) == any(page.url.endswith(f"/{each}.html") for each in PAGES)
    for figure in explorables:
        start = seen(figure.evaluate(SEEN))
        for name in start["places"]:
            slider = figure.locator(f"input[name={name}]")
            slider.press("Home")
            low = seen(figure.evaluate(SEEN))
            slider.press("End")
            high = seen(figure.evaluate(SEEN))
            assert low["picture"] != high["picture"], name
            assert low["sentence"] != high["sentence"], name
            figure.locator(".rk-reset").click()
        assert seen(figure.evaluate(SEEN)) == start


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_figures_suit_the_theme(theme, page):
    """The paper of every figure has exactly the colour of the page, and axe no fault (in the dark, of colours)."""
    arrange(page, theme)
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")

    def colour(picture):  # where a page that grows moves it, another
        there = page.screenshot(clip=picture.evaluate(CORNER))
        return "rgb({}, {}, {})".format(*Image.open(io.BytesIO(there)).convert("RGB").getpixel((0, 0)))

    for picture in page.locator(".bd-article img[src$='.svg'], .rk-explore .rk-view").all():  # drawn anew, views stay
        assert eventually(lambda picture=picture: colour(picture) == ground), colour(picture)
    page.evaluate(AWAY)
    ours = {"include": [".bd-article"], "exclude": [".citation-list"]}  # which docutils gives roles of old
    of_colour = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}
    rules = ["wcag2a", "wcag2aa"] if theme == "light" else of_colour
    options = {"preload": False, "resultTypes": ["violations"], "runOnly": rules}
    found = Axe().run(page, context=ours, options=options)
    page.evaluate(BACK)
    assert not [(fault["help"], [node["html"] for node in fault["nodes"]]) for fault in found.response["violations"]]


def test_every_sign_is_in_the_fonts_of_the_book(page):
    """None of a formula is taken from a font that some other machine has not."""
    arrange(page)
    devtools = page.context.new_cdp_session(page)
    for domain in ("DOM", "CSS"):
        devtools.send(f"{domain}.enable")
    root = devtools.send("DOM.getDocument", {"depth": 0})["root"]["nodeId"]
    formulas = devtools.send("DOM.querySelectorAll", {"nodeId": root, "selector": ".bd-article math"})["nodeIds"]
    found = {}
    for formula in formulas:
        fonts = devtools.send("CSS.getPlatformFontsForNode", {"nodeId": formula})["fonts"]
        found |= {font["familyName"]: formula for font in fonts if font["familyName"] not in FONTS}
    told = {name: devtools.send("DOM.getOuterHTML", {"nodeId": node})["outerHTML"] for name, node in found.items()}
    devtools.detach()
    assert not told
    assert bool(formulas) == bool(page.locator("math").count())


def test_paper_shows_everything(page):
    """In print, proofs and solutions are open and sliders give way to their values; afterwards all is as before."""
    arrange(page, opened=False)
    closed = page.locator("details.sd-dropdown:not([open]), .toggle-hidden")
    before = closed.count()
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert closed.count() == 0
    assert not [each for each in page.locator(".rk-controls").all() if each.is_visible()]
    assert all(each.is_visible() for each in page.locator(".rk-state").all())
    page.emulate_media(media="screen")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert closed.count() == before


def test_every_field_answers(page):
    """The right answer, a slip, nonsense and an empty field; every exercise and every prediction has a field."""
    arrange(page)
    labels = [each.get_attribute("data-check") for each in page.locator("form.rk-answer").all()]
    found = list(pages.directives(pages.source(page.url.rpartition("/")[2].removesuffix(".html"))))
    wanted = [each.options["label"] for each in found if each.name == "exercise"]
    wanted += [each.argument for each in found if each.name == "predict"]
    assert sorted(labels) == sorted(wanted)
    checks = asked.specs()
    for label in labels:
        spec = checks[label]
        form(page, label).locator("button[type=submit]").press("Enter")
        assert verdict(page, label) == "unclear"
        text, wrong = spec["slips"][0]
        kind, message = give(page, label, spec, asked.typed(spec, wrong))
        assert kind == "wrong"
        assert text in message
        if (
            not spec.get("options")
            and spec["kind"] != "words"
            and form(page, label).locator("input[type=text]").count()
        ):
            assert give(page, label, spec, asked.NONSENSE)[0] == "unclear"
        assert give(page, label, spec, asked.typed(spec, spec["values"]))[0] == "right"


# -- explore -----------------------------------------------------------------------------------------------------


@pytest.fixture
def plain_page(browser):
    """A page of nothing but one figure, as a notebook that was exported shows it."""
    context = browser.new_context()
    page = context.new_page()
    trouble = []
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on("request", lambda request: trouble.append(request.url))
    page.set_content(
        f"<!doctype html><html lang='en'><title>Figure</title><main>{with_sliders().to_html()}</main></html>"
    )
    yield page
    context.close()
    assert not trouble


def picture_on(page):
    """The picture now on the page, read back from the browser."""
    return drawn(ElementTree.fromstring(page.locator(".rk-view").inner_html()))


def test_every_position_shows_what_python_draws(plain_page):
    alpha, n_units = plain_page.locator("input").all()
    values = [0.5, 1.0, 20.0], [1, 2]
    for i, j in itertools.chain(itertools.product(range(3), range(2)), [(0, 0), (2, 1), (1, 0)]):
        alpha.fill(str(i))
        n_units.fill(str(j))
        assert picture_on(plain_page) == drawn(frames.svg(draw(values[0][i], values[1][j])))
        assert plain_page.locator("output").all_inner_texts() == [["0.5", "1", "20"][i], ["1", "2"][j]]
        state = f"α: {['0.5', '1', '20'][i]}, N: {j + 1}"
        assert plain_page.locator(".rk-view").get_attribute("aria-label") == f"Curves. ({state})"
        assert plain_page.locator(".rk-state").text_content() == state


def test_reset_brings_back_the_start(plain_page):
    still = picture_on(plain_page)
    plain_page.locator("input").first.fill("2")
    assert picture_on(plain_page) != still
    plain_page.locator(".rk-reset").click()
    assert picture_on(plain_page) == still
    assert [slider.input_value() for slider in plain_page.locator("input").all()] == ["1", "0"]


def test_a_link_brings_a_figure_back(plain_page):
    for slider, place in zip(plain_page.locator("input").all(), "21", strict=True):
        slider.fill(place)
    moved = picture_on(plain_page)
    plain_page.locator(".rk-link").click()
    plain_page.locator(".rk-reset").click()
    assert picture_on(plain_page) != moved
    fragment = plain_page.evaluate("location.hash")
    plain_page.evaluate("location.hash = ''")
    plain_page.evaluate("fragment => { location.hash = fragment; }", fragment)
    assert eventually(lambda: picture_on(plain_page) == moved)


def test_arrow_keys_stay_with_the_slider(plain_page):
    plain_page.evaluate("document.addEventListener('keydown', event => event.preventDefault())")
    plain_page.locator("input").first.focus()
    plain_page.keyboard.press("ArrowRight")
    assert plain_page.locator("output").first.inner_text() == "20"


def test_without_scripts_there_is_a_still(browser):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.set_content(with_sliders().to_html())
    assert page.locator(".rk-view svg").is_visible()
    assert not page.locator("input").first.is_visible()
    context.close()


def test_one_slider_comes_first(browser, site):
    """Welcome shows the width alone, until the reader asks for more; the first of the others then has the focus."""
    with browsers.tabs(browser) as opened:
        page = opened(site)
        page.goto("/book/welcome.html")
        page.wait_for_selector(".tag_one-slider [data-ready]")
        sliders, more = page.locator(".tag_one-slider input[type=range]"), page.locator(".rk-more")
        assert [each.get_attribute("name") for each in sliders.all() if each.is_visible()] == ["n_units"]
        more.press("Enter")
        assert all(each.is_visible() for each in sliders.all())
        assert sliders.nth(1).evaluate("slider => slider === document.activeElement")
        assert not more.count()


def test_a_scroll_that_begins_on_a_slider_scrolls(browser, site):
    """A finger that moves up and down moves the page; one that moves along the slider moves the slider."""
    context = browser.new_context(base_url=site, viewport=PHONE, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto("/book/welcome.html")
    page.wait_for_selector("[data-widget][data-ready]")
    slider = page.locator(".rk-controls input[type=range]").first
    slider.evaluate("each => each.scrollIntoView({block: 'center'})")
    devtools = context.new_cdp_session(page)

    def drag(share, right=0, down=0):
        box = slider.bounding_box()
        x, y = box["x"] + share * box["width"], box["y"] + box["height"] / 2
        for part in range(11):
            kind = "touchMove" if part else "touchStart"
            points = [{"x": x + part / 10 * right, "y": y + part / 10 * down}]
            devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
            page.wait_for_timeout(20)
        devtools.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    place, value = page.evaluate("scrollY"), slider.input_value()
    drag(0.9, down=-150)
    assert eventually(lambda: page.evaluate("scrollY") > place + 50)
    assert slider.input_value() == value
    page.wait_for_timeout(500)  # until the page has come to rest
    place = page.evaluate("scrollY")
    drag(0.2, right=100)
    assert page.evaluate("scrollY") == place
    assert slider.input_value() != value
    context.close()
