// Fields for answers.  A form.rk-answer is filled from the data of its check; what waits for it (.rk-after-<label>)
// is held back until something was tried, or the reader asks for it.  Answers stay on this device.
(() => {
    const KEY = "rk-answers",
        HELD = "[class*='rk-after-']";
    const shifted = (text) => text.replace(/[!-~]/g, (c) => String.fromCharCode(33 + ((c.charCodeAt(0) + 14) % 94)));
    const element = (tag, properties, ...children) => {
        const made = Object.assign(document.createElement(tag), properties);
        made.append(...children);
        return made;
    };

    // What was answered on this device; where storage is blocked, for as long as the page is open.
    const memory = {
        read() {
            try {
                return JSON.parse(localStorage.getItem(KEY)) ?? {};
            } catch {
                return {};
            }
        },
        write(answers) {
            try {
                localStorage.setItem(KEY, JSON.stringify(answers));
            } catch {
                /* blocked */
            }
        },
        get(label) {
            return this.read()[label];
        },
        set(label, text) {
            this.write({ ...this.read(), [label]: text });
        },
        forget(labels) {
            const answers = this.read();
            for (const label of labels) delete answers[label];
            this.write(answers);
        },
    };

    // In what waits for a prediction: the dropdown named Answer, not that of a proof.
    const answerIn = (waiting) =>
        [...waiting.querySelectorAll("details.sd-dropdown")].find((each) =>
            each.querySelector("summary").textContent.trim().startsWith("Answer"),
        );
    const awaited = (label) => document.querySelectorAll(`.rk-after-${CSS.escape(label)}`);

    // The last sentence of a prediction, to be said where another may stand nearer; nothing if a formula is in it.
    function asks(label) {
        const text = [...document.querySelectorAll(`#${CSS.escape(label)} > p:not(.admonition-title)`)].at(-1);
        const sentences = text?.lastChild instanceof Text ? text.lastChild.data.trim().split(/[.?:]\s+/) : [];
        const isWhole = sentences.length > 1 || text?.childNodes.length === 1;
        return isWhole ? `: ${sentences.at(-1)}` : ".";
    }

    function hold(label) {
        for (const each of awaited(label)) {
            if (each.classList.contains("rk-held")) continue;
            const solution = each.matches(".solution");
            const what = solution
                ? "The solution"
                : answerIn(each)
                  ? `The answer${each.querySelector("div.cell") ? ", with its code," : ""}`
                  : each.querySelector("img, [data-widget]")
                    ? "The figure"
                    : "What follows";
            const button = element("button", { type: "button", textContent: "Show anyway" });
            button.addEventListener("click", () => {
                release(label);
                (awaited(label)[0].querySelector("summary, button, input") ?? button).focus();
            });
            const wait = solution
                ? [" opens after a try."]
                : [" waits for ", element("a", { href: `#${label}`, textContent: "your prediction" }), asks(label)];
            each.before(element("p", { className: "rk-gate" }, element("span", {}, what, ...wait), button));
            each.classList.add("rk-held");
        }
    }

    function release(label) {
        for (const each of awaited(label)) {
            if (!each.classList.contains("rk-held")) continue;
            each.classList.remove("rk-held");
            each.previousElementSibling.remove();
            const answer = label.startsWith("predict-") && answerIn(each);
            if (answer) answer.open = true;
        }
    }

    // A field for numbers or words, buttons for a choice, axes for a curve: {node, text(), fill(text), reveal(shown)}.
    function field(form, spec, name) {
        const asked = element("p", {
            className: "rk-asked",
            id: `${name}-asked`,
            textContent: `${rkJudge.asked(spec)}.`.replace(/^./, (c) => c.toUpperCase()),
        });
        const options = spec.kind === "truth" && rkJudge.count(spec) === 1 ? ["true", "false"] : spec.options;
        if (options) {
            const radios = options.map((value) => element("input", { type: "radio", name, value }));
            const node = element(
                "fieldset",
                {},
                element("legend", { textContent: "Your answer" }),
                ...radios.map((radio) =>
                    element(
                        "label",
                        { className: "rk-choice" },
                        radio,
                        element("span", { textContent: radio.value }),
                    ),
                ),
            );
            form.parentElement.querySelector(".rk-options")?.setAttribute("hidden", "");
            return {
                node,
                text: () => radios.find((radio) => radio.checked)?.value ?? "",
                fill: (text) =>
                    radios.forEach((radio) => {
                        radio.checked = radio.value === text;
                    }),
            };
        }
        if (spec.kind === "curve") {
            const curve = rkCurve(spec, { x: form.dataset.x ?? "x", y: form.dataset.y ?? "y" });
            const legend = element("legend", { textContent: "Draw your curve, or give its values" });
            return { ...curve, node: element("fieldset", {}, legend, curve.figure) };
        }
        const input = element("input", { type: "text", id: name, spellcheck: false, autocapitalize: "off" });
        input.setAttribute("aria-describedby", asked.id);
        const label = element("label", { htmlFor: name, textContent: "Your answer" });
        const line = element("div", { className: "rk-line" }, label, input);
        return {
            node: element("div", {}, line, asked),
            text: () => input.value,
            fill: (text) => {
                input.value = text;
            },
        };
    }

    function ask(form) {
        const label = form.dataset.check;
        if (!(label in rkChecks)) return;
        const spec = JSON.parse(shifted(rkChecks[label])),
            output = form.querySelector("output");
        const { node, text, fill, reveal } = field(form, spec, `rk-${label}`);
        const submit = element("button", {
            type: "submit",
            textContent: label.startsWith("predict-") ? "Commit" : "Check",
        });
        const forget = element("button", {
            type: "button",
            className: "rk-small",
            textContent: "Forget this answer",
            hidden: true,
        });
        form.prepend(node, element("div", { className: "rk-actions" }, submit, forget));
        form.hidden = false;

        function judge(given) {
            const [verdict, message] = rkJudge.judgeText(spec, given);
            output.dataset.verdict = verdict;
            output.value = message;
            if (verdict === "unclear") return;
            forget.hidden = false;
            reveal?.(true);
            release(label);
            memory.set(label, given);
        }
        form.forgetAnswer = () => {
            memory.forget([label]);
            fill("");
            output.value = "";
            delete output.dataset.verdict;
            forget.hidden = true;
            reveal?.(false);
            hold(label);
        };
        form.addEventListener("submit", (event) => {
            event.preventDefault();
            judge(text());
        });
        form.addEventListener("keydown", (event) => event.stopPropagation()); // the theme and Play have shortcuts
        forget.addEventListener("click", () => {
            form.forgetAnswer();
            submit.focus();
        });
        hold(label);
        const before = memory.get(label);
        if (typeof before === "string") {
            fill(before);
            judge(before);
        }
    }

    const forms = [...document.querySelectorAll("form.rk-answer")];
    if (typeof rkChecks === "undefined") return; // the file of checks is not beside the pages: nothing is held back
    forms.forEach(ask);
    const all = element("button", { type: "button", className: "rk-small", textContent: "Forget all my answers" });
    all.addEventListener("click", () => {
        memory.forget(Object.keys(memory.read()));
        forms.forEach((form) => form.forgetAnswer?.());
    });
    forms.at(-1)?.querySelector(".rk-actions")?.append(all);

    // A link into what is held back opens it.
    const follow = () => {
        const target = document.getElementById(decodeURIComponent(location.hash.slice(1))),
            held = target?.closest(HELD);
        if (!held) return;
        release([...held.classList].find((name) => name.startsWith("rk-after-")).slice("rk-after-".length));
        target.scrollIntoView();
    };
    addEventListener("hashchange", follow);
    follow();
})();
