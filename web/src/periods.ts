// Arrow keys move between periods, as the two links beside the period do.
export function periods(): void {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey || event.defaultPrevented) return;
    if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
    const at = event.target instanceof Element ? event.target : null;
    if (at?.closest("input, select, textarea, dialog, [popover], [role='region'], pre, [contenteditable]")) return;
    const way = event.key === "ArrowLeft" ? "earlier" : "later";
    document.querySelector<HTMLAnchorElement>(`a[data-${way}]`)?.click();
  });
}
