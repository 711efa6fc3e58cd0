// The find box: `/` or Ctrl-K opens it from anywhere, arrow keys walk through what it found.
export function find(): void {
  const box = document.querySelector<HTMLDialogElement>("dialog#find");
  const field = box?.querySelector<HTMLInputElement>("[data-find]");
  const form = field?.form;
  if (!box || !field || !form) return;
  let waiting = false; // Enter was pressed before the answer to what is written was there

  const answered = (): boolean =>
    box.querySelector<HTMLElement>("[data-found-for]")?.dataset.foundFor === field.value.trim();
  const first = (): HTMLAnchorElement | null => box.querySelector<HTMLAnchorElement>(".result");

  const ask = (): void => {
    if (box.open && !answered()) field.dispatchEvent(new Event("search"));
  };
  const open = (): void => {
    if (!box.open) box.showModal();
    field.select();
    ask();
  };
  field.addEventListener("htmx:after:init", ask, { once: true }); // whoever was faster than htmx is answered, too

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

  // Enter opens the first that was found for what is written, which may still be on its way; with nothing found, or no
  // answer at all, the form shows the list.
  form.addEventListener("submit", (event) => {
    if (answered() && !first()) return;
    event.preventDefault();
    waiting = !answered();
    if (!waiting) first()?.click();
  });
  field.addEventListener("input", () => { waiting = false; });
  document.addEventListener("htmx:after:swap", () => {
    if (!waiting || !answered()) return;
    waiting = false;
    const found = first();
    if (found) found.click(); else form.submit();
  });
  for (const fault of ["htmx:error", "htmx:response:error"]) {
    document.addEventListener(fault, () => { if (waiting) form.submit(); });
  }
}
