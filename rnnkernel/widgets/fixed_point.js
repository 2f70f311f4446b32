import {number} from "./paper.js";

export function draw(shown, paper) {
  const {line, graphs, inputs, path, other, step, gap, reach, edge, counts} = shown;
  const limits = [line[0], line.at(-1)], ticks = [-1, 0, 1], most = Math.max(...counts);
  const height = paper.narrow ? paper.height / 3 : 0.6 * paper.height;
  const width = paper.narrow ? paper.width : paper.width / 2;
  const right = paper.narrow ? [0, height, width, height] : [width, 0, width, height];
  const below = paper.narrow ? [0, 2 * height, width, height] : [0, height, paper.width, paper.height - height];
  const both = [[path, "network"], [other, "network dashed"]], now = [path.at(-1), other.at(-1)];
  const twice = values => Array.from(values).flatMap(value => [value, value]);
  const steps = Array.from(path, (_, k) => k), tosses = inputs.slice(0, step);
  const panels = paper.panel([0, 0, width, height], {
    x: limits, y: limits, xlabel: "memory m", ylabel: "φ(x, m)", xticks: ticks, yticks: ticks,
  }, scales => scales.line("muted", limits, limits)
    + scales.line("limit dashed", line, graphs[0]) + scales.line("limit", line, graphs[1])
    + both.map(([held, role]) => scales.line(role, twice(held).slice(0, -1), twice(held).slice(1))).join("")
    + scales.dots("highlight", now, now))
  + paper.panel(right, {
    x: [-0.5, inputs.length + 0.5], y: limits, xlabel: "step k", ylabel: "memory",
    xticks: [0, 6, 12, 18, 24], yticks: ticks,
  }, scales => scales.dots("data", steps, tosses.map(x => x > 0 ? 1.45 : -1.45))
    + both.map(([held, role]) => scales.line(role, steps, held)).join("")
    + scales.dots("highlight", [step, step], now))
  + paper.panel(below, {
    x: [-edge, edge], y: [0, 1.05 * most], xlabel: "memory in the long run", ylabel: "how often",
    xticks: [-reach, -reach / 2, 0, reach / 2, reach].map(v => Number(v.toPrecision(2))), yticks: [0, most],
  }, scales => {
    const at = i => scales.X(-edge + 2 * edge * i / counts.length).toFixed(2), floor = scales.Y(0);
    const bars = Array.from(counts, (count, i) => `H${at(i)}V${scales.Y(count).toFixed(1)}H${at(i + 1)}`);
    return `<path class="area limit" d="M${at(0)} ${floor}${bars.join("")}V${floor}Z"/>`;
  });
  return {panels, numbers: `After ${step} steps the two are ${number("distance", shown.distance)} apart
    (at most ${number("bound", shown.bound)}). The gap between the images of the two maps is
    ${number("gap", gap)}${gap > 0 ? "" : ": they overlap"}.
    Of the bins, ${number("empty", shown.empty)} % are empty.`};
}
