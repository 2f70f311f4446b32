import {number} from "./paper.js";

export function draw(shown, paper) {
  const {moments, times, network, limit, forecast, limit_forecast, data, span} = shown, [left, right] = paper.halves();
  const whole = [0, moments.at(-1)], steps = Float64Array.from(forecast, (_, k) => k + 1);
  const yticks = [-1.5, -1, -0.5, 0, 0.5, 1, 1.5];
  const panels = paper.panel(left, {
    title: "While it learns", x: whole, y: span, xlabel: "time t = steps / N", ylabel: "forecast",
    xticks: [0, 1, 2, 3, 4], yticks,
  }, scales => scales.line("muted", whole, [0, 0])
    + network.map((each, i) => scales.line("limit", moments, limit[i]) + scales.dots("network", times, each)).join(""))
  + paper.panel(right, {
    title: "Then: one step ahead", x: [0.5, steps.length + 0.5], y: span, xlabel: "step after learning",
    ylabel: "value", xticks: [1, 10, 20, 30, 40], yticks,
  }, scales => scales.dots("data", steps, data) + scales.line("limit", steps, limit_forecast)
    + scales.line("network", steps, forecast));
  return {panels, numbers: `Distance of the network from the limit:
    ${number("learning_distance", shown.learning_distance)} while it learns,
    ${number("forecast_distance", shown.forecast_distance)} in its forecasts.`};
}
