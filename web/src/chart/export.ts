// What the menu of a chart gives: a picture of it, or its address.
import { init } from "echarts/core";
import { coloursOf } from "./colours";
import type { Data } from "./data";
import { option } from "./option";
import type { Words } from "./words";

const WIDTH = 1200;
const HEIGHT = 630;

export function exporting(figure: HTMLElement, data: Data, words: Words, font: string): void {
  const button = (kind: string) => figure.querySelector<HTMLButtonElement>(`[data-export='${kind}']`);
  const picture = button("png");
  const link = button("link");

  picture?.addEventListener("click", () => {
    const colours = coloursOf(figure);
    const place = document.createElement("div");
    const chart = init(place, null, { renderer: "canvas", width: WIDTH, height: HEIGHT, devicePixelRatio: 2 });
    const drawn = option(data, colours, words, font) as { grid: object };
    chart.setOption({
      ...drawn, grid: { ...drawn.grid, left: 32, right: 40, top: 88, bottom: 32 },
      title: { text: data.title, left: 32, top: 28, textStyle: { fontFamily: font, fontSize: 22, fontWeight: 600, color: colours.ink } },
    });
    const anchor = document.createElement("a");
    anchor.href = chart.getDataURL({ type: "png", backgroundColor: colours.surface });
    anchor.download = `${data.title.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "") || "chart"}.png`;
    anchor.click();
    chart.dispose();
  });

  link?.addEventListener("click", async () => {
    const address = new URL(location.href);
    address.hash = figure.id;
    await navigator.clipboard.writeText(address.href);
    const label = link.lastChild;
    if (label) label.textContent = link.dataset.done ?? "";
  });

  for (const one of [picture, link]) if (one) one.hidden = false;
}
