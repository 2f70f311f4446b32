import {number} from "./paper.js";

export function draw(shown, paper) {
  const {path, other, met, apart, distances, bounds, step, n_pairs} = shown, [left, right] = paper.halves();
  const steps = Array.from(apart, (_, k) => k), whole = [-0.5, steps.length - 0.5], xticks = [0, 5, 10, 15, 20];
  const walk = (scales, role, states) => scales.line(role, [...states].flatMap((_, k) => [k - 0.5, k + 0.5]),
    [...states].flatMap(state => [state, state]));
  const half = share => 1.96 * Math.sqrt(share * (1 - share) / n_pairs), least = 1e-3;
  const seen = steps.filter(k => apart[k] > 0);
  const panels = paper.panel(left, {
    title: "One pair", x: whole, y: [-0.3, 2.3], xlabel: "step k", ylabel: "state", xticks, yticks: [0, 1, 2],
  }, scales => walk(scales, "network thick", path) + walk(scales, "network dashed", other)
    + scales.dots("highlight", [step, step], [path.at(-1), other.at(-1)]))
  + paper.panel(right, {
    title: `Of ${n_pairs} pairs`, x: whole, y: [least, 1.4], high: true, xlabel: "step k", ylabel: "share",
    xticks, yticks: [1, 0.1, 0.01],
  }, scales => scales.line("limit", steps, distances) + scales.line("bound", steps, bounds)
    + seen.map(k => scales.line("data", [k, k],
      [Math.max(apart[k] - half(apart[k]), least / 2), apart[k] + half(apart[k])])).join("")
    + scales.dots("data", seen, seen.map(k => apart[k]))
    + scales.dots("highlight", [step], [distances[step]]));
  const last = steps.length - 1;
  return {panels, numbers: `${met < 0 ? `This pair does not meet in ${last} steps.`
    : `This pair meets at step ${number("met", met, String(met))}.`}
    At step ${step} a share ${number("not_met", shown.not_met)} of all pairs have not met;
    their laws are ${number("distance", shown.distance)} apart, and at most ${number("bound", shown.bound)}.`};
}
