"""What the gallery shows: made-up values in every state a component has."""

from __future__ import annotations

from headwater.web.parts import (
    About,
    Arrivals,
    Bar,
    Cell,
    Chart,
    Chip,
    Choice,
    Controls,
    Dropzone,
    Found,
    KpiList,
    KpiRow,
    Later,
    Leaderboard,
    Link,
    Need,
    Picker,
    Possible,
    Question,
    Questions,
    RecordsTable,
    Segmented,
    Series,
    Spark,
    Step,
    Stop,
    Table,
    Tile,
    TracePanel,
)

GRAIN = Segmented(
    "Grain", (Link("Week", "?grain=week"), Link("Month", "?grain=month", active=True), Link("Quarter", "?"))
)
CONTROLS = Controls(
    action="/design",
    period_text="June 2026",
    pickers=(
        Picker("period", "Period", (Choice("2026-06", "June 2026", True), Choice("2026-Q2", "2nd quarter 2026"))),
        Picker(
            "compare", "Compare with", (Choice("previous", "vs previous period"), Choice("year", "vs previous year"))
        ),
    ),
    segments=(GRAIN,),
    earlier="?period=2026-05",
    later="?period=2026-07",
)

RISING = (42.0, 45.0, 41.0, 47.0, 52.0, 50.0, 56.0, 61.0, 58.0, 66.0, 70.0, 74.0)
FALLING = (0.31, 0.3, 0.33, 0.29, 0.27, 0.28, 0.24, 0.25, 0.22, 0.21, 0.2, 0.18)
GAPPED = (12.0, 14.0, None, None, 13.0, None, 15.0, 16.0, 14.0, None, 17.0, 18.0)

WIN_RATE = About(
    "Win rate",
    "Of the opportunities that were decided in the period, the share that was won.",
    (("Variant", "by number of deals"), ("Won", "31"), ("Decided", "128"), ("Complete through", "18 June 2026")),
    (Link("How it was made", "?trace=1"), Link("Records", "?records=1")),
)

PITFALLS = ("A deal that is never closed is never decided: clean the pipeline first.",)

TILES = (
    Tile(
        "revenue",
        "Revenue",
        "?",
        "€1,284,300",
        "good",
        "On plan",
        "+12.4%",
        "true",
        "vs May",
        Spark(RISING, "Revenue by month, rising from 42 to 74", target=60.0),
        about=WIN_RATE,
    ),
    Tile(
        "win_rate",
        "Win rate",
        "?",
        "24.2%",
        "bad",
        "Below target",
        "-3.1 pp",
        "false",
        "vs May",
        Spark(FALLING, "Win rate by month, falling", target=0.25, marks=(5,), marked="bad"),
        interval_text="17.6% to 32.3%",
        about=WIN_RATE,
    ),
    Tile(
        "cac",
        "Customer acquisition cost",
        "?",
        "€9,410",
        "neutral",
        "Near plan",
        "-4.0%",
        "true",
        "vs May",
        Spark(FALLING, "Cost per customer by month, falling", partial_last=True),
        "partial: June has 18 of 30 days",
    ),
    Tile(
        "nps",
        "Net promoter score",
        "?",
        "38.0",
        "unknown",
        "No target",
        "+0.2",
        "none",
        "vs May",
        Spark(GAPPED, "Net promoter score by month, with gaps"),
        "small sample: 9 answers",
        about=WIN_RATE,
    ),
    Tile(
        "mql_rate", "MQL rate, 90-day cohort", "?", missing="Too early to tell: June's leads are at most 18 days old."
    ),
    Tile(
        "sla",
        "Complaints",
        "?",
        "0",
        "good",
        "None",
        "±0",
        "none",
        "vs May",
        Spark((0.0,) * 12, "No complaint in 12 months"),
    ),
    Tile("roi", "Return on marketing investment", "?", missing="Nothing to divide by: no spend is recorded in June."),
)

STEPS = (
    Step("visit", "Visits", "?", "184,200", 184200.0),
    Step("lead", "Leads", "?", "3,910", 3910.0, "2.1%", "0 days"),
    Step("mql", "MQLs", "?", "1,220", 1220.0, "31.2%", "9 days"),
    Step("sql", "SQLs", "?", "402", 402.0, "33.0%", "21 days", "12 more are still open"),
    Step("opportunity", "Opportunities", "?", "128", 128.0, "31.8%", "34 days", "", True),
    Step("customer", "Customers", "?", "31", 31.0, "24.2%", "71 days", rate_interval="17.6% to 32.3%"),
)
STEPS_OF_LIKE_SIZE = (
    Step("quote", "Quotes", "?", "120", 120.0),
    Step("order", "Orders", "?", missing="no source"),
    Step("paid", "Paid", "?", "80", 80.0, "66.7%", "14 days"),
    Step("repeat", "Repeat", "?", "0", 0.0, "0.0%", ""),
)

NEEDS = (
    Need(
        "bottleneck",
        "SQLs wait 34 days for an opportunity, 11 longer than a quarter ago.",
        "402 SQLs, 128 opportunities; at last quarter's speed about €210,000 more pipeline.",
        "?",
        "warn",
    ),
    Need("source", "The CRM export is 9 days old.", "Expected daily; complete through 18 June.", "?", "warn"),
    Need(
        "change",
        "Win rate in Manufacturing fell beyond its usual spread.",
        "24.2% against 29 to 37% in the past year.",
        "?",
    ),
)

MONTHS = tuple(f"{2025 + (i + 6) // 12}-{(i + 6) % 12 + 1:02}-01" for i in range(12))
CHART = Chart(
    "revenue",
    "Revenue by month",
    (
        Series(
            "Usual spread", "band", tuple((m, None, v * 0.85, v * 1.1, "") for m, v in zip(MONTHS, RISING, strict=True))
        ),
        Series(
            "Revenue",
            "line",
            tuple(
                (m, v, None, None, "partial" if m == MONTHS[-1] else "") for m, v in zip(MONTHS, RISING, strict=True)
            ),
        ),
        Series(
            "A year before",
            "line",
            tuple((m, v * 0.8, None, None, "") for m, v in zip(MONTHS, RISING, strict=True)),
            True,
        ),
    ),
    Table(
        ("Month", "Revenue", "A year before"),
        tuple((m[:7], f"{v:.1f}", f"{v * 0.8:.1f}") for m, v in zip(MONTHS, RISING, strict=True)),
        "Revenue by month",
        frozenset({1, 2}),
    ),
    unit="money",
    show="money",
    currency="EUR",
    summary="Up 12.4% on May; June is not finished.",
    target=60.0,
    target_text="Target",
    partial_last=True,
    downloads=(Link("CSV", "/api/measure?kpi=revenue&format=csv"),),
)
BARS = Chart(
    "leads",
    "Leads by month",
    (
        Series(
            "Leads",
            "bar",
            tuple((m, v, None, None, "" if v is not None else "no data") for m, v in zip(MONTHS, GAPPED, strict=True)),
        ),
    ),
    Table(
        ("Month", "Leads"),
        tuple(
            (m[:7], Cell("no data", missing=True) if v is None else f"{v:.0f}")
            for m, v in zip(MONTHS, GAPPED, strict=True)
        ),
        "Leads by month",
        frozenset({1}),
    ),
)

KPI_LIST = KpiList(
    "kpi-list",
    "Lead",
    (
        KpiRow("Leads created", "?", "How many leads came?", "1,204", "+12%", "true"),
        KpiRow("Cost per lead (CPL)", "?", "What does a lead cost?", "EUR 84.10", "+7.1%", "false"),
        KpiRow("Lead-to-MQL rate", "?", "Which share of leads qualifies?", "40.7%", "", "none", "Jul 2026"),
        KpiRow("Subscriber growth <b>", "?", "How fast does it grow?", missing="no period before to compare with"),
    ),
)
LATER = Later("later", "A part that is worked out when it is seen", "/kpi?q=lead")

BOARD = Leaderboard(
    "channel",
    "Channel",
    (
        Bar("Events & partners <b>", "?filter=channel:events", "41.0%", 1.0, "33.1% to 49.4%", "n 139"),
        Bar("Paid search", "?filter=channel:search", "28.4%", 0.69, "24.0% to 33.2%", "n 372", active=True),
        Bar("E-mail", "?filter=channel:email", "22.0%", 0.54, "19.1% to 25.2%", "n 680"),
        Bar("Referral", "?filter=channel:referral", "66.7%", 0.2, "", "n 3", "small sample"),
        Bar(
            "A channel whose name is far too long for the place it is given here",
            "?",
            "0.0%",
            0.0,
            "0.0% to 8.8%",
            "n 40",
        ),
        Bar("Out of home", "?filter=channel:ooh", "nothing to divide by", 0.0, quality_text="no lead yet"),
    ),
    "Win rate",
    Link("All 11", "?all=1"),
    "2 others have no data",
)

TABLE = Table(
    ("Source", "State", "Complete through", "Rows", "Set aside"),
    (
        (Cell("crm_leads", "?"), Cell("9 days old", kind="warn"), "18 June 2026", "20,114", Cell("12", "?")),
        (Cell("ga_sessions", "?"), Cell("fresh", kind="good"), "27 June 2026", "1,204,551", "0"),
        (Cell("surveys", "?"), Cell("failed", kind="bad"), Cell("never loaded", missing=True), "0", "0"),
    ),
    "Sources",
    frozenset({3, 4}),
    "Rows are those of the newest data version.",
)
ARRIVALS = Arrivals(
    "mql-sql",
    "MQL to SQL",
    "61.8% within 90 days",
    "M0.0 100.0 L40.0 100.0 L40.0 62.0 L110.0 62.0 L110.0 30.0 L240.0 30.0 L240.0 22.8",
    "80.0%",
    "184 days",
    Table(("By day", "Have come", "95 %"), (("30", "30.4%", "27.0%\u201334.2%"),), "MQL to SQL", frozenset({0, 1, 2})),
    "M40.0 52.0 L110.0 52.0 L110.0 20.0 L240.0 20.0 L240.0 40.0 L110.0 40.0 L110.0 72.0 L40.0 72.0 Z",
)
TRACE = TracePanel(
    "How it was made",
    "won_opportunities / decided_opportunities",
    (("Unit", "share, period basis"), ("Data version", "g-4f81c2"), ("Complete through", "18 June 2026")),
    "count(opportunities, outcome = won) / count(opportunities, outcome in (won, lost))",
    (
        Table(
            ("Number", "Value"),
            (("won_opportunities", "31"), ("decided_opportunities", "128")),
            "Put in",
            frozenset({1}),
        ),
        Table(
            ("Measure", "What", "Rows"),
            (("won_opportunities", "count in opportunities, at closed_on", "31"),),
            "Rows counted",
            frozenset({2}),
        ),
    ),
    (("Statement", "count(*) of opportunities\nwhere outcome = 'won' and closed_on >= 2026-06-01"),),
    ("3 opportunities without a close date are not counted.",),
)
RECORDS = RecordsTable(
    Table(
        ("Opportunity", "Account", "Closed on", "Amount", "File and row"),
        (
            ("006-0042", "Ferrum AG", "2026-06-03", "€48,000", "opportunities.csv:118"),
            ("006-0047", Cell("withheld", missing=True), "2026-06-09", "€12,500", "opportunities.csv:131"),
        ),
        "Records of the numerator",
        frozenset({3}),
    ),
    Segmented("Side", (Link("Won", "?", True), Link("Decided in the period, whatever came of them afterwards", "?"))),
    "1 to 2 of 31",
    "?page=1",
    "?page=3",
    (Link("CSV", "?format=csv"), Link("XLSX", "?format=xlsx")),
)
CHIPS = (Chip("Channel", "Paid search", "?"), Chip("Region", "DACH", "?"))
FOUND = (
    Found("Win rate", "/kpi/win_rate", "KPI", "Of the opportunities decided, the share won"),
    Found("Win rate by value", "/kpi/win_rate?variant=value", "Variant"),
    Found("Data", "/data", "Page"),
)
EMPTY_ACTION = Link("How to add a source", "/data")
BADGES = (
    ("No target", "neutral"),
    ("On plan", "good"),
    ("Below target", "bad"),
    ("Partial", "warn"),
    ("Restated", "info"),
)
ICONS = (
    "find",
    "earlier",
    "later",
    "close",
    "about",
    "chart",
    "warn",
    "good",
    "refresh",
    "export",
    "link",
    "table",
    "waves",
    "data",
)
TOKENS = (
    "canvas",
    "surface",
    "sunken",
    "line",
    "line-strong",
    "ink",
    "ink-2",
    "ink-3",
    "accent",
    "accent-soft",
    "accent-tint",
    "good",
    "good-soft",
    "bad",
    "bad-soft",
    "warn",
    "warn-soft",
    "stream",
    "stream-slow",
)
TOUR = (
    Stop(".funnel", "From visit to customer", "How many reached each step, and which share went on."),
    Stop(".tile", "Every number explains itself", "The small mark tells its definition and its parts."),
)
DROPZONE = Dropzone(
    "/design",
    "/design",
    "Drop files here",
    "Exports as the programs wrote them.",
    "Put them by hand.",
    1 << 30,
    "Too large.",
)
QUESTIONS = Questions(
    "/design",
    (
        Question(
            "ask-order",
            "a.order",
            "How are the dates of 'Opened' written? They fit two orders: 03/04/2025",
            (Possible("dmy", "day first", "3 April", chosen=True), Possible("mdy", "month first", "4 March")),
        ),
        Question(
            "ask-column",
            "a.column",
            "What is 'Remark'? It says x, y",
            (Possible("name", "name"), Possible("leave", "Leave it out"), Possible("form", "form", first=False)),
            hint="Several may be right.",
            several=True,
            own="Or the same text in every row:",
            own_name="t.column",
            fault="'no_such_column' is none of these.",
        ),
    ),
    "Answer",
    "Looking at the files",
)
