// Shows an explorable: its kernel runs in a worker, so that a slider never waits, and `draw` turns what the kernel
// gives, with sliders and data, into SVG.  While the worker is busy the last picture stays; of several moves only the
// last counts.
import {Paper} from "./paper.js";
import {python} from "./python.js";
import {share} from "./share.js";

// Stands in for the widget's model in a page without a kernel of Python.
export class PageModel extends EventTarget {
  constructor(state) {
    super();
    this.state = state;
  }

  get(name) { return this.state[name]; }

  set(name, value) {
    this.state[name] = value;
    this.dispatchEvent(new Event("change"));
  }

  on(name, listener) { this.addEventListener(name, listener); }
  off(name, listener) { this.removeEventListener(name, listener); }
  save_changes() {}
}

export function show(model, root, {kernel, worker: source, draw}) {
  const figure = root.matches("figure") ? root : root.querySelector("figure");
  const controls = model.get("_controls"), names = Object.keys(controls);
  const view = figure.querySelector(".rk-view"), still = view.getAttribute("aria-label");
  const inputs = Object.fromEntries(names.map(name => [name, figure.querySelector(`input[name="${name}"]`)]));
  const place = name => controls[name].values.indexOf(model.get(name));
  const values = () => Object.fromEntries(names.map(name => [name, model.get(name)]));
  const set = state => {
    for (const [name, value] of Object.entries(state)) {
      if (Object.hasOwn(controls, name) && controls[name].values.includes(value)) model.set(name, value);
    }
    model.save_changes();
  };
  const start = model.get("_start"), data = model.get("_data");
  const url = URL.createObjectURL(new Blob([source], {type: "text/javascript"}));
  let worker = null, running = null, waiting = false, shown = null, failed = false;

  function begin() {
    worker = new Worker(url); // from a file, browsers refuse workers that are modules
    worker.onmessage = received;
    worker.onerror = ({message}) => fail(message ?? "its worker did not start");
    worker.postMessage({kernel, data});
  }

  // Says what went wrong, and waits no longer.  If nothing was ever computed the still stays, and sliders rest.
  function fail(why) {
    failed = !shown;
    running = null;
    figure.removeAttribute("aria-busy");
    figure.dataset.failed = "";
    for (const name of names) inputs[name].disabled = failed;
    const rest = failed ? " The picture shows where its sliders began." : "";
    figure.querySelector(".rk-numbers").textContent = `This figure cannot be computed here (${why}).${rest}`;
  }

  function texts() {
    return names.map(name => controls[name].texts[place(name)]);
  }

  function update() {
    const now = texts();
    names.forEach((name, i) => {
      const input = inputs[name];
      if (Number(input.value) !== place(name)) input.value = place(name);
      input.setAttribute("aria-valuetext", now[i]);
      figure.querySelector(`output[for="${input.id}"]`).value = now[i];
    });
    const words = names.map((name, i) => `${controls[name].label}: ${now[i]}`);
    figure.querySelector(".rk-state").textContent = words.join(", ");
    waiting = running !== null;
    if (waiting || failed) return;
    running = {...values(), ...Object.fromEntries(names.map(name => [`which_${name}`, place(name)]))};
    figure.setAttribute("aria-busy", "true");
    worker.postMessage(running);
  }

  function received({data: result}) {
    shown = {...data, ...running, ...result};
    figure.rkResult = result;
    running = null;
    delete figure.dataset.failed;
    try {
      paint();
    } catch (problem) {
      fail(problem.message);
    }
    if (waiting) {
      update();
    } else {
      figure.removeAttribute("aria-busy");
      figure.dataset.ready = "";
    }
  }

  function paint() {
    if (!shown) return;
    const width = view.clientWidth, height = view.clientHeight;
    if (!width) return;
    const {panels, numbers} = draw(shown, new Paper(width, height, inputs[names[0]].id));
    const size = `width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"`; // paper is narrower
    view.innerHTML = `<svg xmlns="http://www.w3.org/2000/svg" ${size}>${panels}</svg>`;
    figure.querySelector(".rk-numbers").innerHTML = numbers;
    follow();
    view.setAttribute("aria-label", `${still} (${figure.querySelector(".rk-state").textContent})`);
  }

  const follow = python(figure, () => names.map(name => `${name}=${controls[name].python[place(name)]}`).join(", "));
  for (const name of names) {
    inputs[name].addEventListener("input", () => set({[name]: controls[name].values[Number(inputs[name].value)]}));
    inputs[name].addEventListener("keydown", event => event.stopPropagation()); // JupyterLab would take the arrow keys
    model.on(`change:${name}`, update);
  }
  model.on("change", update);
  figure.querySelector(".rk-reset").addEventListener("click", () => set(start));
  const resized = new ResizeObserver(paint);
  resized.observe(view);
  const button = figure.querySelector(".rk-play");
  const pause = button && play(figure, button, inputs[button.value]);
  try {
    begin();
  } catch (problem) {
    fail(problem.message);
  }
  share(figure, figure.dataset.widget, values, set);
  update();
  return () => {
    pause?.();
    worker?.terminate();
    URL.revokeObjectURL(url);
    resized.disconnect();
    model.off("change", update);
  };
}

// A button that moves a slider to its end, smoothly, or where motion is unwelcome in few still pictures.
function play(figure, button, slider) {
  const calm = matchMedia("(prefers-reduced-motion: reduce)"), numbers = figure.querySelector(".rk-numbers");
  let timer = null;
  const pause = () => {
    clearInterval(timer);
    timer = null;
    button.textContent = "Play";
    numbers.removeAttribute("aria-live");
  };
  const move = position => {
    slider.value = position;
    slider.dispatchEvent(new Event("input"));
  };
  button.addEventListener("click", () => {
    if (timer !== null) {
      pause();
      return;
    }
    const [stride, pace] = calm.matches ? [10, 1000] : [1, 90];
    button.textContent = "Pause";
    numbers.setAttribute("aria-live", "off"); // a screen reader would read every picture out
    if (slider.value === slider.max) move(slider.min);
    timer = setInterval(() => {
      move(Number(slider.value) + stride);
      if (slider.value === slider.max) pause();
    }, pace);
  });
  slider.addEventListener("input", event => { if (event.isTrusted) pause(); }); // a hand on it wins
  figure.querySelector(".rk-reset").addEventListener("click", pause);
  return pause;
}
