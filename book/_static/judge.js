// Judges an answer by the data of a check: rnnkernel/_judging.py in JavaScript, in the same order and words.
// Both are compared on many answers by tests/site/test_answers.py.

const rkJudge = (() => {
    const ROUNDING = 1e-14,
        ALIKE = 0.02,
        COARSEST = 0.005,
        SPREADS = 3,
        NEAR = 0.1,
        FAR = 0.2;
    const NUMBER = /^([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)(?:\/((?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?))?(%?)$/i;
    const PART = /(^|[\s,;([])[a-h][):]\s*(?=[-+.0-9])/gi; // (a) 0.4
    const NAMED = /(^|[\s,;([])(?:[a-zα-ωΑ-Ω][a-z0-9_]*(?:\^[0-9])?(?:\([^()]*\))?\s*)?[=≈~]\s*/gi; // u(0) = 2
    const ABOUT = /(^|[\s,;([])(?:about|around|roughly|approximately)\s+(?=[-+.0-9])/gi;
    const TIMES = "minutes?|min|seconds?|sec|s|hours?|h|days?|months?|years?",
        THINGS = "steps?|units?|nodes?|bits?|nats?|networks?|learners?|seeds?|samples?|letters?|words?|draws?",
        UNITS = `${TIMES}|${THINGS}`,
        EACH = `(?:(?:\\s+per\\s+|\\s*/\\s*)(?:${UNITS}))?`, // bits per letter
        UNIT = new RegExp(`([0-9.])\\s*(?:${UNITS})${EACH}(?:\\^2)?(?=\\.?(?:[\\s,;)\\]]|$))`, "gi");
    const UNCERTAIN = /\s*±\s*[0-9.]+(?:e[+-]?[0-9]+)?/gi, // 0.4 ± 0.1
        COMMA = /([0-9]),([0-9])/g,
        SPACE = /([0-9])\s([0-9]{3})(?![0-9])/g,
        POWER = /\s*[·×*]\s*10\s*\^\s*\{?\s*([+-]?[0-9]+)\s*\}?/g, // 2.3·10^-6
        BARE = /(^|[\s,;([=≈~+-])10\s*\^\s*\{?\s*([+-]?[0-9]+)\s*\}?/g, // 10^-6
        APART = /(^|[\s,;([])([+-])\s+(?=[0-9.])/g; // - 0.1
    const HIGH = "⁺⁻⁰¹²³⁴⁵⁶⁷⁸⁹",
        RAISED = new RegExp(`[${HIGH}]+`, "g"),
        lowered = (signs) => `^${[...signs].map((each) => "+-0123456789"[HIGH.indexOf(each)]).join("")}`;
    const FRACTIONS = { "¼": "1/4", "½": "1/2", "¾": "3/4", "⅓": "1/3", "⅔": "2/3" },
        FRACTION = /(^|[^0-9./])([¼½¾⅓⅔])(?![0-9./])/g; // older Safaris cannot look behind
    const TRUTH = new Map([
        ["true", true],
        ["yes", true],
        ["false", false],
        ["no", false],
    ]);
    const sum = (list) => list.reduce((total, each) => total + each, 0);

    function judgeText(spec, text) {
        if (["", "...", "…"].includes(text.trim())) return unclear(spec, "No answer yet");
        const given = read(spec, text);
        if (spec.kind === "curve" && text.includes("?")) return unclear(spec, "Some values are missing");
        if (given === null) {
            const cannot = "This cannot be read (give numbers alone, formulas are not computed)";
            return unclear(spec, spec.options?.length ? "This is none of the answers" : cannot);
        }
        const n = count(spec);
        if (["numbers", "curve"].includes(spec.kind) && given.length !== n) {
            for (const each of [text.replace(COMMA, "$1.$2"), text.replace(SPACE, "$1$2")]) {
                if (read(spec, each)?.length === n)
                    return unclear(spec, "Write numbers like 0.25 and 10000, without commas or spaces in them");
            }
        }
        return judge(spec, given);
    }

    function judge(spec, given) {
        if (given.length !== count(spec)) {
            return unclear(spec, `This has ${given.length} ${given.length === 1 ? "entry" : "entries"}`);
        }
        const [verdict, message] = ({ numbers, curve }[spec.kind] ?? words)(spec, given);
        if (verdict === "right") return [verdict, message];
        const hint = spec.hint ? ` Hint: ${spec.hint}` : "";
        return [verdict, `${verdict === "close" ? "Nearly" : "Not yet"}: ${message}.${hint}`];
    }

    const unclear = (spec, what) => ["unclear", `${what}: ${asked(spec)}.`];

    const count = (spec) => (spec.kind === "curve" ? spec.asked : spec.values).length;

    function asked(spec) {
        const { kind } = spec,
            n = count(spec);
        if (kind === "curve")
            return `${n} values are asked for, at ${spec.asked.map((i) => digits(spec.at[i], 4)).join(", ")}`;
        if (spec.options?.length) return `choose one of: ${spec.options.join("; ")}`;
        const [one, many] = {
            numbers: ["one number is asked for, such as 0.25 or 1/3", "numbers are"],
            truth: ["true or false is asked for", "times true or false is"],
            words: ["one word is asked for", "words are"],
        }[kind];
        const rows = spec.shape.length > 1 ? ", row by row" : "";
        return n === 1 ? one : `${n} ${many} asked for, with commas between them${rows}`;
    }

    function read(spec, text) {
        if (spec.options?.length) return chosen(spec.options, text);
        if (spec.kind === "words") return count(spec) === 1 ? [text] : text.split(/[,;]/);
        const spaced = text
            .replace(RAISED, lowered)
            .replaceAll("−", "-")
            .replace(/[÷⁄]/g, "/")
            .replace(FRACTION, (_, before, sign) => before + FRACTIONS[sign])
            .replace(POWER, "e$1")
            .replace(BARE, "$11e$2")
            .replace(UNCERTAIN, "")
            .replace(APART, "$1$2")
            .replace(PART, "$1")
            .replace(NAMED, "$1")
            .replace(ABOUT, "$1")
            .replace(UNIT, "$1")
            .replace(/\s*(?:%|per ?cent)/g, "%")
            .replace(/\s*\/\s*/g, "/");
        const entries = spaced
            .split(/[\s,;()[\]]+(?:and\s+)?/i)
            .filter((entry) => entry)
            .map((entry) => entry.replace(/\.$/, ""));
        const found = entries.map((entry) =>
            spec.kind === "truth" ? (TRUTH.get(entry.toLowerCase()) ?? null) : number(entry),
        );
        return !found.length || found.includes(null) ? null : found;
    }

    function chosen(options, text) {
        const spaced = (each) => ` ${folded(each.replaceAll(",", " "))} `,
            word = spaced(text),
            same = options.filter((each) => spaced(each) === word),
            meant = same.length ? same : options.filter((each) => spaced(each).includes(word));
        return meant.length === 1 ? meant : null;
    }

    function number(text) {
        const match = text.match(NUMBER);
        if (!match) return null;
        const [, above, below, percent] = match,
            divisor = Number(below ?? 1);
        const value = divisor ? Number(above) / divisor / (percent ? 100 : 1) : Infinity;
        return Number.isFinite(value) ? value : null;
    }

    function digits(x, n) {
        if (!x) return "0";
        const [mantissa, exponent] = x
            .toExponential(n - 1)
            .split("e")
            .map(Number);
        return -5 < exponent && exponent < 5 ? String(Number(`${mantissa}e${exponent}`)) : `${mantissa}e${exponent}`;
    }

    // -- numbers

    function allowed(spec, values) {
        const rounding = ROUNDING * Math.max(...values.map(Math.abs));
        return values.map((value, i) => {
            const bound = spec.atol + spec.rtol * Math.abs(value) + SPREADS * (spec.spread?.[i] ?? 0);
            return Math.max(bound, halfOfTheThirdDigit(value)) + rounding;
        });
    }

    const whole = (value) => value === Math.floor(value);

    const halfOfTheThirdDigit = (value) =>
        whole(value) ? 0 : Number(`5e${Number(value.toExponential(6).split("e")[1]) - 3}`);

    function numbers(spec, given) {
        const expected = spec.values,
            bounds = allowed(spec, expected),
            offs = given.map((a, i) => Math.abs(a - expected[i])),
            right = offs.map((off, i) => off <= bounds[i]);
        if (right.every((ok) => ok)) return ["right", `Correct: ${error(given, expected)}.`];
        for (const [name, factor] of spec.units ?? []) {
            const values = expected.map((value) => factor * value);
            if (allNear(spec, given, values)) return ["right", `Correct, in ${name}.`];
        }
        const slip = spec.slips.find(([, values]) => allNear(spec, given, values))?.[0];
        if (slip) return ["wrong", slip];
        const close = expected.map(
            (e, i) => offs[i] <= Math.max(1e-3 * Math.abs(e), 2 * bounds[i]) || isCoarse(given[i], e),
        );
        if (close.every((ok) => ok)) return ["close", whatToDo(given, expected, bounds, right)];
        const coarse = spec.slips.find(([, values]) => given.every((a, i) => isCoarse(a, values[i])))?.[0];
        return ["wrong", coarse ?? pattern(spec, given) ?? distance(given, expected, right)];
    }

    function allNear(spec, given, values) {
        const bounds = allowed(spec, values);
        return given.every((a, i) => Math.abs(a - values[i]) <= bounds[i]);
    }

    function isCoarse(given, value) {
        const near = Math.abs(given - value) <= 0.1 * Math.abs(value) && !whole(value);
        return near && [1, 2].some((n) => given === Number(digits(given, n)) && digits(given, n) === digits(value, n));
    }

    function whatToDo(given, expected, bounds, right) {
        const first = right.indexOf(false);
        const [a, e, bound] = [given, expected, bounds].map((list) => list[first]);
        if (isCoarse(a, e)) return "give at least three digits";
        const off = Math.abs(a - e),
            size = Math.abs(e);
        let how;
        if (!size) how = `${digits(off, 2)}, and at most ${digits(bound, 2)} is allowed`;
        else if (bound > COARSEST * size)
            how = `${digits((100 * off) / size, 2)} %, and at most ${digits((100 * bound) / size, 2)} % is allowed`;
        else how = `${percent(off / size)} %: ${lacking(a, e)}`;
        const where = given.length === 1 ? "it" : `number ${first + 1}, which is ${digits(a, 6)},`;
        return `${where} is off by about ${how}`;
    }

    function lacking(given, value) {
        if (!whole(value)) return "three digits must be right";
        return whole(given) ? "count once more" : "the answer is a whole number";
    }

    function pattern(spec, given) {
        const expected = spec.values,
            sorted = (list) => [...list].sort((a, b) => a - b);
        if (given.length === 1) return null;
        if (allNear({ ...spec, spread: null }, sorted(given), sorted(expected)))
            return "these are the right numbers in the wrong order";
        const shift = given[0] - expected[0];
        if (given.every((a, i) => Math.abs(a - expected[i] - shift) <= ALIKE * Math.abs(shift))) {
            const side = shift > 0 ? "high" : "low";
            return `all entries are too ${side} by the same amount, about ${digits(Math.abs(shift), 1)}`;
        }
        const factor = expected.every((e) => e) ? given[0] / expected[0] : 0;
        const alike = (a, i) => Math.abs(a / expected[i] - factor) <= ALIKE * Math.abs(factor - 1);
        if (!factor || !given.every(alike)) return null;
        const size = Math.abs(factor),
            sign = factor < 0 ? ", and of the wrong sign" : "",
            side = size > 1 ? "large" : "small";
        const by =
            0.5 < size && size < 2
                ? `about ${percent(Math.abs(size - 1))} %`
                : `the same factor, about ${digits(Math.max(size, 1 / size), 1)}`;
        return `all entries are too ${side} by ${by}${sign}`;
    }

    function distance(given, expected, right) {
        const offs = given.map((a, i) => (right[i] ? 0 : Math.abs(a - expected[i]))),
            worst = offs.indexOf(Math.max(...offs));
        const a = given[worst],
            e = expected[worst],
            off = offs[worst],
            size = Math.abs(e);
        let how;
        if (!size) how = `is off by about ${digits(off, 1)}`;
        else if (a * e < 0) how = "has the wrong sign";
        else if (off < 9 * size && Math.abs(a) > 0.1 * size)
            how = `is too ${sideOf(a, e)}, by about ${percent(off / size)} %`;
        else how = `is much too ${sideOf(a, e)}`;
        const n = given.length,
            among = `${sum(right)} of ${n} are right; number ${worst + 1}, which is ${digits(a, 6)},`;
        return `${n === 1 ? "it" : among} ${how}`;
    }

    function sideOf(given, value) {
        if (value < 0) return given > value ? "near zero" : "far below zero";
        return given > value ? "high" : "low";
    }

    const percent = (ratio) => digits(100 * ratio, 1);

    function error(given, expected) {
        const relative = expected.every((value) => value);
        const worst = Math.max(
            ...given.map((a, i) => Math.abs(a - expected[i]) / (relative ? Math.abs(expected[i]) : 1)),
        );
        return `${given.length === 1 ? "" : "largest "}${relative ? "relative " : ""}error ${digits(worst, 1)}`;
    }

    // -- words, truth values and curves

    function words(spec, given) {
        const found = given.map(folded),
            right = spec.values.map((value, i) => found[i] === folded(value));
        if (right.every((ok) => ok)) return ["right", "Correct."];
        const slip = spec.slips.find(([, values]) => values.every((value, i) => found[i] === folded(value)))?.[0];
        return [
            "wrong",
            slip ?? (right.length === 1 ? "this is not it" : `${sum(right)} of ${right.length} are right`),
        ];
    }

    const folded = (word) =>
        typeof word === "string"
            ? word
                  .toLowerCase()
                  .replace(/\.+$/, "")
                  .split(/\s+/)
                  .filter((part) => part)
                  .join(" ")
            : word;

    function curve(spec, given) {
        const heights = (values) => spec.asked.map((i) => height(spec, values[i]));
        const drawn = given.map((value) => height(spec, value)),
            truth = heights(spec.values),
            off = meanDistance(drawn, truth);
        for (const [text, values] of spec.slips) {
            if (meanDistance(drawn, heights(values)) < Math.min(off, NEAR)) return ["wrong", text];
        }
        const share = `${digits(100 * off, 1)} % of the height of the axes on average`;
        if (off <= NEAR) return ["right", `Correct: your curve is within ${share}.`];
        const apart = drawn.map((a, i) => Math.abs(a - truth[i])),
            worst = apart.indexOf(Math.max(...apart));
        const side = drawn[worst] > truth[worst] ? "high" : "low",
            place = digits(spec.at[spec.asked[worst]], 4);
        return [
            off <= FAR ? "close" : "wrong",
            `your curve is off by ${share}, and most at ${place}, where it is too ${side}`,
        ];
    }

    function height(spec, value) {
        let [bottom, top] = spec.ylim;
        if (spec.log.includes("y")) {
            if (value <= 0) return 0;
            [value, bottom, top] = [value, bottom, top].map(Math.log10);
        }
        return Math.min(1, Math.max(0, (value - bottom) / (top - bottom)));
    }

    const meanDistance = (one, other) => sum(one.map((a, i) => Math.abs(a - other[i]))) / one.length;

    return { judgeText, judge, read, count, asked, digits };
})();
