"""What a reader of the built book waits for: a slider's picture, the first picture of a page, its code and data."""

import gzip
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import numpy as np

from .tables import Table

N_MOVES, N_LOADS = 50, 5
MOVED = "From a slider's move to the painted picture"
LOADED = "Pages with explorables"

# Runs before anything else in a page: notes when each widget has drawn, and how much widgets shift.
WATCH = """
window.painted = () => new Promise(resolve => requestAnimationFrame(() => {
  const {port1, port2} = new MessageChannel();
  port1.onmessage = () => resolve(performance.now()); // a task that runs once the frame is painted
  port2.postMessage(null);
}));
window.first = new Map();
window.shift = 0;
new MutationObserver(changes => changes.forEach(({target}) => {
  if (target.matches("[data-widget]") && !first.has(target)) first.set(target, painted());
})).observe(document, {subtree: true, attributeFilter: ["data-ready"]});
new PerformanceObserver(list => list.getEntries().forEach(({sources, value}) => {
  if (sources.some(({node}) => (node?.closest ? node : node?.parentElement)?.closest("[data-widget]"))) shift += value;
})).observe({type: "layout-shift", buffered: true});
"""
FIRST = """async () => {
  while (document.querySelectorAll("[data-widget]").length > first.size) await painted();
  const {loadEventEnd} = performance.getEntriesByType("navigation")[0], times = await Promise.all(first.values());
  return [Math.max(0, ...times.map(time => time - loadEventEnd)), shift];
}"""
CARRIED = """async () => [...new DOMParser().parseFromString(await (await fetch(location)).text(), "text/html")
  .querySelectorAll("[data-widget]")].map(each => each.parentElement.innerHTML)"""
MOVES = """async ([id, others, n]) => {
  const input = document.getElementById(id), widget = input.closest("[data-widget]");
  const view = widget.querySelector(".rk-view");
  for (let each = widget; each; each = each.parentElement) if (each.matches("details")) each.open = true;
  widget.scrollIntoView();
  const move = async (slider, value) => {
    const drawn = new Promise(resolve => new MutationObserver((_, observer) => { observer.disconnect(); resolve(); })
      .observe(view, {childList: true, subtree: true, attributes: true}));
    const start = performance.now();
    slider.value = value;
    slider.dispatchEvent(new Event("input", {bubbles: true}));
    await drawn;
    return await painted() - start;
  };
  widget.querySelector(".rk-reset").click();
  while (widget.hasAttribute("aria-busy")) await painted();
  for (const each of others ? widget.querySelectorAll("input[type=range]") : [])
    if (each !== input && each.value !== each.max) await move(each, each.max);
  const most = Number(input.max), times = [];
  await move(input, most);
  for (let k = 0; k < n; k++) times.push(await move(input, Math.abs((k % (2 * most)) - most + 1))); // down and up
  return times;
}"""


def pages() -> Iterator[Table]:
    """Open every page with explorables, and move every slider, the others at the start or at their ends."""
    from playwright.sync_api import Error

    from tests import browsers

    if not (browsers.HTML / "index.html").exists():
        yield Table(MOVED, [], [], "Left out: the book is not built.")
        return
    found = [each for each in sorted(browsers.HTML.rglob("*.html")) if "data-widget=" in each.read_text()]
    with ExitStack() as stack:
        try:
            chromium = stack.enter_context(browsers.chromium())
        except Error as error:
            yield Table(MOVED, [], [], f"Left out, no Chromium: {error.message.splitlines()[0]}")
            return
        site = stack.enter_context(browsers.served())
        context = chromium.new_context(viewport={"width": 1280, "height": 800})
        context.add_init_script(WATCH)
        moves: dict[tuple[str, str], Any] = {}
        loads = []
        for path in found:
            loads.append([path.stem, *_load(context, f"{site}/{path.relative_to(browsers.HTML).as_posix()}")])
            for slider, times in _moves(context.pages[-1]):
                moves[slider] = np.hstack([moves.get(slider, np.empty((2, 0))), times])
            context.pages[-1].close()
    head = ["explorable", "slider", "median", "95 %", "others at their ends: median", "95 %"]
    rows = [
        [*slider, *(f"{each:.0f}" for each in np.quantile(times, [0.5, 0.95], axis=1).T.ravel())]
        for slider, times in moves.items()
    ]
    note = (
        f"Milliseconds until the frame is painted, {N_MOVES} moves through all positions in each page that holds the "
        "explorable. Aim: 30, and 60 for 95 %."
    )
    yield Table(MOVED, head, rows, note)
    head = ["page", "explorables", "all painted after load, ms", "slowest of loads, ms", "layout shift", "kB, gzipped"]
    note = f"Median of {N_LOADS} loads. Aim: 300 ms, no shift, and 150 kB of code and data of explorables in a page."
    yield Table(LOADED, head, loads, note)


def _load(context: Any, address: str) -> list[str]:
    """Open a page a few times, and leave it open."""
    after, shifts = [], []
    for _ in range(N_LOADS):
        for page in context.pages:
            page.close()
        page = context.new_page()
        page.goto(address)
        seconds, shift = page.evaluate(FIRST)
        after.append(seconds)
        shifts.append(shift)
    carried = page.evaluate(CARRIED)
    size = len(gzip.compress("".join(carried).encode()))
    return [
        str(len(carried)),
        f"{np.median(after):.0f}",
        f"{max(after):.0f}",
        f"{max(shifts):.3f}",
        f"{size / 1000:.0f}",
    ]


def _moves(page: Any) -> Iterator[tuple[tuple[str, str], Any]]:
    """Give the times of each slider's moves, others at the start, then at their ends."""
    for widget in page.locator("[data-widget]").all():
        for label in widget.locator(".rk-controls label").all():
            times = [page.evaluate(MOVES, [label.get_attribute("for"), others, N_MOVES]) for others in (False, True)]
            yield (widget.get_attribute("data-widget"), label.text_content()), np.array(times)
