// The panel beside the pointer: nodes with text, so that no name is ever read as markup and no style is written inline.
import { byDay, type Data } from "./data";
import type { Words } from "./words";

export function tip(data: Data, day: string, words: Words): HTMLElement {
  const panel = document.createElement("div");
  panel.className = "chart-tip";
  const title = document.createElement("strong");
  title.textContent = words.day(day);
  const list = document.createElement("dl");
  for (const series of data.series) {
    const point = byDay(series).get(day);
    if (!point) continue;
    const [, value, low, high, quality] = point;
    const between = low !== null && high !== null ? `${words.value(low)} – ${words.value(high)}` : "";
    if (value === null && !between && !quality) continue;
    const name = document.createElement("dt");
    name.textContent = series.name;
    const said = document.createElement("dd");
    said.textContent = value === null ? between || quality : words.value(value);
    const more = document.createElement("dd");
    more.textContent = value === null ? (between ? quality : "") : [between, quality].filter(Boolean).join(", ");
    list.append(name, said, more);
  }
  panel.append(title, list);
  return panel;
}
