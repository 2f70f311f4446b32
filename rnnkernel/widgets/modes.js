import {number} from "./paper.js";

export function draw(shown, paper) {
  const {line, lives, inputs, shift, n_shown, moments, time, mode, panels: which} = shown;
  const {kernel, functions, forecast, part, means, rates, shares, losses, loss, floor} = shown;
  const [left, right] = paper.halves();
  const named = inputs.map(x => String(x).replace("-", "−")), from = inputs.map((_, i) => i * shift);
  const along = from.flatMap(start => line.map(m => start + m)), edge = (line[1] - line[0]) / 2;
  const marks = from.flatMap(start => [-0.2, 0, 0.2].map(m => [start + m, m]));
  const reach = [along[0] - edge, along.at(-1) + edge], whole = [moments[0], moments.at(-1)];

  const drawn = parts => scales => parts.flat().map(each => each(scales)).join("");
  const curve = (role, xs, ys) => scales => scales.line(role, xs, ys);
  const area = (role, across, up) => scales => `<path class="area ${role}" d="${scales.box_of(across, up)}"/>`;
  const words = (x, y, text, anchor = "middle", down = 0) => scales =>
    `<text x="${scales.X(x)}" y="${scales.Y(y) + down}" text-anchor="${anchor}">${text}</text>`;
  const blocks = (role, ys) => from.map((_, i) => {
    const block = [i * line.length, (i + 1) * line.length];
    return curve(role, along.slice(...block), ys.slice(...block));
  });
  const everywhere = inside => from.flatMap((start, i) =>
    lives.map(([low, high], before) => inside([start + low, start + high], means[inputs.length * before + i])));

  const nearest = mark => along.reduce(
    (best, each, k) => Math.abs(each - mark) < Math.abs(along[best] - mark) ? k : best, 0);
  const signs = marks.flatMap(([x]) => marks.map(([y]) =>
    words(x, y, kernel[nearest(y)][nearest(x)] > 0 ? "+" : "−", "middle", 4.5)));
  const rows = Array.from({length: n_shown}, (_, r) => {
    const values = functions.map(each => each[r]), size = Math.max(...values.map(Math.abs)), base = n_shown - 1 - r;
    const bar = [base - 0.3, base - 0.1], role = mode === r + 1 ? "limit highlight dashed" : "limit";
    return [
      blocks("muted", along.map(() => base)),
      blocks(role, values.map(value => base + 0.4 * value / size)),
      area(role, [1, 1 + 0.6 * shares[r]], bar),
      curve("frame", [1, 1.6, 1.6, 1, 1], [bar[0], bar[0], bar[1], bar[1], bar[0]]),
      words(1, base + 0.02, Number(rates[r].toPrecision(2)), "start"),
      words(1.6, base + 0.02, `${Math.round(100 * shares[r])} %`, "end"),
    ].flat();
  });
  const half = Array.from(rates.slice(0, n_shown), rate => 1 / (2 * rate));

  const learned = () => paper.panel(left, {
    title: "What is learned by now", x: reach, y: [-2, 2.7], xlabel: "memory m", ylabel: "forecast",
    xticks: marks, yticks: [-1, 0, 1, 2],
  }, drawn([
    everywhere(across => area("strip", across, [-2, 2.7])),
    from.map((start, i) => words(start, 2.35, `at x = ${named[i]}`)),
    blocks("limit", forecast), mode ? blocks("highlight dashed", part) : [],
    everywhere((across, mean) => area("data", across, [mean - 0.04, mean + 0.04])),
  ]))
  + paper.panel(right, {
    title: "Loss", x: whole, log: true, y: [0, 1.2], xlabel: "time t", ylabel: "loss",
    xticks: [0.01, 1, 100, 10000], yticks: [0, 0.5, 1],
  }, drawn([
    half.map((t, r) => curve(mode === r + 1 ? "highlight dashed" : "muted", [t, t], [0, 0.97])),
    half.map((t, r) => words(t, r % 2 ? 1.1 : 1, r + 1)),
    curve("bound", whole, [floor, floor]), curve("limit", moments, losses),
    scales => scales.dots("highlight", [time], [loss]),
  ]));
  const inParts = () => paper.panel(left, {
    title: mode ? `Kernel, its part in mode ${mode}` : "Kernel K(z, z′), z = (x, m)", x: reach, y: reach,
    xlabel: `memory m at x = ${named.join(" | ")}`, ylabel: "x′, m′",
    xticks: marks, yticks: from.map((start, i) => [start, inputs[i]]),
  }, drawn([heat(kernel, along, edge, line.length), signs]))
  + paper.panel(right, {
    title: "Modes", x: [reach[0], 1.62], y: [-0.5, n_shown - 0.1], xlabel: "memory m", ylabel: "mode",
    xticks: marks, yticks: rows.map((_, r) => [n_shown - 1 - r, r + 1]),
  }, drawn([
    everywhere(across => area("strip", across, [-0.5, n_shown - 0.55])), rows.flat(),
    words(1, n_shown - 0.4, "αλ", "start"), words(1.6, n_shown - 0.4, "learned", "end"),
  ]));
  const value = name => number(name, shown[name] < 1e-12 ? 0 : shown[name]);
  const held = of => `${mode ? `Mode ${mode}` : "All modes together"} held ${value("holds")} of ${of} at the start,
    and ${mode ? "holds" : "hold"} ${value("left")} now.`;
  if (which === "kernel") return {panels: inParts(), numbers: held("the loss")};
  return {panels: learned(), numbers: `The loss is ${value("loss")}, of which ${value("floor")} can never be learned.
    ${held("it")}`};
}

// The kernel as a heat map, by shades of the two signs: equal cells of a row are drawn as one, within a block.
function heat(kernel, along, edge, block) {
  const most = Math.max(...kernel.map(row => Math.max(...row.map(Math.abs)))), shades = {};
  const shade = value => Math.sign(value) * Math.round(8 * Math.abs(value) / most);
  kernel.forEach((row, k) => {
    for (let start = 0, end = 0; start < row.length; start = end) {
      const level = shade(row[start]), stop = start < block ? block : row.length;
      for (end = start + 1; end < stop && shade(row[end]) === level; end++);
      if (level) (shades[level] ??= []).push([[start, end - 1], k]);
    }
  });
  return scales => Object.entries(shades).map(([level, runs]) => {
    const cells = runs.map(([[start, end], k]) =>
      scales.box_of([along[start] - edge, along[end] + edge], [along[k] - edge, along[k] + edge]));
    const look = `class="area ${level > 0 ? "limit" : "network"}" fill-opacity="${Math.abs(level) / 9}"`;
    return `<path shape-rendering="crispEdges" ${look} d="${cells.join("")}"/>`;
  }).join("");
}
