"""The shapes of table, measure and KPI files: their keys, which are needed, and the words that are possible."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, PlainValidator, Tag, model_validator

from headwater.files.read import Definition, Free
from headwater.model.measure import Span
from headwater.model.types import Type, Unit, parse_type


def _span(value: Any) -> Span:
    if not isinstance(value, str):
        raise ValueError("this should be a length of time such as '90 days'")
    return Span.parse(value)


def _type(value: Any) -> Type:
    if not isinstance(value, str):
        raise ValueError("this should be the name of a type")
    return parse_type(value)


def _unit(value: Any) -> Unit:
    if not isinstance(value, str):
        raise ValueError("this should be a unit such as money/lead, lead or 1")
    return Unit.parse(value)


def _mature(value: Any) -> Span | str:
    return "p95" if value == "p95" else _span(value)


SpanText = Annotated[Span, PlainValidator(_span)]
TypeText = Annotated[Type, PlainValidator(_type)]
UnitText = Annotated[Unit, PlainValidator(_unit)]
MatureText = Annotated[Span | str, PlainValidator(_mature)]


def _exactly_one(model: Definition, names: tuple[str, ...]) -> None:
    given = [n for n in names if getattr(model, n) is not None]
    if len(given) != 1:
        raise ValueError(
            f"exactly one of {', '.join(names)} is needed here, not {' and '.join(given) if given else 'none'}"
        )


# --- tables ----------------------------------------------------------------------------------------------------------
class LookupShape(Definition):
    """`lookup`: a column of a dimension by its unique key."""

    table: str
    by: str
    column: str
    as_of: str = ""


class PickShape(Definition):
    """`first`, `last`, `nth`, `count`: of another table's rows of the same subject."""

    table: str
    by: dict[str, str] = Field(min_length=1)
    column: str = ""
    order: str = ""
    where: str = ""
    after: str = ""
    until: str = ""
    n: int = Field(default=1, ge=1)


class SinceShape(Definition):
    """`since`: time between two columns of the row."""

    start: str = Field(alias="from")
    to: str
    unit: Literal["seconds", "days"] = "seconds"


class BucketShape(Definition):
    """`bucket`: the class of a number."""

    column: str
    edges: tuple[int, ...] = Field(min_length=1)
    labels: tuple[str, ...]


class IdentityShape(Definition):
    """`identity`: the person or company a row belongs to, by the rules of identity.yml."""

    of: Literal["contacts", "accounts"]
    mail: str = ""
    cookie: str = ""
    contact: str = ""
    at: str = ""


class ChannelShape(Definition):
    """`channel`: by the rules of channels.yml; which column holds what they ask for."""

    source: str = ""
    medium: str = ""
    campaign: str = ""
    term: str = ""
    content: str = ""
    referrer: str = ""
    click_id: str = ""
    platform: str = ""
    kind: str = ""
    campaign_id: str = ""


class DeriveShape(Definition):
    """How a derived column is made: one rule of the closed list."""

    lookup: LookupShape | None = None
    first: PickShape | None = None
    last: PickShape | None = None
    nth: PickShape | None = None
    count: PickShape | None = None
    since: SinceShape | None = None
    bucket: BucketShape | None = None
    mail: str | None = None
    domain: str | None = None
    company: str | None = None
    identity: IdentityShape | None = None
    channel: ChannelShape | None = None
    rule_of: str | None = None

    @model_validator(mode="after")
    def _one(self) -> DeriveShape:
        _exactly_one(self, tuple(type(self).model_fields))
        return self


class RefersShape(Definition):
    """`refers` of a column whose ids lead to several tables, told apart by another column's value."""

    by: str
    to: dict[str, str] = Field(min_length=1)


def _form_of_refers(value: Any) -> str:
    return "by value" if isinstance(value, dict | RefersShape) else "one table"


Refers = Annotated[
    Annotated[str, Tag("one table")] | Annotated[RefersShape, Tag("by value")], Discriminator(_form_of_refers)
]


class ColumnShape(Definition):
    """One column."""

    type: TypeText
    about: str = ""
    required: bool = False
    refers: Refers = ""
    currency: str = ""
    unit: str = ""
    personal: bool = False
    values: tuple[str, ...] = ()
    low: int | None = None
    fixed: bool = False
    planned: bool = False
    counted: bool = False
    optional: bool = False
    derive: DeriveShape | None = None


class LinkShape(Definition):
    """A split as is: a column of another table by its unique key."""

    table: str
    by: str
    column: str


class LinkedColumnShape(Definition):
    """A column as is: a column of another table by its unique key, for measures."""

    type: TypeText
    table: str
    by: str
    column: str
    after: str = ""
    about: str = ""


class SplitsShape(Definition):
    """The splits of a table: columns of the row, and columns reached when asked."""

    was: tuple[str, ...] = ()
    is_: dict[str, LinkShape] = Field(default_factory=dict, alias="is")


class TableShape(Definition):
    """A file of `tables/`."""

    title: str
    grain: str
    subject: str
    key: tuple[str, ...] = Field(min_length=1)
    columns: dict[str, ColumnShape] = Field(min_length=1)
    about: str = ""
    partition: str = "bucket"
    event: str = ""
    happens: str = ""
    versions: bool = False
    rows_from: str = ""
    joining: str = ""
    splits: SplitsShape = SplitsShape()
    columns_is: dict[str, LinkedColumnShape] = Field(default_factory=dict)


class ExtensionShape(Definition):
    """A file of a workspace's `tables/` that adds own columns to a canonical table."""

    extend: str
    about: str = ""
    columns: dict[str, ColumnShape] = Field(min_length=1)
    splits: SplitsShape = SplitsShape()


# --- measures --------------------------------------------------------------------------------------------------------
class AliveShape(Definition):
    """A stock: rows begun and not ended."""

    start: str = Field(alias="from")
    until: str = ""


class LatestShape(Definition):
    """A snapshot: the last row per key."""

    at: str
    per: tuple[str, ...] = Field(min_length=1)
    within: SpanText = Span(0, "ever")


class ReachedShape(Definition):
    """A cohort: entries and those of them that got there."""

    start: str = Field(alias="from")
    to: str
    within: SpanText = Span(0, "ever")
    mature: MatureText | None = None
    outcome: str = ""


class ClockShape(Definition):
    """One of the four clocks."""

    at: str | None = None
    alive: AliveShape | None = None
    latest: LatestShape | None = None
    reached: ReachedShape | None = None

    @model_validator(mode="after")
    def _one(self) -> ClockShape:
        _exactly_one(self, tuple(type(self).model_fields))
        return self


class LagShape(Definition):
    """By how much later rows count."""

    of: str
    over: SpanText = Span(12, "month")
    spread: bool = False


class LimitShape(Definition):
    """How long rows of a stock stand before they are late."""

    of: str
    by: tuple[str, ...] = Field(min_length=1)
    counts: Literal["beyond", "judged"] = "beyond"


class MeasureShape(Definition):
    """A file of `measures/`."""

    title: str = ""
    about: str = ""
    table: str
    aggregate: Literal["count", "count_distinct", "sum", "min", "max", "mean", "median", "quantile", "share", "average"]
    column: str = ""
    quantile: float | None = Field(default=None, gt=0, lt=1)
    where: str = ""
    clock: ClockShape
    unit: UnitText
    empty: int | None = None
    splits: tuple[str, ...] | None = None
    negatives: Literal["leave_out", "keep"] = "leave_out"
    unfinished: Literal["leave_out", "waiting"] = "leave_out"
    per: str = ""
    lag: LagShape | None = None
    limit: LimitShape | None = None


# --- KPIs ------------------------------------------------------------------------------------------------------------
Show = Literal["percent", "number", "money", "days", "score"]
Better = Literal["up", "down", "band", "context"]
Basis = Literal["period", "cohort", "stock"]
Interval = Literal["proportion", "mean", "quantile", "survival", "count", "none"]


class AnalysisShape(Definition):
    """`analysis`: whose answer a KPI is, in words, and the measures without which there is none."""

    name: str
    says: str = Field(min_length=1)
    reads: tuple[str, ...] = Field(min_length=1)
    splits: tuple[str, ...] = ()


class VariantShape(Definition):
    """One named way to compute a KPI."""

    formula: str | None = None
    analysis: AnalysisShape | None = None
    needs: str | None = None
    basis: Basis | None = None
    unit: UnitText | None = None
    use_when: str = ""
    interval: Interval | None = None

    @model_validator(mode="after")
    def _one(self) -> VariantShape:
        _exactly_one(self, ("formula", "analysis", "needs"))
        return self


class AskShape(Definition):
    """One question of a worked example and the Observations expected."""

    kpi: str = ""
    period: str = ""
    grain: str = ""
    by: tuple[str, ...] = ()
    filter: str = ""
    as_of: date | None = None
    expect: tuple[dict[str, Free], ...] = Field(min_length=1)


class ExampleShape(Definition):
    """A worked example."""

    about: str = ""
    tables: dict[str, tuple[dict[str, Free], ...]]
    ask: tuple[AskShape, ...] = Field(min_length=1)


class KpiShape(Definition):
    """A file of `kpis/`."""

    title: str = ""
    aliases: tuple[str, ...] = ()
    question: str = ""
    formula: str | None = None
    analysis: AnalysisShape | None = None
    needs: str | None = None
    variants: dict[str, VariantShape] | None = Field(default=None, min_length=1)
    default: str = ""
    unit: UnitText | None = None
    show: Show = "number"
    better: Better = "context"
    stage: str = ""
    role: str = ""
    basis: Basis | None = None
    cadence: str = ""
    group: str = ""
    vanity: str = ""
    interval: Interval = "none"
    pitfalls: tuple[str, ...] = ()
    pair: str = ""
    reference: str = ""
    small_sample: int = Field(default=5, ge=0)
    tolerance: float | None = Field(default=None, ge=0)
    example: ExampleShape | None = None

    @model_validator(mode="after")
    def _one(self) -> KpiShape:
        _exactly_one(self, ("formula", "analysis", "needs", "variants"))
        return self
