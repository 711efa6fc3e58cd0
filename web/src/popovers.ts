// A definition opens on hover too; tap and keyboard open it without a script.
const WAIT = 250;

export function popovers(): void {
  let timer = 0;
  const panelOf = (target: EventTarget | null): [HTMLElement, HTMLElement] | null => {
    const button = target instanceof Element ? target.closest<HTMLElement>("[data-hover-opens]") : null;
    const panel = button && document.getElementById(button.getAttribute("popovertarget") ?? "");
    return button && panel ? [button, panel] : null;
  };

  document.addEventListener("pointerover", (event) => {
    if (event.pointerType !== "mouse") return;
    const found = panelOf(event.target);
    if (!found) return;
    const [button, panel] = found;
    window.clearTimeout(timer);
    timer = window.setTimeout(() => {
      if (panel.matches(":popover-open")) return;
      panel.showPopover({ source: button } as never);
      panel.dataset.hovered = "";
    }, WAIT);
  });

  document.addEventListener("pointerout", (event) => {
    window.clearTimeout(timer);
    const open = document.querySelector<HTMLElement>("[popover][data-hovered]:popover-open");
    if (!open) return;
    const to = event.relatedTarget;
    if (to instanceof Node && (open.contains(to) || panelOf(to)?.[1] === open)) return;
    // Time to cross the gap between the number and its panel (WCAG 1.4.13).
    timer = window.setTimeout(() => { if (!open.matches(":hover")) open.hidePopover(); }, WAIT);
  });

  document.addEventListener("toggle", (event) => {
    if (event.target instanceof HTMLElement && (event as ToggleEvent).newState === "closed") delete event.target.dataset.hovered;
  }, true);
}
