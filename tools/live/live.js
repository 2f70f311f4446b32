// Edit and Run for every code cell of the book.  One kernel for all pages; it starts when a cell is first run.
import { Kernel } from "./kernel.js";

const STYLE = `
  .live-buttons { display: flex; flex-wrap: wrap; gap: 0.4em; padding: 0.2em 0.4em; font-size: 0.8rem; }
  .live-buttons output { margin-left: auto; }
  .live-output > * { display: block; margin: 0.4em 0; max-width: 100%; }
  .live-output .error { color: #b00020; white-space: pre-wrap; }
  html[data-theme="dark"] .live-output .error { color: #ff8a80; }
  html[data-theme="dark"] .live-output img { filter: invert(0.93) hue-rotate(180deg); }
  .live-code { width: 100%; font: 0.9em/1.4 monospace; color: inherit; background: inherit; tab-size: 4; }
  .live-large { font-size: 150%; }
  .live-large .bd-article-container, .live-large .bd-content .bd-article-container { max-width: none; }
  .live-large .bd-sidebar-secondary { display: none; }
  .live-bar { position: fixed; right: 0.6rem; bottom: 0.6rem; z-index: 1030; display: flex; gap: 0.4em;
    padding: 0.3rem 0.5rem; border: 1px solid; border-radius: 0.3rem; background: var(--pst-color-background, white);
    font-size: 0.85rem; }
  @media print { .live-buttons, .live-bar { display: none; } }`;

const make = (tag, properties, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
};
const button = (textContent, onclick) => make("button", { type: "button", textContent, onclick });
// What sets formulas, loaded when the first one is shown.
let loading = null;
const temml = () =>
    (loading ??= new Promise((resolve) => {
        const src = new URL("../_static/temml/temml.min.js", import.meta.url);
        document.head.append(make("script", { src, onload: () => resolve(window.temml) }));
    }));
const COLOURS = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, "g"); // of tracebacks, for terminals
const plain = (text) => text.replace(COLOURS, "");

class Cell {
    constructor(div) {
        [this.pre, this.built] = ["div.cell_input pre", "div.cell_output"].map((part) => div.querySelector(part));
        this.status = make("output", {});
        this.bar = make(
            "div",
            { className: "live-buttons" },
            (this.editing = button("Edit", () => this.edit())),
            button("Run", () => this.run()),
            button("Run to here", () => cells.slice(0, cells.indexOf(this) + 1).forEach((cell) => cell.run())),
            this.status,
        );
        this.pre.closest("div.cell_input").append(this.bar);
        this.out = div.appendChild(make("div", { className: "live-output" }));
        this.updatable = new Map();
    }

    edit() {
        // the second time: back to what the book says
        if (this.area) this.area = this.area.remove();
        else {
            const value = this.pre.textContent.trimEnd(),
                rows = value.split("\n").length + 1;
            this.area = make("textarea", {
                className: "live-code",
                value,
                rows,
                spellcheck: false,
                ariaLabel: "Code",
            });
            this.area.addEventListener("keydown", (event) => this.typed(event));
            this.bar.before(this.area);
            this.area.focus();
        }
        this.pre.closest(".cell_input > div").hidden = Boolean(this.area);
        this.editing.textContent = this.area ? "Back to the book’s" : "Edit";
    }

    typed(event) {
        if (event.key === "Enter" && event.shiftKey) {
            event.preventDefault();
            this.run();
        }
    }

    run() {
        if (this.built) this.built.hidden = true;
        this.clear();
        this.say("…", true);
        kernel.run(this.area ? this.area.value : this.pre.textContent, this);
    }

    say(text, busy = false) {
        this.busy = busy;
        this.status.value = text;
    }

    clear(wait) {
        this.stale = wait;
        if (!wait) this.out.replaceChildren();
    }

    show(tag, properties) {
        if (this.stale) this.clear();
        return this.out.appendChild(make(tag, properties));
    }

    stream(text) {
        const last = this.stale ? null : this.out.lastElementChild;
        (last?.className === "stream" ? last : this.show("pre", { className: "stream" })).append(plain(text));
    }

    fail(traceback) {
        this.show("pre", { className: "error", textContent: plain(traceback.join("\n")) });
    }

    display(data, id) {
        const shown = this.shown(data);
        if (id && shown) this.updatable.set(id, shown);
    }

    update(data, id) {
        const old = this.updatable.get(id);
        if (!old) return;
        const shown = this.shown(data);
        old.replaceWith(shown);
        this.updatable.set(id, shown);
    }

    shown(data) {
        const {
            "text/html": html,
            "image/svg+xml": svg,
            "image/png": png,
            "text/latex": latex,
            "text/plain": text,
        } = data;
        const view = data["application/vnd.jupyter.widget-view+json"],
            model = view && kernel.models.get(view.model_id);
        if (model?.get("_esm")) {
            const place = this.show("div", {});
            model.render(place).catch((problem) => this.show("pre", { className: "error", textContent: problem }));
            return place;
        }
        if (view)
            return this.show("p", { textContent: "This widget needs JupyterLab: make lab opens the chapter there." });
        if (html) {
            const place = this.show("div", {});
            place.append(document.createRange().createContextualFragment(html));
            return place;
        }
        if (svg || png) {
            const src = svg ? `data:image/svg+xml,${encodeURIComponent(svg)}` : `data:image/png;base64,${png}`;
            return this.show("img", { alt: text ?? "", src });
        }
        if (latex) {
            const place = this.show("div", { className: "math" });
            temml().then((set) => set.render(latex.replace(/^\$+(.*?)\$+$/s, "$1"), place, { displayMode: true }));
            return place;
        }
        return text ? this.show("pre", { textContent: text }) : null;
    }
}

document.head.append(make("style", { textContent: STYLE }));
history.replaceState(null, "", location.href.replace(/[?&]token=[^&#]*/, "")); // the server has set its cookie
const state = make("output", { value: "no kernel yet" });
const stopped = () => cells.forEach((cell) => cell.busy && cell.say("not run"));
const kernel = new Kernel((text) => {
    state.value = text;
}, stopped);
const lead = document.querySelector("div.cell.tag_lead"); // shown first, but run where it was moved from
const shown = "div.cell:has(.cell_input pre):not(:has(div.cell)):not(.tag_lead), .rk-lead-place";
const cells = [...document.querySelectorAll(shown)].map(
    (div) => new Cell(div.matches(".rk-lead-place") ? lead : div),
);
if (cells.length) {
    const page = document.documentElement.classList;
    const large = ({ target }) => target.setAttribute("aria-pressed", page.toggle("live-large"));
    document.body.append(
        make(
            "div",
            { className: "live-bar", role: "group", ariaLabel: "The kernel" },
            state,
            button("Interrupt", () => kernel.interrupt()),
            button("Restart", () => kernel.restart()),
            button("Large type", large),
        ),
    );
}
