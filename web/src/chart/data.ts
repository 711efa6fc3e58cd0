// What a chart's JSON block holds; written by the server from `parts.Chart`.
export type Point = [day: string, value: number | null, low: number | null, high: number | null, quality: string];
export interface Series { name: string; kind: "line" | "bar" | "band"; points: Point[]; muted: boolean; axis: number; texts: string[] }
export interface Axis { title: string; show: string; currency: string }
export interface Dot { name: string; x: number; y: number; n: number; lines: string[] }
export interface Data {
  title: string; unit: string; show: string; currency: string; locale: string; grain: string;
  target: number | null; target_text: string; partial_last: boolean; series: Series[]; axes: Axis[]; dots: Dot[];
}

export function dataOf(figure: HTMLElement): Data {
  return JSON.parse(figure.querySelector("script[type='application/json']")?.textContent ?? "") as Data;
}

/** Every day that any series has, in order. */
export function daysOf(data: Data): string[] {
  return [...new Set(data.series.flatMap((series) => series.points.map((point) => point[0])))].sort();
}

/** The points of a series by day; a day it lacks has none. */
export function byDay(series: Series): Map<string, Point> {
  return new Map(series.points.map((point) => [point[0], point]));
}
