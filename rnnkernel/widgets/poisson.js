// The explorable `Poisson`: what it computes is what Poisson.compute does in Python, with the same kernels.
const explorable = {
  compute({call, array}, {f, stickiness, n_steps, seed, chains, rule, nodes, weights, fixed}) {
    const {inputs, centre, half, n_warm, n_paths, n_shown, all_stops, ranges} = fixed;
    const {mean, sigma, largest, deviation, ...solved} = chains[String(stickiness)][f];
    const table = rows => array([rows.length, rows[0].length], rows.flat()), P = table(chains[String(stickiness)].transition);
    const whole = array([n_warm + n_steps + 1], [], BigInt64Array), memory = array([whole.length]);
    call("walk", seed, P, whole);
    call("remember", array([1, nodes.length], nodes), array([weights.length], weights),
      array([whole.length - 1, 1], Float64Array.from(whole.slice(0, -1), state => inputs[Number(state)])), memory);
    const [sums, boundaries, martingales] = [0, 1, 2].map(() => array([n_steps + 1]));
    call("decompose", table(solved.f), table(solved.u), centre, half, P, whole.slice(n_warm), memory.slice(n_warm), sums, boundaries,
      martingales);
    const stops = all_stops.filter(stop => stop <= n_steps), errors = array([n_paths, stops.length]);
    call("averages", table(solved.f), table(rule), centre, half, P, n_warm, BigInt64Array.from(stops, BigInt), errors);
    const last = Float64Array.from({length: n_paths}, (_, i) => errors[(i + 1) * stops.length - 1]);
    const bounds = Float64Array.from(all_stops, stop => 2 * largest / stop + sigma / Math.sqrt(stop));
    const [total, boundary, martingale] = [sums, boundaries, martingales].map(each => each.at(-1));
    return {
      stops, average: Float64Array.from(stops, stop => mean + sums[stop] / stop),
      others: errors.slice(0, n_shown * stops.length).map(error => mean + error), limit: mean, range: ranges[f], all_stops, bounds,
      sums, boundaries, martingales, total, boundary, martingale, gap: Math.abs(total - boundary - martingale),
      strip: 2 * largest, sigma, error: Math.abs(total) / n_steps, bound: 2 * largest / n_steps + sigma / Math.sqrt(n_steps),
      rms: call("distance", last, new Float64Array(n_paths)), independent: deviation / Math.sqrt(n_steps),
      within: 100 * last.filter(error => Math.abs(error) <= 2 * sigma / Math.sqrt(n_steps)).length / n_paths,
    };
  },

  draw(result, {n_steps}, paper) {
    const {stops, average, others, limit, range, all_stops, bounds, sums, boundaries, martingales, strip, sigma, rms, gap} = result;
    const height = paper.narrow ? paper.height / 2 : paper.height, width = paper.narrow ? paper.width : paper.width / 2;
    const both = [-1, 1], longest = all_stops.at(-1);
    const size = 1.05 * Math.max(strip + sigma * Math.sqrt(n_steps), ...[...sums, ...martingales].map(Math.abs));
    const ticks = ([low, high]) => {
      const rough = (high - low) / 5, power = 10 ** Math.floor(Math.log10(rough)), step = power * [1, 2, 5, 10].find(each => power * each >= rough);
      const first = Math.ceil(low / step), count = Math.floor(high / step) - first + 1;
      return Array.from({length: count}, (_, i) => Number(((first + i) * step).toPrecision(3)));
    };
    const n_drawn = Math.min(n_steps, 300), drawn = Array.from({length: n_drawn + 1}, (_, r) => Math.round(r * n_steps / n_drawn));
    const panels = paper.panel([0, 0, width, height], {
      title: "Average of f", x: [1, longest], log: true, y: range, xlabel: "steps n", ylabel: "average",
      xticks: [1, 10, 100, 1000], yticks: ticks(range),
    }, scales => Array.from({length: others.length / stops.length}, (_, i) =>
      scales.line("faint", stops, others.slice(i * stops.length, (i + 1) * stops.length))).join("")
      + scales.line("limit", [1, longest], [limit, limit])
      + both.map(sign => scales.line("bound", all_stops, bounds.map(bound => limit + sign * bound))).join("")
      + scales.line("network thick", stops, average) + scales.dots("data", [n_steps, n_steps], both.map(sign => limit + sign * rms)))
    + paper.panel(paper.narrow ? [0, height, width, height] : [width, 0, width, height], {
      title: "Sum of f − μ(f)", x: [0, 1.04 * n_steps], y: [-size, size], xlabel: "steps n", ylabel: "sum",
      xticks: [0, n_steps / 2, n_steps], yticks: ticks([-size, size]),
    }, scales => `<path class="area strip" d="M${scales.at(0, strip)}H${scales.box.right}V${scales.Y(-strip)}H${scales.X(0)}Z"/>`
      + both.map(sign => scales.line("bound", drawn, drawn.map(k => sign * (strip + sigma * Math.sqrt(k))))).join("")
      + [["network thick", sums], ["predicted dashed", martingales], ["marked", boundaries]].map(([role, values]) =>
        scales.line(role, drawn, drawn.map(k => values[k]))).join(""));
    const number = name => {
      const value = result[name], digits = Math.abs(value) < 1e-9 ? "0" : Math.abs(value) < 1000 ? value.toPrecision(3) : value.toFixed(0);
      return `<b data-number="${name}">${digits.replace("-", "−")}</b>`;
    };
    const power = Array.from(String(-Math.ceil(Math.log10(gap))), digit => "⁰¹²³⁴⁵⁶⁷⁸⁹"[digit]).join("");
    return {panels, numbers: `Sum ${number("total")} = boundary ${number("boundary")} + martingale ${number("martingale")},
      ${gap ? `to within 10⁻${power}` : "exactly"}. The average of this seed errs by ${number("error")}, of 100 seeds by ${number("rms")}
      (root mean square). Bound: ${number("bound")}; rule for independent data: ${number("independent")}. σ = ${number("sigma")},
      and ${number("within")}\u00a0% of the seeds are within 2σ/√n.`};
  },
};
