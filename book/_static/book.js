// No line begins with the comma after a formula or ends with the bracket before it: a browser would break it there.
addEventListener("DOMContentLoaded", () => {
  for (const formula of document.querySelectorAll("span.math")) {
    const {previousSibling: before, nextSibling: after} = formula;
    const opening = before?.nodeType === Node.TEXT_NODE && before.data.match(/[([“]+$/)?.[0] || "";
    const closing = after?.nodeType === Node.TEXT_NODE && after.data.match(/^[.,;:!?)\]”’]+/)?.[0] || "";
    if (!opening && !closing) continue;
    const unbroken = document.createElement("span");
    unbroken.className = "unbroken";
    formula.replaceWith(unbroken);
    if (opening) before.deleteData(before.length - opening.length, opening.length);
    if (closing) after.deleteData(0, closing.length);
    unbroken.append(opening, formula, closing);
  }
});

// On paper every proof, hint and solution is open (sphinx-togglebutton opens its own).
addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("details.sd-dropdown:not([open])")) {
    details.open = true;
    details.dataset.openedToPrint = "";
  }
});
addEventListener("afterprint", () => {
  for (const details of document.querySelectorAll("details[data-opened-to-print]")) {
    details.open = false;
    delete details.dataset.openedToPrint;
  }
});
