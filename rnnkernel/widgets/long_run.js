import {number} from "./paper.js";

export function draw({counts, edge, reach, gap, empty, mean}, paper) {
  const most = Math.max(...counts), ticks = [-reach, -reach / 2, 0, reach / 2, reach];
  const panels = paper.panel([0, 0, paper.width, paper.height], {
    x: [-edge, edge], y: [0, 1.05 * most], xlabel: "memory in the long run", ylabel: "how often",
    xticks: ticks.map(v => Number(v.toPrecision(2))), yticks: [0, most],
  }, scales => {
    const at = i => scales.X(-edge + 2 * edge * i / counts.length).toFixed(2), floor = scales.Y(0);
    const bars = Array.from(counts, (count, i) => `H${at(i)}V${scales.Y(count).toFixed(1)}H${at(i + 1)}`);
    return `<path class="area limit" d="M${at(0)} ${floor}${bars.join("")}V${floor}Z"/>`;
  });
  return {panels, numbers: `The gap between the images of the two maps is ${number("gap", gap)}${
    gap > 0 ? "" : ": they overlap"}. Of the bins, ${number("empty", empty)} % are empty.
    The mean of memory is ${number("mean", mean)}.`};
}
