// The find box: `/` or Ctrl-K opens it from anywhere, arrow keys walk through what it found.
export function find(): void {
  const box = document.querySelector<HTMLDialogElement>("dialog#find");
  const field = box?.querySelector<HTMLInputElement>("[data-find]");
  if (!box || !field) return;

  const open = (): void => {
    if (!box.open) box.showModal();
    field.select();
  };

  document.addEventListener("click", (event) => {
    const opener = event.target instanceof Element ? event.target.closest("[data-opens='find']") : null;
    if (!opener || event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    open();
  });

  document.addEventListener("keydown", (event) => {
    const typing = event.target instanceof Element && event.target.closest("input, select, textarea, [contenteditable]");
    const wanted = (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey)
      || (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey));
    if (!wanted) return;
    event.preventDefault();
    open();
  });

  box.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    const stops: HTMLElement[] = [field, ...box.querySelectorAll<HTMLElement>(".result")];
    const at = Math.max(0, stops.indexOf(document.activeElement as HTMLElement));
    const next = stops[(at + (event.key === "ArrowDown" ? 1 : stops.length - 1)) % stops.length];
    event.preventDefault();
    next?.focus();
  });

  // Enter in the field opens the first that was found; with nothing found the form lists all.
  box.querySelector("form.find")?.addEventListener("submit", (event) => {
    const first = box.querySelector<HTMLAnchorElement>(".result");
    if (!first) return;
    event.preventDefault();
    first.click();
  });
}
