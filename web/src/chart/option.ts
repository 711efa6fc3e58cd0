// From data to what ECharts draws. A value that is missing is a shaded column, an unfinished last one is dashed and hollow.
import type { EChartsCoreOption } from "echarts/core";
import { colourOf, type Colours } from "./colours";
import { byDay, daysOf, type Axis, type Data, type Series } from "./data";
import { dots } from "./dots";
import { tip } from "./tip";
import { wordsOf, type Words } from "./words";

type Drawn = Record<string, unknown>;
const QUIET = { silent: true, tooltip: { show: false }, animation: false };

export function option(data: Data, colours: Colours, words: Words, font: string): EChartsCoreOption {
  if (data.dots.length) return dots(data, colours, font);
  const days = daysOf(data);
  const axes: (Axis | undefined)[] = data.axes.length ? data.axes : [undefined];
  const bars = data.series.some((series) => series.kind === "bar");
  const colour = colouring(data, colours);
  const missing = new Set(days.filter((day) => data.series.some((series) => !series.muted && byDay(series).get(day)?.[4] && none(byDay(series).get(day)))));
  const text = { color: colours["ink-3"], fontFamily: font, fontSize: 12 };
  return {
    animation: false,
    textStyle: { fontFamily: font },
    grid: { left: 4, right: data.target === null ? 8 : 12, top: data.axes.length ? 32 : 16, bottom: 4, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
    xAxis: {
      type: "category", data: days, boundaryGap: true,
      axisLine: { lineStyle: { color: colours.line } }, axisTick: { show: false },
      splitArea: { show: missing.size > 0, interval: 0, areaStyle: { color: days.map((day) => missing.has(day) ? colours.sunken : "transparent") } },
      axisLabel: { ...text, hideOverlap: true, lineHeight: 16, formatter: (day: string, index: number) => words.tick(day, index) },
    },
    yAxis: [
      ...axes.map((axis, place) => {
        const spoken = axis ? wordsOf(data, axis) : words;
        return {
          type: "value", scale: !bars && axes.length === 1 && narrow(data), splitNumber: 4, alignTicks: place > 0, position: place ? "right" : "left",
          name: axis?.title ?? "", nameGap: 12, nameTextStyle: { ...text, align: place ? "right" : "left" },
          axisLabel: { ...text, formatter: (value: number) => spoken.short(value) },
          splitLine: { show: place === 0, lineStyle: { color: colours.line } },
        };
      }),
      { type: "value", show: false, min: 0, max: 1 },
    ],
    tooltip: {
      trigger: "axis", confine: true, padding: 0, borderWidth: 0, backgroundColor: "transparent", extraCssText: "box-shadow:none", transitionDuration: 0,
      axisPointer: { type: bars ? "shadow" : "line", lineStyle: { color: colours["ink-3"], type: "solid", width: 1 }, shadowStyle: { color: colours.sunken, opacity: 0.6 } },
      formatter: (under: { axisValue: string }[]) => tip(data, under[0]?.axisValue ?? "", words),
    },
    series: [
      // Unseen, but there on every day: so the panel opens where all values are missing, too, and says why.
      { type: "line", yAxisIndex: axes.length, symbol: "none", lineStyle: { opacity: 0 }, silent: true, data: days.map(() => 0) },
      ...data.series.flatMap((series) => drawn(series, data, days, colour(series), colours)),
      ...(data.target === null ? [] : [target(data, colours, text)]),
    ],
  };
}

function drawn(series: Series, data: Data, days: string[], colour: string, colours: Colours): Drawn[] {
  const points = byDay(series);
  const at = (day: string) => points.get(day);
  const last = data.partial_last ? days.length - 1 : days.length;
  const own = series.muted ? days.length : last;
  const width = series.muted ? 1.5 : 2;
  switch (series.kind) {
    case "band": {
      const low = days.map((day) => at(day)?.[2] ?? null);
      const height = days.map((day) => { const point = at(day); return point && point[2] !== null && point[3] !== null ? point[3] - point[2] : null; });
      const line = { ...QUIET, type: "line", stack: series.name, stackStrategy: "all", symbol: "none", lineStyle: { opacity: 0 }, z: 1 };
      return [{ ...line, data: low }, { ...line, data: height, areaStyle: { color: colours["accent-soft"], opacity: 0.55 } }];
    }
    case "bar":
      return [{
        type: "bar", name: series.name, barMaxWidth: 36, z: 2, itemStyle: { color: colour, borderRadius: [3, 3, 0, 0] },
        data: days.map((day, i) => i < own ? at(day)?.[1] ?? null
          : { value: at(day)?.[1] ?? null, itemStyle: { color: colours.surface, borderColor: colour, borderType: "dashed", borderWidth: 1.5 } }),
      }];
    case "line": {
      const line = { type: "line", name: series.name, yAxisIndex: series.axis, z: series.muted ? 2 : 3, symbol: "circle", symbolSize: 5, itemStyle: { color: colour }, emphasis: { scale: 1.4 } };
      const value = (day: string, i: number) => {
        const point = at(day);
        if (!point || point[1] === null) return null;
        const careful = !series.muted && (point[4] !== "" || i >= own);
        const alone = none(at(days[i - 1] ?? "")) && none(at(days[i + 1] ?? ""));
        return { value: point[1], symbol: careful ? "emptyCircle" : alone || (i === days.length - 1 && !series.muted) ? "circle" : "none", symbolSize: careful ? 7 : 6,
          itemStyle: { color: careful && i < own ? colours.warn : colour, borderWidth: 2 } };
      };
      const settled = { ...line, showAllSymbol: true, lineStyle: { color: colour, width, type: series.muted ? [4, 3] : "solid" },
        data: days.map((day, i) => i < own ? value(day, i) : null) };
      if (own >= days.length) return [settled];
      return [settled, { ...line, ...QUIET, showAllSymbol: true, lineStyle: { color: colour, width, type: [2, 4] },
        data: days.map((day, i) => i < own - 1 ? null : i < own ? { value: at(day)?.[1] ?? null, symbol: "none" } : value(day, i)) }];
    }
  }
}

function target(data: Data, colours: Colours, text: Drawn): Drawn {
  return { ...QUIET, type: "line", data: [], z: 4, markLine: {
    ...QUIET, symbol: "none", lineStyle: { color: colours["ink-2"], type: [6, 4], width: 1 }, data: [{ yAxis: data.target }],
    label: { ...text, color: colours["ink-2"], position: "insideEndTop", formatter: () => data.target_text },
  } };
}

export function colouring(data: Data, colours: Colours): (series: Series) => string {
  const loud = data.series.filter((series) => !series.muted && series.kind !== "band");
  return (series) => series.kind === "band" ? colours["accent-soft"] : series.muted ? colours["ink-3"] : colourOf(colours, loud.indexOf(series));
}

const none = (point: readonly unknown[] | undefined): boolean => !point || point[1] === null;

/** Whether the values lie so close together that an axis from zero would hide their changes. */
function narrow(data: Data): boolean {
  const values = data.series.flatMap((series) => series.points.flatMap((point) => [point[1], point[2], point[3]]))
    .concat(data.target).filter((value) => value !== null);
  return Math.min(...values) > 0.4 * Math.max(...values);
}
