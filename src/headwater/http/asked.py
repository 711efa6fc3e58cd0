"""The parameters of a question, the same as the options on the command line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.fields import FieldInfo
from pydantic.json_schema import SkipJsonSchema

from headwater.errors import QueryError, nearest
from headwater.model.period import Grain

MOST_KPIS = 30
MOST_SPLITS = 8
MOST_ROWS = 10_000
MOST_NUMBERS = 100_000
"""An answer of more numbers is refused: a coarser grain or fewer splits say more."""

Form = Literal["json", "csv", "xlsx", "parquet"]
Short = Annotated[str, StringConstraints(max_length=200)]
Long = Annotated[str, StringConstraints(max_length=4000)]
Generation = Annotated[str, StringConstraints(max_length=64)]
Kpis = Annotated[
    list[Short],
    Field(
        min_length=1,
        max_length=MOST_KPIS,
        description="Id of a KPI or of a variant (`win_rate.value`); may be repeated.",
        examples=[["cost_per_lead"]],
    ),
]
Splits = Annotated[
    list[Short], Field(max_length=MOST_SPLITS, description="Split by a column, such as channel; may be repeated.")
]
PERIOD = "2025, 2025-Q1, 2025-03, 2025-W10, FY2025, 2025-01-01..2025-06-30 or `last 12 months` (default: all data)."
FILTER = "Only rows that meet it: `channel = 'email' and region in ('EMEA', 'APAC')`."
AS_OF = "Count no outcome after this day, such as 2025-03-31 (default: today)."
GENERATION = "Ask an earlier data version (default: the current one)."
FORMAT = "Form of the answer; all but json come as a file."


class Asked(BaseModel):
    """What every question may say. What is not listed is refused."""

    model_config = ConfigDict(extra="forbid")


class Question(Asked):
    """A question about one state."""

    kpi: Kpis
    period: Short | SkipJsonSchema[None] = Field(None, description=PERIOD, examples=["2026-Q1"])
    grain: Grain = Field(Grain.ALL, description="Step of the period.")
    by: Splits = Field(default_factory=list)
    filter: Long = Field("", description=FILTER)
    as_of: Short | SkipJsonSchema[None] = Field(None, description=AS_OF)
    generation: Generation = Field("", description=GENERATION)


class Measured(Question):
    """Parameters of `measure`."""

    format: Form = Field("json", description=FORMAT)


class Recorded(Question):
    """Parameters of `records`."""

    limit: int = Field(100, ge=1, le=MOST_ROWS, description="At most so many rows of each measure.")
    format: Form = Field("json", description=FORMAT)


class Compared(Asked):
    """Parameters of `compare`: what differs between the two sides is given twice."""

    kpi: Kpis
    period: list[Short] = Field(default_factory=list, max_length=2, description=f"{PERIOD} Twice to compare.")
    grain: Grain = Field(Grain.ALL, description="Step of the period.")
    by: Splits = Field(default_factory=list)
    filter: list[Long] = Field(default_factory=list, max_length=2, description=f"{FILTER} Twice to compare.")
    as_of: list[Short] = Field(default_factory=list, max_length=2, description=f"{AS_OF} Twice to compare.")
    generation: list[Generation] = Field(
        default_factory=list, max_length=2, description=f"{GENERATION} Twice to compare."
    )
    format: Form = Field("json", description=FORMAT)


class Funnel(Asked):
    """Parameters of `funnel`."""

    funnel: Short = Field("", description="Id of the funnel (default: leads).", examples=["leads"])
    start: Short = Field("", description="Also from this step to `end`, beside step by step.")
    end: Short = Field("", description="The last step of that pair (default: the last of all).")
    cohorts: bool = Field(False, description="Also which share of each month's entries had come by which age.")
    reference: list[Short] = Field(
        default_factory=list,
        max_length=12,
        description="Hold the rate to a step against this one, such as `mql=40%`, instead of its own best year's; may "
        "be repeated.",
    )
    period: Short | SkipJsonSchema[None] = Field(None, description=PERIOD, examples=["2026-Q1"])
    grain: Grain = Field(Grain.ALL, description="Step of the period.")
    by: Splits = Field(default_factory=list)
    filter: Long = Field("", description=FILTER)
    as_of: Short | SkipJsonSchema[None] = Field(None, description=AS_OF)
    generation: Generation = Field("", description=GENERATION)
    format: Form = Field("json", description=FORMAT)


class Components(Asked):
    """Parameters of `components`."""

    level: list[Literal["channel", "program", "campaign"]] = Field(
        default_factory=list, max_length=3, description="Only this level; may be repeated (default: all three)."
    )
    funnel: Short = Field("", description="Id of the funnel that they feed (default: that of `components.yml`).")
    period: Short | SkipJsonSchema[None] = Field(
        None, description=PERIOD.replace("default: all data", "default: the last twelve months"), examples=["2026-Q1"]
    )
    as_of: Short | SkipJsonSchema[None] = Field(None, description=AS_OF)
    generation: Generation = Field("", description=GENERATION)
    format: Form = Field("json", description=FORMAT)


class Qualify(Asked):
    """Parameters of `qualify`."""

    criteria: Short = Field("", description="Id of the criteria (default: leads).", examples=["leads"])
    version: Short = Field(
        "", description="Judge all of history by this version (default: each moment by the one in force then)."
    )
    against: Short = Field("", description="Hold this version beside it.")
    period: Short | SkipJsonSchema[None] = Field(None, description=PERIOD, examples=["2026-Q1"])
    grain: Grain = Field(Grain.ALL, description="Step of the period.")
    by: Splits = Field(default_factory=list)
    filter: Long = Field("", description=FILTER)
    as_of: Short | SkipJsonSchema[None] = Field(None, description=AS_OF)
    generation: Generation = Field("", description=GENERATION)
    format: Form = Field("json", description=FORMAT)


class Found(Asked):
    """Parameters of the list of KPIs."""

    find: Short = Field("", description="Only KPIs in which all these words occur.")


class Covered(Found):
    """Parameters of what can be computed."""

    kgi: Short = Field("", description="The KPI the company steers by.")


class Nothing(Asked):
    """No parameters."""


def check_names(request: Request, asked: type[Asked]) -> None:
    """Raises QueryError for a parameter that the path does not know, with the nearest, or that came too often: what is
    misspelt must not be answered as if it had not been said."""
    fields = asked.model_fields
    given = [name for name, _ in request.query_params.multi_items()]
    for name in given:
        if name not in fields:
            known = f"The parameters are {_listed(fields)}." if fields else "This path takes none."
            near = nearest(name, fields)
            raise QueryError(f"no parameter is called {name!r}", where=name, do=f"{near} {known}".strip())
        if given.count(name) > 1 and not _repeats(fields[name]):
            raise QueryError(f"{name!r} was given {given.count(name)} times", where=name, do="Give it once.")


def refusal(error: RequestValidationError) -> QueryError:
    """What is wrong with parameters, all of it in one error."""
    told = [(str(fault["loc"][1]) if len(fault["loc"]) > 1 else "", _said(fault)) for fault in error.errors()]
    return QueryError("; ".join(said for _, said in told), where=", ".join(dict.fromkeys(name for name, _ in told)))


def _said(fault: Any) -> str:
    name = str(fault["loc"][1]) if len(fault["loc"]) > 1 else "the request"
    match fault["type"]:
        case "missing":
            return f"{name!r} is missing"
        case "string_too_long":
            return f"{name!r} is longer than {fault['ctx']['max_length']:,} characters"
        case "too_long":
            return f"{name!r} was given more than {fault['ctx']['max_length']} times"
        case "enum" | "literal_error":
            return f"{name!r} is one of {fault['ctx']['expected']}, not {fault['input']!r}"
        case "int_parsing" | "int_from_float" | "int_type" | "int_parsing_size":
            return f"{name!r} is a whole number, not {fault['input']!r}"
        case _:
            message = str(fault["msg"])
            return f"{name!r}: {message[:1].lower()}{message[1:]}"


def _repeats(field: FieldInfo) -> bool:
    return "list[" in str(field.annotation)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)


def generations(asked: Question | Compared | Funnel | Components | Qualify) -> Sequence[str]:
    """The generations that a question names."""
    return tuple(asked.generation) if isinstance(asked, Compared) else (asked.generation,)
