// How numbers and days are written on a chart, in the workspace's locale and with the page's rounding.
import type { Axis, Data } from "./data";

export interface Words { value(value: number): string; short(value: number): string; day(iso: string): string; tick(iso: string, index: number): string }

/** The same for what stands on one of several axes. */
export function wordsOf(data: Data, axis: Axis | undefined): Words {
  return axis ? words({ ...data, show: axis.show, currency: axis.currency }) : words(data);
}

export function words(data: Data): Words {
  const locale = data.locale.replace("_", "-");
  const style: Intl.NumberFormatOptions = data.show === "percent" ? { style: "percent", maximumFractionDigits: 1 }
    : data.show === "money" && data.currency ? { style: "currency", currency: data.currency, currencyDisplay: "code" }
    : data.show === "days" ? { style: "unit", unit: "day", unitDisplay: "long", maximumFractionDigits: 1 }
    : data.show === "score" ? { maximumFractionDigits: 1 }
    : { maximumFractionDigits: 2 };
  const full = new Intl.NumberFormat(locale, style);
  // An axis says the amounts; the panel and the table say the currency, or the days, of each.
  const short = new Intl.NumberFormat(locale, {
    ...(data.show === "percent" ? { style: "percent" } : {}), notation: "compact", maximumFractionDigits: 1,
  });
  const written = (options: Intl.DateTimeFormatOptions) => {
    const format = new Intl.DateTimeFormat(locale, { ...options, timeZone: "UTC" });
    return (iso: string) => format.format(new Date(`${iso}T00:00:00Z`));
  };
  const year = written({ year: "numeric" });
  const month = written({ month: "short" });
  const dayOf = written({ day: "numeric", month: "short" });
  const quarter = (iso: string) => `Q${Math.floor((Number(iso.slice(5, 7)) - 1) / 3) + 1}`;
  const long: Record<string, (iso: string) => string> = {
    year, month: written({ month: "long", year: "numeric" }), quarter: (iso) => `${quarter(iso)} ${year(iso)}`,
  };
  const brief: Record<string, (iso: string) => string> = { year, month, quarter };
  return {
    value: (value) => full.format(value),
    short: (value) => short.format(value),
    day: long[data.grain] ?? written({ day: "numeric", month: "long", year: "numeric" }),
    // The year stands once, where it begins.
    tick: (iso, index) => {
      const text = (brief[data.grain] ?? dayOf)(iso);
      return data.grain !== "year" && (index === 0 || iso.slice(5, 7) === "01" && Number(iso.slice(8)) <= 7) ? `${text}\n${year(iso)}` : text;
    },
  };
}
