// Draws the charts of a page: a chunk of its own, fetched when the first one comes near the screen.
import { BarChart, LineChart, ScatterChart } from "echarts/charts";
import { GridComponent, MarkLineComponent, TitleComponent, TooltipComponent } from "echarts/components";
import { init, use } from "echarts/core";
import { LabelLayout } from "echarts/features";
import { CanvasRenderer, SVGRenderer } from "echarts/renderers";
import { coloursOf } from "./chart/colours";
import { dataOf, type Data } from "./chart/data";
import { exporting } from "./chart/export";
import { option } from "./chart/option";
import { words } from "./chart/words";

use([BarChart, LineChart, ScatterChart, LabelLayout, GridComponent, MarkLineComponent, TitleComponent, TooltipComponent, CanvasRenderer, SVGRenderer]);

export function chart(figure: HTMLElement): void {
  const place = figure.querySelector<HTMLElement>("[data-canvas]");
  if (!place) return;
  const data = dataOf(figure);
  const spoken = words(data);
  const font = getComputedStyle(figure).fontFamily;
  const drawing = init(place, null, { renderer: "svg" });
  const draw = (): void => drawing.setOption(option(data, coloursOf(figure), spoken, font), true);

  draw();
  place.setAttribute("role", "img");
  place.setAttribute("aria-label", data.title);
  figure.dataset.drawn = "";
  legend(figure, place, data);
  exporting(figure, data, spoken, font);
  new ResizeObserver(() => drawing.resize()).observe(place);
  for (const wish of ["(prefers-color-scheme: dark)", "print"]) matchMedia(wish).addEventListener("change", draw);
}

// Which line is which, where there is more than one.
function legend(figure: HTMLElement, place: HTMLElement, data: Data): void {
  if (data.series.length < 2) return;
  const list = document.createElement("ul");
  list.className = "chart-keys";
  let loud = 0;
  for (const series of data.series) {
    const key = document.createElement("li");
    const kind = series.kind === "band" ? "band" : series.muted ? "muted" : `${(loud++ % 5) + 1}`;
    key.className = `chart-key chart-key-${kind}`;
    key.textContent = series.name;
    list.append(key);
  }
  figure.insertBefore(list, place);
}
