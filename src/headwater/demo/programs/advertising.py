"""The platforms for advertising, each with its own preamble, totals and way to write money."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from headwater.demo import cells, marketing
from headwater.demo.clock import day_of
from headwater.demo.desk import Desk, Lost, chunks
from headwater.demo.sheets import Text, spoiled, take, write_text, write_workbook


def google_ads(desk: Desk) -> None:
    """A line with the title and one with the span above the header; years, then three months with days again."""
    world, rng = desk.world, desk.rng("google")
    a = world.ads.take(world.ads["platform"] == 0)
    columns = {
        "Day": cells.day(a["day"]),
        "Campaign ID": cells.ids("CMP-", a["campaign"], 4),
        "Campaign": pa.array([c.name for c in world.campaigns]).take(pa.array(a["campaign"])),
        "Ad group": cells.coded(a["group"], ("Core", "Broad")),
        "Search keyword": cells.coded(a["keyword"], [marketing.keyword(i) for i in range(10)]),
        "Currency code": cells.same("EUR", a.size),
        "Impr.": cells.whole(a["impressions"]),
        "Clicks": cells.whole(a["clicks"]),
        "Cost (micros)": cells.whole(a["spend"] * 10_000),
        "Conversions": cells.parts(a["conversions"] * 100, 2),
    }
    able = np.flatnonzero(a["day"] >= world.span.starts()[-3])
    broken = np.sort(rng.choice(able, min(len(able), 2), replace=False))
    columns["Impr."] = spoiled(columns["Impr."], broken, " --")
    for part in chunks(world, 2):
        start, end = part.start, part.end
        inside = (a["day"] >= start) & (a["day"] < end)
        if part.monthly:
            inside |= (a["day"] >= start - 3) & (a["day"] < start)
            inside[broken[a["day"][broken] < start]] = False
        title = ["Campaign performance", f"{day_of(start)} - {day_of(end - 1)}"]
        for row in broken[inside[broken]].tolist():
            key = f"{day_of(int(a['day'][row])):%Y-%m-%d} CMP-{int(a['campaign'][row]):04d}"
            desk.lost.append(Lost("ad_days", f"ads/google-{part.name}.csv", key, row, "The impressions are no number."))
        write_text(desk.folder / "ads" / f"google-{part.name}.csv", take(columns, inside), Text(before=title))


def microsoft_ads(desk: Desk) -> None:
    """American dates, pounds, a preamble, and a line with the total."""
    world = desk.world
    a = world.ads.take(world.ads["platform"] == 1)
    columns = {
        "Gregorian date": cells.day(a["day"], "%m/%d/%Y"),
        "Campaign ID": cells.ids("CMP-", a["campaign"], 4),
        "Ad group": cells.coded(a["group"], ("Core", "Broad")),
        "Keyword": cells.coded(a["keyword"], [marketing.keyword(i) for i in range(10)]),
        "Impressions": cells.whole(a["impressions"]),
        "Clicks": cells.whole(a["clicks"]),
        "Spend": cells.parts(a["spend"], 2),
        "Conversions": cells.whole(a["conversions"]),
    }
    shown, clicks, spend, done = (int(a[n].sum()) for n in ("impressions", "clicks", "spend", "conversions"))
    total = f"Total,,,,{shown},{clicks},{spend / 100:.2f},{done}"
    before = [
        "Report Name: Keyword performance",
        f"Report Time: {world.span.first:%m/%d/%Y} - {world.span.until:%m/%d/%Y}",
        "Currency: GBP",
    ]
    write_text(desk.folder / "ads" / "microsoft.csv", columns, Text(before=before, after=[total]))


def linkedin_ads(desk: Desk) -> None:
    """Tabs in UTF-16, below five lines about the report, in dollars."""
    world = desk.world
    a = world.ads.take(world.ads["platform"] == 2)
    columns = {
        "Start Date (in UTC)": cells.day(a["day"], "%m/%d/%Y"),
        "Campaign ID": cells.ids("CMP-", a["campaign"], 4),
        "Campaign Group": cells.coded(a["group"], ("Decision makers", "Users")),
        "Currency": cells.same("USD", a.size),
        "Total Spent": cells.parts(a["spend"], 2),
        "Impressions": cells.whole(a["impressions"]),
        "Clicks": cells.whole(a["clicks"]),
        "Leads": cells.whole(a["conversions"]),
    }
    before = [
        "Campaign Performance Report (in UTC)",
        f"Report Start: {world.span.first}",
        f"Report End: {world.span.until}",
        "",
        "Tallyport",
    ]
    write_text(desk.folder / "ads" / "linkedin.csv", columns, Text("\t", "utf-16", before))


def meta_ads(desk: Desk) -> None:
    """A workbook with two sheets."""
    world = desk.world
    a = world.ads.take(world.ads["platform"] == 3)
    rows: list[list[object]] = [
        ["Reporting starts", "Campaign", "Ad set", "Impressions", "Link clicks", "Amount spent (EUR)", "Results"]
    ]
    for day, campaign, group, shown, clicks, spend, results in zip(
        *(a[n].tolist() for n in ("day", "campaign", "group", "impressions", "clicks", "spend", "conversions")),
        strict=True,
    ):
        rows.append(
            [day_of(day), f"CMP-{campaign:04d}", ("Broad", "Lookalike")[group], shown, clicks, spend / 100, results]
        )
    notes = [["Account", "Tallyport EU"], ["Attribution", "7-day click"]]
    write_workbook(desk.folder / "ads" / "meta.xlsx", {"Raw Data Report": rows, "About": notes})
