// The explorable `Train`: what it computes is what Train.compute does in Python, with the same kernels.
const explorable = {
  compute({call, array}, {n_units, beta, learning_rate, stickiness, seed, paired, chains, nodes, weights, fixed}) {
    const {time, n_records, n_warm, n_forecast, inputs, at_memory, reach} = fixed;
    const {transition, eigenvalues, coefficients, modes} = chains[String(stickiness)], n_states = inputs.length;
    const x = array([n_states], inputs), n_steps = Math.round(time * n_units);
    const stops = array([n_records + 1], [], BigInt64Array).map((_, r) => BigInt(Math.floor(r * n_steps / n_records)));
    const losses = array([n_records]), predictions = array([n_records, n_states]), forecast = array([n_forecast]);
    const states = array([n_warm + n_forecast + 1], [], BigInt64Array);
    call("train", n_units, beta, learning_rate, Number(paired), seed, array([n_states, n_states], transition), x,
      array([n_states, 1], inputs), array([n_states], at_memory), stops, losses, predictions, states, forecast,
      array([3, n_units]));

    const exact = (times, at, memory) => {
      const out = array([at.length]);
      const n = eigenvalues.length, table = array([n_states, n, modes.length / n / n_states], modes);
      call("limit", array([n], eigenvalues), array([n], coefficients), table, reach, array([at.length], times.map(t => learning_rate * t)), at, array([at.length], memory), out);
      return out;
    };
    const each = (values, i) => Float64Array.from(values, () => at_memory[i]);
    const state = (values, i) => BigInt64Array.from(values, () => BigInt(i));
    const times = Float64Array.from(stops.slice(1), k => Number(k) / n_units);
    const moments = Float64Array.from({length: 81}, (_, k) => time * k / 80);
    const path = Float64Array.from(states, i => inputs[Number(i)]), held = array([path.length]);
    call("remember", array([1, nodes.length], nodes), array([weights.length], weights),
      array([path.length - 1, 1], path.slice(0, -1)), held);
    const situations = inputs.map((_, i) => ({
      network: Float64Array.from(times, (_, r) => predictions[n_states * r + i]),
      limit: exact(moments, state(moments, i), each(moments, i)),
      limit_then: exact(times, state(times, i), each(times, i)),
    }));
    const after = states.slice(n_warm, -1), limit_forecast = exact(Float64Array.from(after, () => time), after, held.slice(n_warm, -1));
    const apart = situations.map(({network, limit_then}) => call("distance", network, limit_then));
    return {
      times, moments, situations, forecast, limit_forecast, data: path.slice(n_warm + 1),
      learning_distance: Math.max(...apart), forecast_distance: call("distance", forecast, limit_forecast),
      losses,
    };
  },

  draw(result, {n_units, beta}, paper) {
    const {times, moments, situations, forecast, limit_forecast, data, learning_distance, forecast_distance} = result;
    const half = paper.narrow ? paper.height / 2 : paper.height, width = paper.narrow ? paper.width : paper.width / 2;
    const steps = Float64Array.from(forecast, (_, k) => k + 1);
    const panels = paper.panel([0, 0, width, half], {
      title: "While it learns", x: [0, moments.at(-1)], y: [-1.7, 1.7], xlabel: "time t = steps / N", ylabel: "forecast",
      xticks: [0, 1, 2, 3, 4], yticks: [-1.5, -1, -0.5, 0, 0.5, 1, 1.5],
    }, scales => scales.line("muted", [0, moments.at(-1)], [0, 0])
      + situations.map(each => scales.line("limit", moments, each.limit) + scales.dots("network", times, each.network)).join(""))
    + paper.panel(paper.narrow ? [0, half, width, half] : [width, 0, width, half], {
      title: "Then: one step ahead", x: [0.5, steps.length + 0.5], y: [-1.7, 1.7], xlabel: "step after learning", ylabel: "value",
      xticks: [1, 10, 20, 30, 40], yticks: [-1.5, -1, -0.5, 0, 0.5, 1, 1.5],
    }, scales => scales.dots("data", steps, data) + scales.line("limit", steps, limit_forecast)
      + scales.line("network", steps, forecast));
    const number = (name, value) => `<b data-number="${name}">${value.toPrecision(3)}</b>`;
    return {panels, numbers: `Distance of the network from the limit: ${number("learning_distance", learning_distance)} while it learns,
      ${number("forecast_distance", forecast_distance)} in its forecasts.`};
  },
};
