// The page's colours as the browser resolves them just now, light or dark.
const NAMES = ["ink", "ink-2", "ink-3", "line", "surface", "sunken", "accent", "accent-soft", "warn", "series-2", "series-3", "series-4", "series-5"] as const;
export type Colours = Record<(typeof NAMES)[number], string>;

export function coloursOf(place: HTMLElement): Colours {
  const probe = document.createElement("span");
  probe.style.transition = "none"; // else the colour read is the one that it is on the way from
  place.append(probe);
  const found = Object.fromEntries(NAMES.map((name) => {
    probe.style.color = `var(--${name})`;
    return [name, getComputedStyle(probe).color];
  })) as Colours;
  probe.remove();
  return found;
}

/** The colour of a series by its place among those that are not muted. */
export function colourOf(colours: Colours, place: number): string {
  return [colours.accent, colours["series-2"], colours["series-3"], colours["series-4"], colours["series-5"]][place % 5] ?? colours.accent;
}
