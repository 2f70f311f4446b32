// A link to what a figure shows now: its values stand after its name in the address, #train?N=100&…
// `values` gives them by slider, `set` takes them and leaves out what no slider offers.
export function share(figure, name, values, set) {
  const link = figure.querySelector(".rk-link");
  if (!link) return;
  link.addEventListener("click", async () => {
    const query = new URLSearchParams(Object.entries(values()).map(([key, value]) => [key, JSON.stringify(value)]));
    history.replaceState(null, "", `#${name}?${query}`);
    await navigator.clipboard?.writeText(location.href).catch(() => {}); // the address bar has it anyway
    link.textContent = "Link copied to the address bar";
    setTimeout(() => {
      link.textContent = "Link to this";
    }, 2000);
  });
  const value = text => {
    try {
      return JSON.parse(text);
    } catch {
      return undefined;
    }
  };
  const read = () => {
    const [target, query] = location.hash.slice(1).split("?");
    if (target !== name || !query) return;
    set(Object.fromEntries([...new URLSearchParams(query)].map(([key, text]) => [key, value(text)])));
    figure.scrollIntoView();
  };
  addEventListener("hashchange", read);
  read();
}
