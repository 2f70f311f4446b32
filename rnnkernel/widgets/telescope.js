import {number, tickmarks} from "./paper.js";

export function draw(shown, paper) {
  const {heads, forecasts, sums, boundaries, martingales, solutions, which_stickiness, step, n_all} = shown;
  const [left, right] = paper.halves(), steps = Array.from(heads, (_, k) => k), whole = [-0.5, n_all + 0.5];
  const u = solutions[which_stickiness].flat(), room = 0.12 * (Math.max(...u) - Math.min(...u));
  const span = [Math.min(...u) - room, Math.max(...u) + room], xticks = [0, 5, 10, 15, 20];
  const size = 1.1 * Math.max(2, ...[...sums, ...boundaries, ...martingales].map(Math.abs));
  const panels = paper.panel(left, {
    title: "The head start u, and its forecast", x: whole, y: span, xlabel: "step k", ylabel: "u", xticks,
    yticks: tickmarks(span),
  }, scales => steps.slice(1).map(k => {
    const surprise = k === step ? "predicted dashed thick" : "predicted dashed";
    return scales.line("muted", [k - 1, k], [heads[k - 1], forecasts[k]])
      + scales.line(surprise, [k, k], [forecasts[k], heads[k]]);
  }).join("")
    + scales.dots("data", steps, heads))
  + paper.panel(right, {
    title: "The sum and its parts", x: whole, y: [-size, size], xlabel: "step k", ylabel: "sum", xticks,
    yticks: tickmarks([-size, size]),
  }, scales => scales.line("muted", whole, [0, 0]) + scales.line("network thick", steps, sums)
    + scales.line("predicted dashed", steps, martingales) + scales.line("highlight", steps, boundaries));
  const value = name => number(name, shown[name]);
  return {panels, numbers: `${step ? `Step ${step} adds` : "The start has"} ${value("term")} = ${value("fall")}
    + ${value("surprise")}. So far the sum is ${value("total")} = boundary ${value("boundary")}
    + martingale ${value("martingale")}.`};
}
