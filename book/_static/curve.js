// Axes to draw a curve on, with a pointer or by values in fields; afterwards the truth is drawn on top.

function rkCurve(spec, labels) {
    const NEAR = 40,
        HEIGHT = 330,
        WIDTH = matchMedia("(max-width: 576px)").matches ? 320 : 560; // letters stay legible on a phone
    const BOX = { left: 66, right: WIDTH - 15, top: 12, bottom: 280 };
    const { at, asked, log, ylim } = spec,
        across = log.includes("x") ? Math.log10 : Number,
        up = log.includes("y") ? Math.log10 : Number;
    const back = log.includes("y") ? (value) => 10 ** value : Number;
    const [start, end, low, high] = [across(at[0]), across(at.at(-1)), up(ylim[0]), up(ylim[1])];
    const X = (x) => BOX.left + 12 + ((across(x) - start) / (end - start)) * (BOX.right - BOX.left - 24);
    const Y = (y) => BOX.bottom - ((up(y) - low) / (high - low)) * (BOX.bottom - BOX.top);
    const places = asked.map((i) => at[i]),
        drawn = new Map(); // height by pixel column
    const inPowers = at.some((x) => rkJudge.digits(x, 3).includes("e")); // of ten, from 10² on, or in none
    const text = (value) => {
        const power = Math.log10(value);
        if (inPowers && power > 1 && Number.isInteger(power)) return `10${[..."⁰¹²³⁴⁵⁶⁷⁸⁹"][power]}`;
        return rkJudge.digits(value, 3).replace("-", "−");
    };

    const ticks = (from, to, logarithmic) => {
        if (logarithmic && to - from > 0.9) {
            // whole decades
            return Array.from(
                { length: Math.floor(to) - Math.ceil(from) + 1 },
                (_, i) => 10 ** (Math.ceil(from) + i),
            );
        }
        const [a, b] = logarithmic ? [10 ** from, 10 ** to] : [from, to];
        const size = 10 ** Math.floor(Math.log10((b - a) / 2)),
            step = [1, 2, 5].map((n) => n * size).findLast((n) => n <= (b - a) / 2);
        return Array.from(
            { length: Math.floor(b / step) - Math.ceil(a / step) + 1 },
            (_, i) => (Math.ceil(a / step) + i) * step,
        );
    };
    const thinned = (list) => {
        const apart = [list.at(-1)]; // whose names do not touch, with 9 px for each sign
        for (const x of list.slice(0, -1).reverse()) {
            const room = (9 * (text(x).length + text(apart[0]).length)) / 2 + 6;
            if (X(apart[0]) - X(x) > room) apart.unshift(x);
        }
        return apart;
    };
    const named = thinned(at).length === at.length ? at : thinned(places);
    const figure = document.createElement("div");
    const label = `Axes to draw on: ${labels.y} against ${labels.x}. The fields below do the same.`;
    figure.innerHTML = `<svg class="rk-axes" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${label}">
    ${places.map((x) => `<path class="place" d="M${X(x)} ${BOX.top}V${BOX.bottom}"/>`).join("")}
    ${named.map((x) => `<text x="${X(x)}" y="${BOX.bottom + 20}" text-anchor="middle">${text(x)}</text>`).join("")}
    ${ticks(low, high, log.includes("y"))
        .map(
            (y) => `<path class="axis" d="M${BOX.left} ${Y(y)}h-5"/>
      <text x="${BOX.left - 9}" y="${Y(y) + 5}" text-anchor="end">${text(y)}</text>`,
        )
        .join("")}
    <path class="axis" d="M${BOX.left} ${BOX.top}V${BOX.bottom}H${BOX.right}"/>
    <text x="${(BOX.left + BOX.right) / 2}" y="${HEIGHT - 8}" text-anchor="middle">${labels.x}</text>
    <text transform="translate(14 ${(BOX.top + BOX.bottom) / 2}) rotate(-90)" text-anchor="middle">${labels.y}</text>
    <path class="drawn"/><path class="truth"/></svg>
    <div class="rk-values">${places
        .map(
            (x, i) => `<label>${labels.y} at ${text(x)}
      <input inputmode="decimal" data-place="${i}"></label>`,
        )
        .join("")}</div>`;
    const svg = figure.querySelector("svg"),
        inputs = [...figure.querySelectorAll("input")];

    const path = (points) => points.map(([x, y], i) => `${i ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
    const paint = (points) => svg.querySelector(".drawn").setAttribute("d", path(points));
    const sorted = () => [...drawn].sort(([a], [b]) => a - b);

    // The drawn height at a pixel column: on the straight line between its neighbours, or at an end close by.
    function heightAt(x) {
        const points = sorted(),
            found = points.findIndex(([column]) => column >= x),
            after = found < 0 ? points.length - 1 : found;
        if (!points.length || (found < 0 && x - points[after][0] > NEAR) || (found === 0 && points[0][0] - x > NEAR))
            return null;
        const [[b, yb], [a, ya]] = found <= 0 ? [points[after], points[after]] : [points[after], points[after - 1]];
        return a === b ? yb : ya + ((yb - ya) * (x - a)) / (b - a);
    }

    function toFields() {
        places.forEach((x, i) => {
            const y = heightAt(X(x));
            inputs[i].value =
                y === null
                    ? ""
                    : rkJudge.digits(back(low + ((BOX.bottom - y) / (BOX.bottom - BOX.top)) * (high - low)), 3);
            inputs[i].ariaInvalid = "false";
        });
    }

    function fromFields() {
        drawn.clear();
        places.forEach((x, i) => {
            const values = rkJudge.read({ kind: "numbers" }, inputs[i].value) ?? [],
                y = Y(values[0]);
            if (values.length === 1 && Number.isFinite(y)) drawn.set(X(x), y);
            inputs[i].ariaInvalid = String(values.length !== 1 && inputs[i].value.trim() !== "");
        });
        paint(sorted());
    }

    // A stroke replaces what was drawn in the columns that it crosses.
    let last = null;
    function stroke(event) {
        const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
        const clamp = (value, a, b) => Math.min(b, Math.max(a, value));
        const x = clamp(point.x, X(at[0]), X(at.at(-1))),
            y = clamp(point.y, BOX.top, BOX.bottom);
        const [from, to] = last === null ? [x, x] : [Math.min(last, x), Math.max(last, x)];
        for (const column of [...drawn.keys()])
            if (column >= from && column <= to && column !== last) drawn.delete(column);
        drawn.set(x, y);
        last = x;
        paint(sorted());
        toFields();
    }
    svg.addEventListener("pointerdown", (event) => {
        last = null;
        svg.setPointerCapture(event.pointerId);
        stroke(event);
    });
    svg.addEventListener("pointermove", (event) => {
        if (svg.hasPointerCapture(event.pointerId)) stroke(event);
    });
    figure.addEventListener("input", fromFields);

    return {
        figure,
        text: () =>
            inputs.some((input) => input.value.trim())
                ? inputs.map((input) => input.value.trim() || "?").join(", ")
                : "",
        fill(answer) {
            inputs.forEach((input, i) => {
                input.value = answer.split(",")[i]?.trim() ?? "";
            });
            fromFields();
        },
        reveal: (shown) =>
            svg
                .querySelector(".truth")
                .setAttribute("d", shown ? path(at.map((x, i) => [X(x), Y(spec.values[i])])) : ""),
    };
}
