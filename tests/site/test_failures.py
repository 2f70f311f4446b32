"""What goes wrong in an explorable is said in the page, and the still stays."""

import pytest

import rnnkernel as rk

pytestmark = pytest.mark.browser
NO_WORKER = "globalThis.Worker = class { constructor() { throw new Error('not allowed'); } };"
SILENT_WORKER = """globalThis.Worker = class {
    constructor() { setTimeout(() => this.onerror({}), 50); }
    postMessage() {}
    terminate() {}
};"""
FAILING_WORKER = """{
    const Real = globalThis.Worker;
    const url = () => URL.createObjectURL(new Blob(["onmessage = () => { throw Error('oh'); }"]));
    globalThis.Worker = function () { return new Real(url()); };
}"""


@pytest.fixture
def opened(browser, tmp_path):
    """Opens *Train* in a page of its own, at an address and after a script."""
    contexts = []

    def at(anchor="", script=""):
        path = tmp_path / "page.html"
        path.write_text(f"<!doctype html><meta charset=utf-8><title>T</title>{rk.widgets.Train().to_html()}")
        contexts.append(browser.new_context())
        page = contexts[-1].new_page()
        if script:
            page.add_init_script(script)
        page.goto(path.as_uri() + anchor)
        return page

    yield at
    for context in contexts:
        context.close()


@pytest.mark.parametrize("script", [NO_WORKER, SILENT_WORKER, FAILING_WORKER], ids=["none", "silent", "failing"])
def test_without_a_worker_the_still_stays_and_a_sentence_says_why(opened, script):
    page = opened(script=script)
    page.wait_for_selector("figure[data-failed]")
    assert "cannot be computed here" in page.locator(".rk-numbers").inner_text()
    assert page.locator(".rk-still").is_visible()
    assert page.locator("figure").get_attribute("aria-busy") is None
    assert page.locator("input").first.is_disabled()


@pytest.mark.parametrize("anchor", ["#train?constructor=1", "#train?__proto__=2&toString=3", "#train?n_units=nonsense"])
def test_an_address_that_names_no_slider_changes_nothing(opened, anchor):
    page = opened(anchor)
    page.wait_for_selector("figure[data-ready]")
    assert page.locator("figure").get_attribute("data-failed") is None
