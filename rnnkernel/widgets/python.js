// A button that shows and copies lines of Python that give the present picture and its numbers in a notebook.
// `given` gives the sliders as arguments.  Another click hides the lines; when a slider moves they follow.
export function python(figure, given) {
  const [button, lines] = [".rk-copy", ".rk-python"].map(each => figure.querySelector(each)), name = button.textContent;
  const names = () => [...figure.querySelectorAll("[data-number]")].map(each => `"${each.dataset.number}"`).join(", ");
  const text = () => `import rnnkernel as rk

rk.figures.use_style()
shown = rk.widgets.${button.value}(${given()})
shown.figure()
numbers = shown.compute()
{name: numbers[name] for name in [${names()}]}
`;
  button.addEventListener("click", async () => {
    lines.hidden = !lines.hidden;
    if (lines.hidden) return;
    lines.textContent = text();
    try {
      await navigator.clipboard.writeText(lines.textContent);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(lines); // a page that may not copy: the reader can
      button.textContent = "Copy these lines";
    }
    setTimeout(() => {
      button.textContent = name;
    }, 2000);
  });
  return () => {
    if (!lines.hidden) lines.textContent = text();
  };
}
