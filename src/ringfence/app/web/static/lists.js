// Choosing rows for a change to many, and columns that are put on show as they are ticked.

const boxes = () => [...document.querySelectorAll('#bulk input[name="device"]')];

function count() {
  const chosen = boxes().filter((box) => box.checked).length;
  const shown = document.getElementById("chosen-count");
  if (shown) shown.textContent = String(chosen);
  const all = document.getElementById("choose-all");
  if (all) { all.checked = chosen > 0 && chosen === boxes().length; all.indeterminate = chosen > 0 && chosen < boxes().length; }
}

export function start() {
  document.addEventListener("change", (event) => {
    if (!(event.target instanceof HTMLInputElement)) return;
    if (event.target.id === "choose-all") for (const box of boxes()) box.checked = event.target.checked;
    if (event.target.closest("#bulk")) count();
  });
  document.addEventListener("ringfence:drawn", count);
  document.addEventListener("submit", (event) => {
    if (event.target.id === "bulk" && !boxes().some((box) => box.checked)) {
      event.preventDefault();
      const status = document.getElementById("status");
      if (status) status.textContent = "Choose devices first.";
    }
  });
  if (matchMedia("(max-width: 899px)").matches) for (const side of document.querySelectorAll("details.side")) side.open = false;
  count();
}
