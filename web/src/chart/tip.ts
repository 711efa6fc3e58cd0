// The panel beside the pointer: nodes with text, so that no name is ever read as markup and no style is written inline.
import { byDay, type Data, type Dot } from "./data";
import type { Words } from "./words";

/** The panel of a dot: its name, and what the server says of it. */
export function dotTip(dot: Dot): HTMLElement {
  const panel = document.createElement("div");
  panel.className = "chart-tip";
  const title = document.createElement("strong");
  title.textContent = dot.name;
  panel.append(title);
  for (const text of dot.lines) {
    const line = document.createElement("div");
    line.textContent = text;
    panel.append(line);
  }
  return panel;
}

export function tip(data: Data, day: string, words: Words): HTMLElement {
  const panel = document.createElement("div");
  panel.className = "chart-tip";
  const title = document.createElement("strong");
  title.textContent = words.day(day);
  const list = document.createElement("dl");
  for (const series of data.series) {
    const point = byDay(series).get(day);
    if (!point) continue;
    const text = series.texts[series.points.indexOf(point)];
    const [, value, low, high, quality] = point;
    const between = low !== null && high !== null ? `${words.value(low)} – ${words.value(high)}` : "";
    if (value === null && !between && !quality) continue;
    const name = document.createElement("dt");
    name.textContent = series.name;
    const said = document.createElement("dd");
    said.textContent = value === null ? between || quality : text || words.value(value);
    const more = document.createElement("dd");
    more.textContent = value === null ? (between ? quality : "") : [between, quality].filter(Boolean).join(", ");
    list.append(name, said, more);
  }
  panel.append(title, list);
  return panel;
}
