// A link to a term, a statement or an equation shows its target: on hover, on focus, and at the first tap.
(() => {
  const root = new URL(document.documentElement.dataset.content_root ?? "./", location.href).href;
  const TARGET = /#(term|equation|thm|prop|lem|cor|def|tool)-/;
  let all = null, shown = null, timer = 0, touch = false;
  const card = Object.assign(document.createElement("div"), {id: "rk-preview", role: "tooltip", hidden: true});

  // The previews of all pages; a page on file:// can load a script, but fetch nothing.
  const load = () => all ??= new Promise(resolve => {
    const script = document.createElement("script");
    script.onload = () => resolve(rkPreviews);
    script.onerror = () => resolve({});
    script.src = `${root}_static/previewed.js`;
    document.head.append(script);
  });

  const linkOf = event => {
    const link = event.target.closest?.(".bd-article a.reference.internal");
    return link && TARGET.test(link.hash) ? link : null;
  };

  async function show(link) {
    const page = decodeURI(link.href.slice(root.length)).replace(/\.html#.*$/, "");
    const found = (await load())[page]?.[decodeURIComponent(link.hash.slice(1))];
    if (!found || !link.isConnected) return;
    hide();
    shown = link;
    card.innerHTML = found;
    if (touch) card.insertAdjacentHTML("beforeend", `<p><a href="${link.href}">Go there</a></p>`);
    document.body.append(card);
    card.hidden = false;
    link.setAttribute("aria-describedby", card.id);
    place();
  }

  function place() {
    const {left, top, bottom} = shown.getBoundingClientRect(), below = bottom + 8 + card.offsetHeight < innerHeight;
    card.style.left = `${Math.max(8, Math.min(left, document.documentElement.clientWidth - card.offsetWidth - 8))}px`;
    card.style.top = `${below || top < innerHeight / 2 ? bottom + 4 : Math.max(8, top - card.offsetHeight - 4)}px`;
  }

  function hide() {
    shown?.removeAttribute("aria-describedby");
    shown = null;
    card.hidden = true;
  }

  const soon = (what, wait) => { clearTimeout(timer); timer = setTimeout(what, wait); };

  addEventListener("pointerdown", event => {
    touch = event.pointerType === "touch";
    if (shown && !linkOf(event) && !card.contains(event.target)) hide();
  });
  addEventListener("pointerover", event => {
    if (event.pointerType === "touch") return;
    const link = linkOf(event);
    if (link && link !== shown) soon(() => show(link), 200);
    else if (link || card.contains(event.target)) clearTimeout(timer);
    else soon(hide, 300);
  });
  addEventListener("focusin", event => {
    const link = linkOf(event);
    if (link && !touch) show(link);
    else if (!card.contains(event.target)) hide();
  });
  addEventListener("click", event => {
    const link = linkOf(event);
    if (!link || !touch || link === shown) return;
    event.preventDefault(); // the second tap follows the link
    show(link);
  });
  addEventListener("keydown", event => { if (event.key === "Escape") hide(); });
  addEventListener("scroll", () => { if (shown) place(); }, {passive: true});
})();
