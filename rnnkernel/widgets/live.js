// Shows an explorable: {compute(kernels, state) -> arrays and numbers, draw(result, state, paper) -> SVG}.  `compute` runs in a
// worker, so that a slider never waits; while it runs the last picture stays, and of several moves only the last counts.

// Stands in for the widget's model in a page without a kernel.
class PageModel extends EventTarget {
  constructor(state) { super(); this.state = state; }
  get(name) { return this.state[name]; }
  set(name, value) { this.state[name] = value; this.dispatchEvent(new Event("change")); }
  on(name, listener) { this.addEventListener(name, listener); }
  off(name, listener) { this.removeEventListener(name, listener); }
  save_changes() {}
}

function show(model, root, {compute, draw}) {
  const figure = root.matches("figure") ? root : root.querySelector("figure");
  const controls = model.get("_controls"), names = Object.keys(controls);
  const view = figure.querySelector(".rk-view"), still = view.getAttribute("aria-label");
  const inputs = Object.fromEntries(names.map(name => [name, figure.querySelector(`input[name="${name}"]`)]));
  const values = () => Object.fromEntries(names.map(name => [name, model.get(name)]));
  const set = state => {
    for (const [name, value] of Object.entries(state)) if (controls[name]?.values.includes(value)) model.set(name, value);
    model.save_changes();
  };
  const start = model.get("_start");
  const source = `${load}\nconst {compute} = {${compute}};\nconst ready = load(${JSON.stringify(KERNELS)});
    onmessage = async ({data}) => postMessage(compute(await ready, data));`;
  const url = URL.createObjectURL(new Blob([source], {type: "text/javascript"}));
  const worker = new Worker(url);
  const data = model.get("_data");
  let running = null, waiting = false, shown = null;

  function texts() {
    return names.map(name => controls[name].texts[controls[name].values.indexOf(model.get(name))]);
  }

  function update() {
    const now = texts();
    names.forEach((name, i) => {
      const input = inputs[name], index = controls[name].values.indexOf(model.get(name));
      if (Number(input.value) !== index) input.value = index;
      input.setAttribute("aria-valuetext", now[i]);
      figure.querySelector(`output[for="${input.id}"]`).value = now[i];
    });
    figure.querySelector(".rk-state").textContent = names.map((name, i) => `${controls[name].label}: ${now[i]}`).join(", ");
    if (running) { waiting = true; return; }
    running = values();
    figure.setAttribute("aria-busy", "true");
    worker.postMessage({...running, ...data});
  }

  worker.onmessage = ({data: result}) => {
    shown = {result, state: running};
    figure.rkResult = result;
    running = null;
    paint();
    if (waiting) { waiting = false; update(); } else { figure.removeAttribute("aria-busy"); figure.dataset.ready = ""; }
  };
  worker.onerror = event => {
    figure.querySelector(".rk-numbers").textContent = `This figure cannot be computed here (${event.message ?? "no worker"}).`;
  };

  function paint() {
    if (!shown) return;
    const width = view.clientWidth, height = view.clientHeight;
    if (!width) return;
    const {panels, numbers} = draw(shown.result, shown.state, new Paper(width, height, inputs[names[0]].id));
    view.innerHTML = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${panels}</svg>`;
    figure.querySelector(".rk-numbers").innerHTML = numbers;
    view.setAttribute("aria-label", `${still} (${figure.querySelector(".rk-state").textContent})`);
  }

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
  share(figure, figure.dataset.widget, values, set);
  update();
  return () => { pause?.(); worker.terminate(); URL.revokeObjectURL(url); resized.disconnect(); model.off("change", update); };
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
  const move = position => { slider.value = position; slider.dispatchEvent(new Event("input")); };
  button.addEventListener("click", () => {
    if (timer !== null) { pause(); return; }
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

// What pictures are made of: panels with axes, lines, dots and steps, in the colours of live.css.
class Paper {
  constructor(width, height, name) { Object.assign(this, {width, height, name, narrow: width < 560}); }

  // A panel in the box [left, top, width, height]; `inside` gets its scales and returns what is drawn
  // within the frame.  Its x axis is logarithmic if `log`.  A tick is a value, or a place and what stands there.
  panel([left, top, width, height], {x, y, log = false, title = "", xlabel, ylabel, xticks, yticks}, inside) {
    const box = {left: left + 46, right: left + width - 12, top: top + (title ? 26 : 10), bottom: top + height - 42};
    const along = log ? Math.log10 : Number, [start, end] = x.map(along);
    const X = v => box.left + (along(v) - start) / (end - start) * (box.right - box.left);
    const Y = v => box.bottom - (v - y[0]) / (y[1] - y[0]) * (box.bottom - box.top);
    const clip = `${this.name}-${Math.round(left)}-${Math.round(top)}`, minus = v => String(v).replace("-", "−");
    const places = given => given.map(v => Array.isArray(v) ? v : [v, v]);
    const ticks = places(xticks).map(([v, text]) => `<path class="axis" d="M${X(v)} ${box.bottom}v5"/>
      <text x="${X(v)}" y="${box.bottom + 19}" text-anchor="middle">${minus(text)}</text>`).join("")
      + places(yticks).map(([v, text]) => `<path class="axis" d="M${box.left} ${Y(v)}h-5"/>
      <text x="${box.left - 8}" y="${Y(v) + 4.5}" text-anchor="end">${minus(text)}</text>`).join("");
    const middle = (box.top + box.bottom) / 2;
    return `<clipPath id="${clip}"><rect x="${box.left}" y="${box.top}" width="${box.right - box.left + 4}"
      height="${box.bottom - box.top}"/></clipPath><g clip-path="url(#${clip})">${inside(new Scales(X, Y, box))}</g>
      <path class="axis" d="M${box.left} ${box.top}V${box.bottom}H${box.right}"/>${ticks}
      <text x="${(box.left + box.right) / 2}" y="${box.bottom + 37}" text-anchor="middle">${xlabel}</text>
      <text transform="translate(${left + 13} ${middle}) rotate(-90)" text-anchor="middle">${ylabel}</text>
      <text x="${box.left}" y="${top + 15}" class="title">${title}</text>`;
  }
}

class Scales {
  constructor(X, Y, box) { Object.assign(this, {X, Y, box}); }
  at(x, y) { return `${this.X(x).toFixed(1)} ${this.Y(y).toFixed(1)}`; }
  line(role, xs, ys) {
    let path = "";
    for (let k = 0; k < ys.length; k++) path += (k ? "L" : "M") + this.at(xs[k], ys[k]);
    return `<path class="line ${role}" d="${path}"/>`;
  }
  dots(role, xs, ys) {
    let path = "";
    for (let k = 0; k < ys.length; k++) path += `M${this.at(xs[k], ys[k])}h0`;
    return `<path class="dots ${role}" d="${path}"/>`;
  }
}
