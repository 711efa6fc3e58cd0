// A scatter: one dot a segment, as large as what it rests on. The names stand beside the dots as far as there is room.
import type { EChartsCoreOption } from "echarts/core";
import type { Colours } from "./colours";
import type { Data, Dot } from "./data";
import { dotTip } from "./tip";
import { wordsOf } from "./words";

const SMALLEST = 8;
const LARGEST = 40;

export function dots(data: Data, colours: Colours, font: string): EChartsCoreOption {
  const most = Math.max(...data.dots.map((dot) => dot.n), 1);
  const text = { color: colours["ink-3"], fontFamily: font, fontSize: 12 };
  const axis = (place: number) => {
    const spoken = wordsOf(data, data.axes[place]);
    return {
      type: "value", name: data.axes[place]?.title ?? "", splitNumber: 4, scale: narrow(data.dots.map((dot) => place ? dot.y : dot.x)),
      axisLabel: { ...text, hideOverlap: true, formatter: (value: number) => spoken.short(value) },
      axisLine: { show: place === 0, lineStyle: { color: colours.line } }, axisTick: { show: false }, splitLine: { lineStyle: { color: colours.line } },
    };
  };
  return {
    animation: false,
    textStyle: { fontFamily: font },
    grid: { left: 4, right: 96, top: 36, bottom: 28, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
    xAxis: { ...axis(0), nameLocation: "middle", nameGap: 32, nameTextStyle: { ...text, color: colours["ink-2"] } },
    yAxis: { ...axis(1), nameGap: 14, nameTextStyle: { ...text, color: colours["ink-2"], align: "left" } },
    tooltip: {
      trigger: "item", confine: true, padding: 0, borderWidth: 0, backgroundColor: "transparent", extraCssText: "box-shadow:none", transitionDuration: 0,
      formatter: (under: { dataIndex: number }) => dotTip(data.dots[under.dataIndex] as Dot),
    },
    series: [{
      type: "scatter", data: data.dots.map((dot) => [dot.x, dot.y]), z: 3,
      // The area, not the width, is as large as what the dot rests on.
      symbolSize: (_: unknown, at: { dataIndex: number }) => SMALLEST + (LARGEST - SMALLEST) * Math.sqrt((data.dots[at.dataIndex]?.n ?? 0) / most),
      itemStyle: { color: colours.accent, opacity: 0.55, borderColor: colours.surface, borderWidth: 1 },
      emphasis: { itemStyle: { opacity: 0.85 } },
      label: { show: true, position: "right", opacity: 1, ...text, color: colours["ink-2"], formatter: (at: { dataIndex: number }) => data.dots[at.dataIndex]?.name ?? "" },
      labelLayout: { hideOverlap: true },
    }],
  };
}

function narrow(values: number[]): boolean {
  return Math.min(...values) > 0.4 * Math.max(...values);
}
