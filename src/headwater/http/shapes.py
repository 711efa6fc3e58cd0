"""The shapes of what the HTTP interface answers, for its specification: exactly those of `--format json`."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel


class Shape(BaseModel):
    """An object with these fields and no others."""

    model_config = ConfigDict(extra="forbid")


class Observation(Shape):
    """One number. A missing number is null and `quality` says why; an empty `quality` is a number without a caveat."""

    kpi: str = Field(description="Id of the KPI.")
    variant: str = Field(description="Id of its variant; `base` is the formula itself.")
    basis: str = Field(description="`period` or `cohort`: what a rate counts.")
    funnel: str
    filter: str = Field(description="The condition that the rows had to meet.")
    period_start: date | None = Field(description="First day; null where all data is one period.")
    period_end: date | None = Field(description="The day after the last one.")
    grain: str = Field(description="Step of the period.")
    segment: dict[str, str | None] = Field(description="Value of each split; null is the segment without a value.")
    series: Literal["actual", "target", "forecast", "benchmark", "simulated"]
    series_id: str
    value: float | None
    numerator: float | None = Field(description="Of a quotient, else null.")
    denominator: float | None = Field(description="Of a quotient, else null.")
    subjects: int | None = Field(description="What the number rests on.")
    left_out: int | None = Field(description="Rows left out: too young to count, or impossible.")
    low: float | None = Field(description="Lower end of the 95 % interval.")
    high: float | None = Field(description="Upper end of the 95 % interval.")
    unit: str
    currency: str = Field(description="ISO 4217 code of a money number, else empty.")
    quality: list[Literal["no_data", "zero_denominator", "immature", "partial", "small_sample", "no_rate", "needs"]] = (
        Field(description="Caveats, sorted.")
    )
    detail: str
    as_of: date = Field(description="Outcomes after this day are not counted.")
    definition: str = Field(description="Version of the definition.")
    data: str = Field(description="Version of the data (the generation).")


class Compared(Shape):
    """Two numbers of one segment side by side."""

    a: Observation | None
    b: Observation | None
    change: float | None = Field(description="b - a.")
    relative_change: float | None = Field(description="The change as a share of a, where a is above zero.")
    reason: str = Field(description="Why something is missing, and caveats of either number.")


class Component(Shape):
    """One channel, program or campaign: what it is for, its KPIs, and whether it contributes."""

    level: Literal["channel", "program", "campaign"]
    id: str
    title: str
    program: str
    channel: str
    objective: str = Field(description="Id of its objective; empty where none is known, which `gaps` says.")
    kpi: str = Field(description="The KPI that it is held to.")
    step: str = Field(description="The step of the funnel that it serves.")
    feeds: str = Field(description="The next step, which it feeds.")
    verdict: Literal["contributes", "no_sign", "cannot_tell"]
    reason: Literal["", "no_step", "nothing_known", "none_alike", "all_alike", "too_few", "between"]
    p: float | None = Field(description="Of the hypothesis that it brings nothing.")
    alpha: float | None = Field(description="What `p` was held against, with many components tested at once.")
    entries: int = Field(description="Who came to the next step by it.")
    expected: float | None = Field(description="What its money, or the average of the others, brings.")
    ratio: float | None = Field(description="The first as a share of the second.")
    ratio_low: float | None = Field(description="Lower end of its 95 % interval.")
    ratio_high: float | None = Field(description="Upper end of its 95 % interval.")
    against: int = Field(description="Against so many others.")
    pool: Literal["", "step_channel", "step", "channel", "all", "average"] = Field(description="Which others.")
    entered: int = Field(description="Of those old enough to be judged, how many it brought.")
    came: int = Field(description="And how many of them went on.")
    came_expected: float | None = Field(description="How many of others like them would have.")
    odds: float | None = Field(description="Mantel-Haenszel odds ratio of going on.")
    odds_low: float | None
    odds_high: float | None
    by: Literal["", "volume", "passage"] = Field(description="What `seen` is of: what it brings, or who goes on.")
    seen: float | None = Field(description="The smallest share of what others bring that would have been seen.")
    seen_entries: float | None = Field(description="The same in entries.")
    seen_share: float | None = Field(description="The same as a share of all entries.")
    needs: float | None = Field(description="So many times the data would settle it.")
    needs_months: int | None = Field(description="At this pace so many months in all.")
    growth: Observation | None
    efficiency: Observation | None
    cost: Observation | None
    judged_from: date | None = Field(description="First day of what the verdict rests on.")
    judged_until: date | None = Field(description="The day after its last one.")
    said: str = Field(description="The verdict with its evidence, in one sentence.")
    gaps: list[str] = Field(description="What is missing of it.")
    as_of: date
    data: str = Field(description="Version of the data (the generation).")


class RecordedRow(BaseModel):
    """One row that was counted. Further fields are the columns of its table; personal values are `***`."""

    model_config = ConfigDict(extra="allow")

    kpi: str
    role: Literal["numerator", "denominator", "both", "measure"] = Field(description="Which side of the KPI it is on.")
    measure: str
    table: str
    period: str
    state: str = Field(description="Whether it was counted, or why not.")
    source: str | None = Field(default=None, description="The source it came from.")
    file: str | None = Field(default=None, description="The file it was read from.")
    row: int | None = Field(default=None, description="Its row in that file.")


class TracedNumber(Shape):
    """A number with the formula that made it, filled in."""

    observation: Observation
    filled: str


class TracedMeasure(Shape):
    """One measure of the formula in words, and how many rows it counted."""

    id: str
    title: str
    table: str
    what: str
    clock: str
    where: str
    rows: int
    path: str


class Derivation(Shape):
    """How a column that was used is derived."""

    column: str
    derived: str


class Freshness(Shape):
    """Through which day a source has delivered a table."""

    table: str
    source: str
    complete_through: date | None


class Trace(Shape):
    """How the numbers of one KPI were made."""

    kpi: str
    variant: str
    title: str
    question: str
    formula: str
    written: str
    unit: str
    basis: str
    path: str
    reference: str
    numbers: list[TracedNumber]
    measures: list[TracedMeasure]
    derivations: list[Derivation]
    statements: list[str] = Field(description="The statements that were run.")
    engine: str = Field(description="What ran them; where it is not the engine of the settings, why.")
    freshness: list[Freshness]
    small_sample: int
    definition: str
    data: str
    journal: int
    as_of: date


class KpiRow(Shape):
    """One KPI of the list."""

    id: str
    title: str
    stage: str
    unit: str
    variants: str = Field(description="Ids of its variants, with commas.")


class Covered(Shape):
    """One way to compute a KPI, and whether it can be computed."""

    kpi: str
    name: str = Field(description="Dotted id; the KPI's own for its default way.")
    title: str
    stage: str
    role: str
    state: Literal["ready", "waiting", "needs"]
    lacks: list[str] = Field(description="Columns (`table.column`) and tables that nothing fills.")
    needs: str = Field(description="The analysis or goal that does not stand yet.")


class Missing(Shape):
    """A table, or a column of it, that nothing fills."""

    table: str
    column: str
    kpis: list[str] = Field(description="The KPIs that wait for it, alone or with others.")
    exports: list[str] = Field(description="The exports that supply it.")


class Start(Shape):
    """The phase a company is in, what says so, and the KPIs to begin with."""

    phase: str
    title: str
    through: date | None = Field(description="The last day of the months that are looked at.")
    numbers: list[tuple[str, float | None]] = Field(description="KPI and value over these months.")
    months: int
    kpis: list[Covered]


class Coverage(Shape):
    """What can be computed from the data as it is."""

    data: str = Field(description="Version of the data; empty where nothing is built yet.")
    ready: int = Field(description="How many KPIs can be computed.")
    of: int
    ways: list[Covered] = Field(description="Every KPI and each of its variants.")
    missing: list[Missing] = Field(description="What is missing, what most wait for first.")
    start: Start
    warnings: list[str]


class Variant(Shape):
    """One way to reckon a KPI."""

    id: str
    formula: str | None
    words: str = Field(description="The formula in words.")
    analysis: str = Field(
        description="The analysis that answers it, where it has no formula; `words` says what it does."
    )
    needs: str = Field(description="The analysis or goal it needs, where nothing answers it yet.")
    basis: str
    unit: str
    use_when: str
    interval: str


class Measure(Shape):
    """One measure that a KPI rests on."""

    id: str
    title: str
    table: str
    unit: str
    what: str
    file: str


class Example(Shape):
    """The worked example of a KPI: rows of tables, and what is answered for them."""

    about: str
    tables: dict[str, list[dict[str, Any]]]
    ask: list[dict[str, Any]]


class KpiPage(Shape):
    """All that a KPI's file says, with the measures it rests on."""

    id: str
    title: str
    aliases: list[str]
    question: str
    unit: str
    show: str
    better: str
    stage: str
    role: str
    group: str
    cadence: str
    vanity: str
    default: str
    variants: list[Variant]
    splits: list[str] = Field(description="What it can be asked by.")
    measures: list[Measure]
    inputs: dict[str, list[str]] = Field(description="The columns of each table that an export has to supply.")
    pitfalls: list[str]
    pair: str
    reference: str
    small_sample: int
    tolerance: float | None
    example: Example | None
    file: str
    own: bool = Field(description="Whether the file is one of the workspace.")
    definition: str


class CheckRow(Shape):
    """One check of the data."""

    check: str
    state: Literal["ok", "warning", "failed"]
    subject: str
    what: str


class Finding(Shape):
    """One finding about the place."""

    kind: Literal["fault", "note", "fact"]
    what: str
    where: str
    do: str


class Fault(Shape):
    """One fault of a definition file."""

    path: str
    line: int
    key: str
    what: str
    do: str


class Problem(BaseModel):
    """Why a request was not answered (RFC 9457): what is wrong, where, and what to do."""

    model_config = ConfigDict(extra="forbid")

    type: str
    title: str
    status: int
    detail: str = Field(description="The same as `what`.")
    what: str
    where: str
    do: str
    faults: list[Fault] = Field(default=[], description="Every fault of wrong definition files.")


class Observations(RootModel[list[Observation]]):
    """Numbers in the order KPI, period, segment."""


class Comparisons(RootModel[list[Compared]]):
    """Pairs of numbers in the order KPI, period, segment."""


class Components(RootModel[list[Component]]):
    """Components by level, verdict and title."""


class RecordedRows(RootModel[list[RecordedRow]]):
    """The rows behind both sides of each KPI."""


class Traces(RootModel[list[Trace]]):
    """One trace a KPI."""


class KpiRows(RootModel[list[KpiRow]]):
    """KPIs by stage and id."""


class CheckRows(RootModel[list[CheckRow]]):
    """Every check, what failed first."""


class Findings(RootModel[list[Finding]]):
    """Every finding, faults first."""
