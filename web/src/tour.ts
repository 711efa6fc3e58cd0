// The tour of a made-up company: opens by itself until it was closed once, in this browser, on whichever port.
const SEEN = "headwater-tour=seen";
const YEAR = 31_536_000;

export function tour(): void {
  const box = document.querySelector<HTMLDialogElement>("dialog[data-tour]");
  if (!box) return;
  const stops = [...box.querySelectorAll<HTMLElement>("[data-stop]")];
  let here: Element | null = null;

  const leave = (): void => { here?.classList.remove("tour-here"); here = null; };

  const go = (index: number): void => {
    leave();
    stops.forEach((stop, i) => { stop.hidden = i !== index; });
    const stop = stops[index];
    here = stop?.dataset.stop ? document.querySelector(stop.dataset.stop) : null;
    here?.classList.add("tour-here");
    here?.scrollIntoView({ block: "nearest" });
    stop?.querySelector<HTMLElement>(".button")?.focus({ preventScroll: true });
  };

  const open = (): void => { if (!box.open) box.show(); go(0); };
  const end = (): void => {
    document.cookie = `${SEEN}; path=/; max-age=${YEAR}; samesite=strict`;
    leave();
    box.close();
  };

  box.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest("button") : null;
    const at = stops.findIndex((stop) => !stop.hidden);
    if (button?.hasAttribute("data-tour-next")) go(at + 1);
    if (button?.hasAttribute("data-tour-back")) go(at - 1);
    if (button?.hasAttribute("data-tour-ends")) end();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && box.open && !document.querySelector("dialog:modal, :popover-open")) end();
  });
  for (const opener of document.querySelectorAll<HTMLElement>("[data-tour-opens]")) {
    opener.hidden = false;
    opener.addEventListener("click", open);
  }
  if (!document.cookie.split("; ").includes(SEEN)) open();
}
