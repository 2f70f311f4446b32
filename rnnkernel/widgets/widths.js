import {number} from "./paper.js";

export function draw(shown, paper) {
  const {units, errors, rms, low, high, predicted, range, n_seeds} = shown, whole = [8, 400];
  const panels = paper.panel([0, 0, paper.width, paper.height], {
    title: n_seeds === 1 ? "One network of each width" : `${n_seeds} networks of each width`, x: whole, log: true,
    y: range, high: true, xlabel: "width N", ylabel: "error at t = 2", xticks: units, yticks: [0.01, 0.1, 1],
  }, scales => errors.map(each => scales.dots("muted small", units, each)).join("")
    + scales.line("predicted dashed", units, predicted)
    + units.map((n, j) => scales.line("network thick", [n, n], [Math.max(low[j], range[0] / 2), high[j]])).join("")
    + scales.dots("network large", units, rms));
  return {panels, numbers: `The error of the widest networks is ${number("widest", shown.widest)}
    (law of the error: ${number("foreseen", shown.foreseen)}). Between the six widths it falls with exponent
    ${number("exponent", shown.exponent)} (${number("expected", shown.expected)}).`};
}
