// The explorable `FixedPoint`: what it computes is what FixedPoint.compute does in Python, with the same kernels.
const explorable = {
  compute({call, array}, {contraction, input_size, step, n_steps, seed, nodes, weights, fixed}) {
    const {n_history, n_warm, n_bins, starts, cobweb, n_towards_end, coin} = fixed;
    const rule = [array([1, nodes.length], nodes), array([weights.length], weights.map(w => contraction * w))];
    const column = xs => array([xs.length, 1], xs);
    const remember = (xs, start) => {
      const path = array([xs.length + 1], [start]);
      call("remember", ...rule, column(xs), path);
      return path;
    };
    const phi = (xs, ms) => {
      const out = array([ms.length]);
      call("phi", ...rule, column(xs), array([ms.length], ms), out);
      return out;
    };
    const line = Float64Array.from({length: 161}, (_, k) => -cobweb + 2 * cobweb * k / 160);
    const states = array([n_warm + Math.max(n_steps, n_history)], [], BigInt64Array);
    call("walk", seed, array([2, 2], coin), states);
    const inputs = Float64Array.from(states, state => state ? input_size : -input_size);
    const [path, other] = starts.map(start => remember(inputs.slice(0, step), start));
    const reach = remember(Array(n_towards_end).fill(input_size), starts[1]).at(-1);
    const ends = phi([-input_size, input_size], [reach, -reach]), counts = array([n_bins]);
    call("histogram", remember(inputs.slice(0, n_warm + n_steps), 0).slice(n_warm + 1), 1.001 * reach, counts);
    return {
      line, graphs: [-input_size, input_size].map(x => phi(Array(161).fill(x), line)), inputs: inputs.slice(0, n_history),
      path, other, distance: Math.abs(path.at(-1) - other.at(-1)), bound: (starts[1] - starts[0]) * contraction ** step,
      reach, gap: ends[1] - ends[0], counts,
      empty: 100 * counts.filter(count => count === 0).length / n_bins,
    };
  },

  draw({line, graphs, inputs, path, other, distance, bound, reach, gap, counts, empty}, {step}, paper) {
    const limits = [line[0], line.at(-1)], all = [-1.5, -1, -0.5, 0, 0.5, 1, 1.5];
    const height = paper.narrow ? paper.height / 3 : 0.6 * paper.height, width = paper.narrow ? paper.width : paper.width / 2;
    const right = paper.narrow ? [0, height, width, height] : [width, 0, width, height];
    const below = paper.narrow ? [0, 2 * height, width, height] : [0, height, paper.width, paper.height - height];
    const both = [[path, "network"], [other, "network dashed"]];
    const twice = values => Array.from(values).flatMap(value => [value, value]);
    const steps = Array.from(inputs, (_, k) => k), edge = 1.001 * reach, most = Math.max(...counts);
    const panels = paper.panel([0, 0, width, height], {
      x: limits, y: limits, xlabel: "memory m", ylabel: "φ(x, m)", xticks: [-1, 0, 1], yticks: [-1, 0, 1],
    }, scales => scales.line("muted", limits, limits) + scales.line("limit dashed", line, graphs[0]) + scales.line("limit", line, graphs[1])
      + both.map(([values, role]) => scales.line(role, twice(values).slice(0, -1), twice(values).slice(1))).join("")
      + scales.dots("marked", [path.at(-1), other.at(-1)], [path.at(-1), other.at(-1)]))
    + paper.panel(right, {
      x: [-0.5, inputs.length + 0.5], y: limits, xlabel: "step k", ylabel: "memory", xticks: [0, 6, 12, 18, 24], yticks: [-1, 0, 1],
    }, scales => scales.dots("data", steps.slice(0, step), Array.from(inputs.slice(0, step), x => x > 0 ? 1.45 : -1.45))
      + both.map(([values, role]) => scales.line(role, steps.concat(inputs.length), values)
        + scales.dots("marked", [step], [values.at(-1)])).join(""))
    + paper.panel(below, {
      x: [-edge, edge], y: [0, 1.05 * most], xlabel: "memory in the long run", ylabel: "how often",
      xticks: [-reach, -reach / 2, 0, reach / 2, reach].map(v => Number(v.toPrecision(2))), yticks: [0, most],
    }, scales => {
      const at = i => scales.X(-edge + 2 * edge * i / counts.length).toFixed(2);
      const bars = Array.from(counts, (count, i) => `H${at(i)}V${scales.Y(count).toFixed(1)}H${at(i + 1)}`);
      return `<path class="area limit" d="M${at(0)} ${scales.Y(0)}${bars.join("")}V${scales.Y(0)}Z"/>`;
    });
    const number = (name, value) => `<b data-number="${name}">${value.toPrecision(3).replace("-", "−")}</b>`;
    return {panels, numbers: `After ${step} steps the two are ${number("distance", distance)} apart (at most ${number("bound", bound)}).
      The gap between the images of the two maps is ${number("gap", gap)}${gap > 0 ? "" : ": they overlap"}.
      Of the bins, ${number("empty", empty)} % are empty.`};
  },
};
