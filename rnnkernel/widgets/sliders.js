// The sliders of rk.explore under a kernel: each move asks it for a picture, and of several moves only the last counts.
export default {
  render({model, el}) {
    el.innerHTML = model.get("_markup");
    const view = el.querySelector(".rk-view"), state = el.querySelector(".rk-state");
    const inputs = [...el.querySelectorAll("input")], outputs = [...el.querySelectorAll("output")];
    const labels = [...el.querySelectorAll("label")].map(label => label.textContent);
    const texts = model.get("_texts"), start = model.get("_start"), alt = view.getAttribute("aria-label");
    let asked = null, waiting = false;

    function show() {
      const places = model.get("places"), shown = places.map((place, i) => texts[i][place]);
      inputs.forEach((input, i) => {
        input.value = places[i];
        input.setAttribute("aria-valuetext", shown[i]);
        outputs[i].value = shown[i];
      });
      state.textContent = labels.map((label, i) => `${label}: ${shown[i]}`).join(", ");
      view.setAttribute("aria-label", `${alt} (${state.textContent})`);
    }

    function ask() {
      waiting = asked !== null;
      if (waiting) return;
      asked = JSON.stringify(model.get("places"));
      el.firstElementChild.setAttribute("aria-busy", "true");
      model.send({draw: model.get("places")});
    }

    function move(places) {
      model.set("places", places); // and `moved` follows
      model.save_changes();
    }

    function receive({picture, problem}) {
      asked = null;
      if (waiting) ask();
      else el.firstElementChild.removeAttribute("aria-busy");
      if (picture) view.innerHTML = picture;
      else state.textContent = problem;
    }

    const moved = () => { show(); ask(); };
    model.on("msg:custom", receive);
    model.on("change:places", moved);
    for (const input of inputs) {
      input.addEventListener("input", () => move(inputs.map(each => Number(each.value))));
      input.addEventListener("keydown", event => event.stopPropagation()); // JupyterLab would take the arrow keys
    }
    el.querySelector(".rk-reset").addEventListener("click", () => move(start));
    show();
    el.firstElementChild.dataset.ready = "";
    return () => { model.off("msg:custom", receive); model.off("change:places", moved); };
  },
};
