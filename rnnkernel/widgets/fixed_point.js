import {number} from "./paper.js";

export function draw(shown, paper) {
  const {line, graphs, inputs, path, other, backward, backward_other, step, met, panels: which} = shown;
  const limits = [line[0], line.at(-1)], ticks = [-1, 0, 1], [left, right] = paper.halves();
  const steps = Array.from(path, (_, k) => k), all = [-0.5, inputs.length + 0.5], tosses = Array.from(inputs);
  const twice = values => Array.from(values).flatMap(value => [value, value]);
  const roles = ["network", "network dashed"];
  const moves = (scales, held) => held.map((each, i) => scales.line(roles[i], steps, each)).join("")
    + scales.dots("highlight", [step, step], held.map(each => each.at(-1)));
  const against = (box, words, held, seen) => paper.panel(box, {
    x: all, y: limits, xticks: [0, 6, 12, 18, 24], yticks: ticks, ylabel: "memory", ...words,
  }, scales => scales.dots("data", ...seen) + moves(scales, held));
  const heights = values => values.map(x => x > 0 ? 1.45 : -1.45);
  if (which === "order") {
    const first = [steps.slice(1), heights(tosses.slice(0, step))];
    const last = [steps.slice(1), heights(tosses.reverse().slice(0, step))];
    const panels = against(left, {title: "The first k inputs", xlabel: "inputs k"}, [path, other], first)
      + against(right, {title: "The last k inputs", xlabel: "inputs k"}, [backward, backward_other], last);
    return {panels, numbers: `With the first ${step} inputs, the last of them moved memory by
      ${number("forward_move", shown.forward_move)}; with the last ${step}, the oldest of them moved it by
      ${number("backward_move", shown.backward_move)}.`};
  }
  const both = [[path, roles[0]], [other, roles[1]]], now = [path.at(-1), other.at(-1)];
  const panels = paper.panel(left, {
    x: limits, y: limits, xlabel: "memory m", ylabel: "φ(x, m)", xticks: ticks, yticks: ticks,
  }, scales => scales.line("muted", limits, limits)
    + scales.line("limit dashed", line, graphs[0]) + scales.line("limit", line, graphs[1])
    + both.map(([held, role]) => scales.line(role, twice(held).slice(0, -1), twice(held).slice(1))).join("")
    + scales.dots("highlight", now, now))
  + against(right, {xlabel: "step k"}, [path, other], [steps.slice(0, step), heights(tosses.slice(0, step))]);
  return {panels, numbers: `After ${step} steps the two are ${number("distance", shown.distance)} apart
    (at most ${number("bound", shown.bound)}). ${met < 0 ? "They do not come within a thousandth in 1000 steps."
      : `They come within a thousandth at step ${number("met", met, String(met))}.`}`};
}
