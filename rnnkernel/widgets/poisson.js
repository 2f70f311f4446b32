import {number, tickmarks} from "./paper.js";

export function draw(shown, paper) {
  const {n_steps, which_f, ranges, average, others, limit, bounds, rms, strip, sigma, gap} = shown;
  const {sums, boundaries, martingales} = shown, [left, right] = paper.halves(), range = ranges[which_f];
  const stops = shown.stops.slice(0, average.length), whole = [1, shown.stops.at(-1)], both = [-1, 1];
  const n_drawn = Math.min(n_steps, 300);
  const drawn = Array.from({length: n_drawn + 1}, (_, r) => Math.round(r * n_steps / n_drawn));
  const size = 1.05 * Math.max(strip + sigma * Math.sqrt(n_steps), ...[...sums, ...martingales].map(Math.abs));
  const panels = paper.panel(left, {
    title: "Average of f", x: whole, log: true, y: range, xlabel: "steps n", ylabel: "average",
    xticks: [1, 10, 100, 1000], yticks: tickmarks(range),
  }, scales => others.map(each => scales.line("faint", stops, each)).join("")
    + scales.line("limit", whole, [limit, limit])
    + both.map(sign => scales.line("bound", shown.stops, bounds.map(bound => limit + sign * bound))).join("")
    + scales.line("network thick", stops, average)
    + scales.dots("data", [n_steps, n_steps], both.map(sign => limit + sign * rms)))
  + paper.panel(right, {
    title: "Sum of f − μ(f)", x: [0, 1.04 * n_steps], y: [-size, size], xlabel: "steps n", ylabel: "sum",
    xticks: [0, n_steps / 2, n_steps], yticks: tickmarks([-size, size]),
  }, scales => {
    const curve = (role, at) => scales.line(role, drawn, drawn.map(at));
    const corner = `M${scales.at(0, strip)}H${scales.box.right}V${scales.Y(-strip)}H${scales.X(0)}Z`;
    return `<path class="area strip" d="${corner}"/>`
      + both.map(sign => curve("bound", k => sign * (strip + sigma * Math.sqrt(k)))).join("")
      + curve("network thick", k => sums[k]) + curve("predicted dashed", k => martingales[k])
      + curve("highlight", k => boundaries[k]);
  });
  const value = name => number(name, shown[name], digits(shown[name]));
  const power = Array.from(String(-Math.ceil(Math.log10(gap))), digit => "⁰¹²³⁴⁵⁶⁷⁸⁹"[digit]).join("");
  const law = sigma ? `σ = ${value("sigma")}, and ${value("within")}\u00a0% of the seeds are within 2σ/√n.`
    : `σ = ${value("sigma")}: the martingale is zero, the sum is its boundary alone, and averages err like 1/n.`;
  return {panels, numbers: `Sum ${value("total")} = boundary ${value("boundary")} + martingale ${value("martingale")},
    ${gap ? `to within 10⁻${power}` : "exactly"}. Over ${shown.n_paths} seeds their root mean squares are
    ${value("rms_boundary")} and ${value("rms_martingale")}, their correlation ${value("correlation")}.
    The average of this seed errs by ${value("error")}, of all by ${value("rms")} (root mean square).
    Bound: ${value("bound")}; rule for independent data: ${value("independent")}. ${law}`};
}

function digits(value) {
  if (Math.abs(value) < 1e-9) return "0";
  return Math.abs(value) < 1000 ? value.toPrecision(3) : value.toFixed(0);
}
