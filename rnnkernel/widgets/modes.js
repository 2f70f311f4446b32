// The explorable `Modes`: what it computes is what Modes.compute does in Python, with the same kernels.
const explorable = {
  compute({call, array}, {time, mode, target, stickiness, learning_rate, chains, fixed}) {
    const {line, reach, moments, lives} = fixed, {eigenvalues, modes, targets} = chains[String(stickiness)];
    const {means, coefficients, floor, rest} = targets[target], n = eigenvalues.length, n_points = 2 * line.length;
    const vector = values => array([values.length], values);
    const chosen = values => vector(values.map((value, r) => mode === 0 || mode === r + 1 ? value : 0));
    const rates = vector(eigenvalues.map(value => learning_rate * value)), table = array([2, n, modes.length / 2 / n], modes);
    const points = [array([n_points], line.concat(line).map((_, k) => BigInt(k >= line.length)), BigInt64Array), vector(line.concat(line))];
    const functions = array([n_points, n]), kernel = array([n_points, n_points]), shares = array([n]);
    call("eigenfunctions", table, reach, ...points, functions);
    call("mercer", chosen(eigenvalues), functions, kernel);
    call("shares", rates, time, shares);
    const [forecast, part] = [vector(coefficients), chosen(coefficients)].map(each => {
      const out = array([n_points]);
      call("limit", rates, each, table, reach, vector(Array(n_points).fill(time)), ...points, out);
      return out;
    });
    const losses = array([moments.length]), parts = array([2]);
    call("loss", rates, vector(coefficients), rest, vector(moments), losses);
    call("loss", rates, chosen(coefficients), mode ? 0 : rest - floor, vector([0, time]), parts);
    return {
      line, lives, kernel, functions, forecast, part, means, rates, shares, moments, losses,
      loss: losses[moments.indexOf(time)], floor, holds: parts[0], left: parts[1],
    };
  },

  draw(result, {time, mode}, paper) {
    const {line, lives, kernel, functions, forecast, part, means, rates, shares, moments, losses, loss, floor, holds, left} = result;
    const shift = 0.62, n_shown = 4, n_points = 2 * line.length, n = shares.length; // from one input to the other; modes
    const width = paper.narrow ? paper.width : 0.46 * paper.width, height = paper.height / (paper.narrow ? 4 : 2);
    const corner = paper.narrow ? [[0, 0], [0, height], [0, 2 * height], [0, 3 * height]]
      : [[0, 0], [width, 0], [0, height], [paper.width - width, height]];
    const wide = paper.narrow ? width : paper.width - width;
    const along = line.concat(line.map(m => m + shift)), edge = (line[1] - line[0]) / 2;
    const marks = [0, 1].flatMap(i => [-0.2, 0, 0.2].map(m => [m + i * shift, m])), middle = [0, shift];
    const reach = [along[0] - edge, along.at(-1) + edge], at = i => `at x = ${i ? 1.5 : "−1"}`;
    const box = (role, [left, right], [low, high], rest = "") => scales => `<path class="area ${role}" ${rest}
      d="M${scales.at(left, low)}H${scales.X(right).toFixed(1)}V${scales.Y(high).toFixed(1)}H${scales.X(left).toFixed(1)}Z"/>`;
    const words = (x, y, text, anchor = "middle") => scales =>
      `<text x="${scales.X(x)}" y="${scales.Y(y)}" text-anchor="${anchor}">${text}</text>`;
    const blocks = (role, ys) => scales => [0, 1].map(i => {
      const part = [i * line.length, (i + 1) * line.length];
      return scales.line(role, along.slice(...part), ys.slice(...part));
    }).join("");
    const everywhere = inside => [0, 1].flatMap(i => lives.map(([low, high], before) => inside([low + i * shift, high + i * shift], means[2 * before + i])));
    const drawn = parts => scales => parts.map(each => each(scales)).join("");

    // The kernel: equal cells of a row are drawn as one, by shades of the two signs.
    const most = Math.max(...kernel.map(Math.abs)), shades = {};
    const shade = value => Math.sign(value) * Math.round(8 * Math.abs(value) / most);
    for (let row = 0; row < n_points; row++) {
      for (let start = 0, end; start < n_points; start = end) {
        const level = shade(kernel[row * n_points + start]), stop = start < line.length ? line.length : n_points;
        for (end = start + 1; end < stop && shade(kernel[row * n_points + end]) === level; end++);
        if (level) (shades[level] ??= []).push([row, start, end - 1]);
      }
    }
    const cells = scales => Object.entries(shades).map(([level, runs]) => `<path shape-rendering="crispEdges"
      class="area ${level > 0 ? "limit" : "network"}" fill-opacity="${Math.abs(level) / 9}" d="${runs.map(([row, start, end]) =>
        `M${scales.at(along[start] - edge, along[row] - edge)}H${scales.X(along[end] + edge).toFixed(1)}V${scales.Y(along[row] + edge).toFixed(1)}H${
          scales.X(along[start] - edge).toFixed(1)}Z`).join("")}"/>`).join("");
    const nearest = mark => along.reduce((best, each, k) => Math.abs(each - mark) < Math.abs(along[best] - mark) ? k : best, 0);
    const signs = marks.flatMap(([x]) => marks.map(([y]) => scales => `<text x="${scales.X(x)}" y="${scales.Y(y) + 4.5}"
      text-anchor="middle">${kernel[nearest(y) * n_points + nearest(x)] > 0 ? "+" : "−"}</text>`));

    const rows = Array.from({length: n_shown}, (_, r) => {
      const values = Array.from(along, (_, k) => functions[k * n + r]), size = Math.max(...values.map(Math.abs));
      const base = n_shown - 1 - r, role = mode === r + 1 ? "limit marked dashed" : "limit";
      return drawn([
        blocks("muted", along.map(() => base)), blocks(role, values.map(value => base + 0.4 * value / size)),
        box(role, [1, 1 + 0.6 * shares[r]], [base - 0.3, base - 0.1]),
        scales => scales.line("frame", [1, 1.6, 1.6, 1, 1], [-0.3, -0.3, -0.1, -0.1, -0.3].map(y => base + y)),
        words(1, base + 0.02, Number(rates[r].toPrecision(2)), "start"), words(1.6, base + 0.02, `${Math.round(100 * shares[r])} %`, "end"),
      ]);
    });
    const half = rates.slice(0, n_shown).map(rate => 1 / (2 * rate)), inTime = [moments[0], moments.at(-1)];
    const panels = paper.panel([...corner[0], width, height], {
      x: reach, y: reach, xlabel: "memory m " + at(0) + " | 1.5", ylabel: "x′, m′", xticks: marks, yticks: [[0, -1], [shift, 1.5]],
      title: mode ? `Kernel, its part in mode ${mode}` : "Kernel K(z, z′), z = (x, m)",
    }, drawn([cells, ...signs]))
    + paper.panel([...corner[1], wide, height], {
      x: reach, y: [-2, 2.7], xlabel: "memory m", ylabel: "forecast", xticks: marks, yticks: [-1, 0, 1, 2], title: "What is learned by now",
    }, drawn([
      ...everywhere((across, mean) => box("strip", across, [-2, 2.7])),
      ...middle.map((m, i) => words(m, 2.35, at(i))), blocks("limit", forecast), ...mode ? [blocks("marked dashed", part)] : [],
      ...everywhere((across, mean) => box("data", across, [mean - 0.04, mean + 0.04])),
    ]))
    + paper.panel([...corner[2], wide, height], {
      x: [reach[0], 1.62], y: [-0.5, n_shown - 0.1], xlabel: "memory m", ylabel: "mode", xticks: marks, yticks: rows.map((_, r) => [n_shown - 1 - r, r + 1]),
      title: "Modes",
    }, drawn([
      ...everywhere(across => box("strip", across, [-0.5, n_shown - 0.55])), ...rows,
      words(1, n_shown - 0.4, "αλ", "start"), words(1.6, n_shown - 0.4, "learned", "end"),
    ]))
    + paper.panel([...corner[3], width, height], {
      x: inTime, log: true, y: [0, 1.2], xlabel: "time t", ylabel: "loss", xticks: [0.01, 1, 100, 10000], yticks: [0, 0.5, 1], title: "Loss",
    }, drawn([
      ...Array.from(half, (t, r) => scales => scales.line(mode === r + 1 ? "marked dashed" : "muted", [t, t], [0, 0.97])),
      ...Array.from(half, (t, r) => words(t, r % 2 ? 1.1 : 1, r + 1)),
      scales => scales.line("bound", inTime, [floor, floor]) + scales.line("limit", moments, losses) + scales.dots("marked", [time], [loss]),
    ]));
    const number = (name, value) => `<b data-number="${name}">${(value < 1e-12 ? 0 : value).toPrecision(3).replace("-", "−")}</b>`;
    return {panels, numbers: `The loss is ${number("loss", loss)}, of which ${number("floor", floor)} can never be learned.
      ${mode ? `Mode ${mode}` : "All modes together"} held ${number("holds", holds)} of it at the start, and ${mode ? "holds" : "hold"} ${number("left", left)} now.`};
  },
};
