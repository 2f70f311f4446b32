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
