// A displayed formula that is wider than its column gets smaller letters.
addEventListener("DOMContentLoaded", () => {
    const columns = new WeakMap();
    const fit = (entries) => {
        const changed = entries.filter(({ target, contentRect: { width } }) => width && columns.get(target) !== width);
        changed.forEach(({ target, contentRect: { width } }) => {
            columns.set(target, width);
            target.style.fontSize = "";
        });
        const sizes = changed.map(({ target: { clientWidth, scrollWidth }, target }) =>
            clientWidth < scrollWidth
                ? `${(0.98 * clientWidth * parseFloat(getComputedStyle(target).fontSize)) / scrollWidth}px`
                : "",
        );
        changed.forEach(({ target }, i) => {
            target.style.fontSize = sizes[i];
        });
    };
    const observer = new ResizeObserver((entries) => requestAnimationFrame(() => fit(entries))); // or it complains
    document.querySelectorAll("div.math").forEach((block) => observer.observe(block));
});

// On a phone a long formula breaks at its signs: it becomes a formula for each of its parts, which lines can take up.
{
    const narrow = matchMedia("(max-width: 576px)");
    const split = () => {
        if (!narrow.matches) return;
        for (const formula of document.querySelectorAll("math.rk-long")) {
            const [, ...parts] = formula.querySelector("mrow").children;
            const pieces = parts.flatMap((part) => {
                const gap = document.createElement("span");
                Object.assign(gap, { className: "rk-break", textContent: "\u200b" });
                const piece = document.createElementNS(formula.namespaceURI, "math");
                piece.append(part);
                return [gap, piece];
            });
            formula.classList.remove("rk-long");
            formula.after(...pieces);
        }
    };
    narrow.addEventListener("change", split);
    split();
}

// What is copied has its formulas as TeX.
document.addEventListener("copy", (event) => {
    const copied = document.createElement("div"),
        selection = getSelection();
    if (selection.rangeCount) copied.append(selection.getRangeAt(0).cloneContents());
    const formulas = copied.querySelectorAll("math:has(annotation)");
    if (!formulas.length) return;
    copied.querySelectorAll("math:not(:has(annotation)), .rk-break").forEach((part) => part.remove());
    event.clipboardData.setData("text/html", copied.innerHTML);
    for (const formula of formulas) {
        const dollars = formula.getAttribute("display") === "block" ? "$$" : "$";
        formula.replaceWith(dollars + formula.querySelector("annotation").textContent + dollars);
    }
    document.body.append(copied); // text has line breaks where it is laid out
    event.clipboardData.setData("text/plain", copied.innerText);
    copied.remove();
    event.preventDefault();
});

// On paper every proof, hint and solution is open (sphinx-togglebutton opens its own).
addEventListener("beforeprint", () => {
    for (const details of document.querySelectorAll("details.sd-dropdown:not([open])")) {
        details.open = true;
        details.dataset.openedToPrint = "";
    }
});
addEventListener("afterprint", () => {
    for (const details of document.querySelectorAll("details[data-opened-to-print]")) {
        details.open = false;
        delete details.dataset.openedToPrint;
    }
});

// A scroll that begins on a slider leaves it where it was: browsers move it at the first touch.
let touched = null;
addEventListener("pointerdown", ({ target, pointerType }) => {
    const held = pointerType === "touch" && target.matches("input[type=range]");
    touched = held ? { slider: target, value: target.value } : null;
});
addEventListener("pointercancel", () => {
    if (!touched) return;
    touched.slider.value = touched.value;
    touched.slider.dispatchEvent(new Event("input", { bubbles: true }));
});

for (const button of document.querySelectorAll("[data-print]")) button.addEventListener("click", () => print());

// A cell with the tag one-slider shows the first slider of its explorable; a button brings the others.
document.addEventListener("DOMContentLoaded", () => {
    for (const controls of document.querySelectorAll(".tag_one-slider .rk-controls")) {
        const rest = [...controls.children].slice(3, -1); // a slider is a label, an input and an output
        const button = Object.assign(document.createElement("button"), {
            type: "button",
            className: "rk-more",
            textContent: "More sliders",
        });
        button.addEventListener("click", () => {
            rest.forEach((each) => {
                each.hidden = false;
            });
            rest[1].focus();
            button.remove();
        });
        rest.forEach((each) => {
            each.hidden = true;
        });
        controls.lastElementChild.prepend(button);
    }
});
