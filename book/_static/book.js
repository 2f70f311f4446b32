// No line begins with the comma after a formula or ends with the bracket before it: a browser would break it there.
addEventListener("DOMContentLoaded", () => {
    for (const formula of document.querySelectorAll("span.math")) {
        const { previousSibling: before, nextSibling: after } = formula;
        const opening = (before?.nodeType === Node.TEXT_NODE && before.data.match(/[([“]+$/)?.[0]) || "";
        const closing = (after?.nodeType === Node.TEXT_NODE && after.data.match(/^[.,;:!?)\]”’]+/)?.[0]) || "";
        if (!opening && !closing) continue;
        const unbroken = document.createElement("span");
        unbroken.className = "unbroken";
        formula.replaceWith(unbroken);
        if (opening) before.deleteData(before.length - opening.length, opening.length);
        if (closing) after.deleteData(0, closing.length);
        unbroken.append(opening, formula, closing);
    }
});

// A displayed formula that is wider than its column gets smaller letters.
addEventListener("load", async () => {
    await window.MathJax?.startup?.promise;
    const columns = new WeakMap();
    const observer = new ResizeObserver((entries) => {
        for (const {
            target,
            contentRect: { width },
        } of entries) {
            const formula = target.querySelector("mjx-container");
            if (!width || !formula || columns.get(target) === width) continue;
            columns.set(target, width);
            target.style.fontSize = "";
            const share = formula.clientWidth / formula.scrollWidth;
            if (share < 1)
                target.style.fontSize = `${0.98 * share * parseFloat(getComputedStyle(target).fontSize)}px`;
        }
    });
    document.querySelectorAll("div.math").forEach((block) => observer.observe(block));
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
