// Brings the rk.explore figures of a static page to life.  A frame is the first frame with some attributes changed
// (or some children replaced); the frames stand in the figure's JSON, and nothing else is loaded.
import {share} from "./share.js";

const namespace = "http://www.w3.org/2000/svg";

function children(markup) {
  const holder = document.createElement("div");
  holder.innerHTML = `<svg xmlns="${namespace}">${markup}</svg>`;
  return [...holder.firstChild.childNodes];
}

function revive(figure) {
  const data = figure.querySelector("script[type='application/json']");
  if (!data) return; // JupyterLab takes the scripts out of notebooks it does not trust
  const {start, texts, frames, pool} = JSON.parse(data.textContent);
  const view = figure.querySelector(".rk-view"), state = figure.querySelector(".rk-state");
  const all = selector => [...figure.querySelectorAll(selector)];
  const inputs = all("input"), outputs = all("output"), labels = all("label").map(label => label.textContent);
  const still = view.firstElementChild, alt = view.getAttribute("aria-label");

  function show() {
    let index = 0;
    inputs.forEach((input, i) => {
      const text = texts[i][input.value];
      outputs[i].value = text;
      input.setAttribute("aria-valuetext", text);
      index = index * texts[i].length + Number(input.value);
    });
    const svg = still.cloneNode(true), nodes = [svg, ...svg.querySelectorAll("*")];
    for (const [node, name, value] of frames[index]) {
      if (name) nodes[node].setAttribute(name, pool[value]);
      else nodes[node].replaceChildren(...children(value.map(i => pool[i]).join("")));
    }
    view.replaceChildren(svg);
    state.textContent = inputs.map((input, i) => `${labels[i]}: ${texts[i][input.value]}`).join(", ");
    view.setAttribute("aria-label", `${alt} (${state.textContent})`);
  }

  function set(wanted) { // texts by slider
    inputs.forEach((input, i) => {
      const place = texts[i].indexOf(wanted[input.name]);
      if (place >= 0) input.value = place;
    });
    show();
  }

  for (const input of inputs) {
    input.addEventListener("input", show);
    input.addEventListener("keydown", event => event.stopPropagation()); // JupyterLab would take the arrow keys
  }
  const values = places => Object.fromEntries(inputs.map((input, i) => [input.name, texts[i][places[i]]]));
  const reset = () => set(values(start));
  figure.querySelector(".rk-reset").addEventListener("click", reset);
  reset(); // browsers restore sliders on reload
  figure.dataset.ready = "";
  share(figure, figure.id, () => values(inputs.map(input => input.value)), set);
}

document.querySelectorAll("figure.rk-explore:not([data-ready])").forEach(revive);
