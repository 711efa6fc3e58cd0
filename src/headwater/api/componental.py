"""Components with their verdicts, as every surface tells them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, overload

from headwater.api import export, show
from headwater.api.answer import Label, Listing, Tabular
from headwater.model.component import JUDGED, Judged
from headwater.model.component import Components as Rules
from headwater.model.funnel import Funnel
from headwater.model.observation import Observation, Rows
from headwater.model.period import Period

VERDICTS = {"contributes": "contributes", "no_sign": "no sign", "cannot_tell": "cannot tell"}
"""What each verdict is called."""

MOST_MONTHS = 60
"""What would take longer is told as far too few."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Component(Judged):
    """One channel, program or campaign.

    It serves `step`, is held to `kpi` and feeds `feeds`; `growth`, `efficiency` and `cost` are of the period asked,
    the rest of `judged`, of which it is known what became of everybody. `verdict`: `contributes`, `no_sign` or
    `cannot_tell`, with `reason`. `entries` came to the next step by it where its money brings `expected` elsewhere
    (`ratio` with its 95 % interval, against so many others of `pool`); of `entered` `came` where `came_expected` of
    others do (`odds` with its interval). `by` says whether `seen` is of money (`volume`) or of who goes on
    (`passage`): the smallest share of what comparable ones bring that would have been called contributing, also as
    `seen_entries` and `seen_share` of all entries. `needs`: so many times the data would settle it, which at this pace
    is there in `needs_months`. `gaps` are what is missing of it, each a sentence.
    """

    level: str
    id: str
    title: str
    program: str
    channel: str
    objective: str
    objective_title: str
    kpi: str
    step: str
    feeds: str
    feeds_title: str
    growth: Observation | None
    efficiency: Observation | None
    cost: Observation | None
    judged: Period | None
    needs_months: int | None
    gaps: tuple[str, ...]

    def said(self, rules: Rules) -> str:
        """The verdict with its evidence, in one sentence."""
        match self.verdict:
            case "contributes":
                return f"{self._volume()}{'; ' if self.ratio is not None and self.entered else ''}{self._passage()}"
            case "no_sign":
                return f"no sign of contributing although {self._seen()} would have been seen"
            case _:
                return f"cannot tell: {self._why(rules)}"

    def _volume(self) -> str:
        if self.ratio is None or self.expected is None:
            return ""
        spread = ""
        if self.ratio_low is not None and self.ratio_high is not None:
            spread = f", 95 % {self.ratio_low:.0%} to {self.ratio_high:.0%}"
        than = f"{self._elsewhere()} {self.expected:,.1f}"
        return f"brought {self.entries:,} to {self.feeds_title} where {than} ({self.ratio:.0%}{spread})"

    def _elsewhere(self) -> str:
        if self.pool == "average":
            return f"the average {self.level} brings"
        return "such money elsewhere brings"

    def _passage(self) -> str:
        if not self.entered:
            return ""
        told = f"{self.came:,} of {self.entered:,} went on"
        return told if self.came_expected is None else f"{told}, of others like them {self.came_expected:,.1f} would"

    def _seen(self) -> str:
        share = "" if self.seen_share is None else f"a share of {self.seen_share:.1%} of all {self.feeds_title} entries"
        seen = f"{self.seen or 0.0:.0%}"
        if self.by == "passage":
            return f"{share} ({seen} of the odds of others; {self._passage()})"
        return f"{share} ({seen} of what {self._elsewhere().removesuffix(' brings')} brings)"

    def _why(self, rules: Rules) -> str:
        half = f"{rules.interest:.0%} of what comparable ones bring"
        match self.reason:
            case "no_step" if not self.objective:
                return "it is not known what it is for"
            case "no_step" if not self.feeds:
                return "there is no next step by which it could be judged"
            case "no_step":
                return "nobody has been seen long enough yet"
            case "nothing_known":
                return "in the time judged nothing was paid for it and nobody came by it"
            case "none_alike":
                return "no others are known that it could be held against"
            case "all_alike":
                return "whoever brought them, everybody goes on or nobody does"
            case "between":
                return f"what it brings lies between {rules.nothing:.0%} and {half}"
            case _ if self.needs is None or self.needs_months is None or self.needs_months > MOST_MONTHS:
                return f"far too few to see even {half}"
            case _:
                more = math.ceil(self.entered * (self.needs - 1))
                who = f", or {more:,} more that enter" if more else ""
                return f"too few; to see {half} takes {self.needs_months:,} months in all at this pace{who}"


@dataclass(frozen=True, slots=True, repr=False)
class Components(Tabular, Sequence[Component]):
    """Every component of the levels asked, by level, verdict and title. `period` is that of the KPIs, `judged` the part
    of it that verdicts rest on; `rules` how sure they have to be; `labels` how its KPIs are called and shown."""

    found: tuple[Component, ...]
    funnel: Funnel
    rules: Rules
    period: Period
    judged: Period
    as_of: date
    data: str
    notes: tuple[str, ...] = ()
    labels: Mapping[str, Label] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.found)

    def __iter__(self) -> Iterator[Component]:
        return iter(self.found)

    @overload
    def __getitem__(self, index: int) -> Component: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Component, ...]: ...
    def __getitem__(self, index: int | slice) -> Component | tuple[Component, ...]:
        return self.found[index]

    def find(self, level: str, name: str) -> Component | None:
        """The component of a level with that id or title, or None."""
        return next((c for c in self.found if c.level == level and name in (c.id, c.title)), None)

    def to_json(self) -> str:
        """A JSON list of objects, one a component; its KPIs as Observations."""
        told = []
        for c in self.found:
            values: dict[str, Any] = {name: getattr(c, name) for name in _FIELDS}
            for name in _NUMBERS:
                number: Observation | None = getattr(c, name)
                values[name] = None if number is None else export.observation_object(number)
            values["judged_from"] = None if c.judged is None else c.judged.start.isoformat()
            values["judged_until"] = None if c.judged is None else c.judged.end.isoformat()
            values |= {"said": c.said(self.rules), "gaps": list(c.gaps), "as_of": self.as_of.isoformat()}
            values["data"] = self.data
            told.append(values)
        return json.dumps(told, ensure_ascii=False, allow_nan=False, indent=1)

    def to_text(self) -> str:
        """Components for people: by level what each is for, its KPIs, its verdict with the evidence, and the gaps."""
        return "\n".join(self._lines())

    def __repr__(self) -> str:
        return self.to_text()

    @property
    def listing(self) -> Listing:
        """One row a component: its fields, and of its KPIs id, value and interval."""
        numbers = tuple(f"{n}{part}" for n in _NUMBERS for part in ("_kpi", "", "_low", "_high", "_n"))
        columns = (*_FIELDS, *numbers, "currency", "judged_from", "judged_until", "said", "gaps", "as_of", "data")
        rows = []
        for c in self.found:
            told: list[object] = [getattr(c, name) for name in _FIELDS]
            for name in _NUMBERS:
                o: Observation | None = getattr(c, name)
                told += [None] * 5 if o is None else [o.kpi, o.value, o.low, o.high, o.subjects]
            currency = next((o.currency for o in (c.cost, c.efficiency, c.growth) if o is not None and o.currency), "")
            span = (None, None) if c.judged is None else (c.judged.start, c.judged.end)
            told += [currency, *span, c.said(self.rules), "; ".join(c.gaps), self.as_of, self.data]
            rows.append(tuple(told))
        return Listing(Rows(columns, tuple(rows), "one component"), "Components")

    def _value(self, found: Observation | None) -> str:
        if found is None:
            return ""
        label = self.labels[found.kpi]
        interval = f" ({show.interval_text(found, label.show)})" if found.low is not None else ""
        return f"{label.title} {show.value_text(found, label.show)}{interval}"

    def _lines(self) -> Iterator[str]:
        rules = self.rules
        yield show.harmless(f"Components, {show.whole_period_text(self.period)} (funnel {self.funnel.id})")
        for level in dict.fromkeys(c.level for c in self.found):
            here = [c for c in self.found if c.level == level]
            yield from ("", f"{level.capitalize()}s")
            rows = [
                [
                    c.title,
                    c.objective_title,
                    c.feeds_title,
                    self._value(c.growth),
                    self._value(c.efficiency),
                    VERDICTS[c.verdict],
                ]
                for c in here
            ]
            heads = [level, "for", "feeds", "growth", "efficiency", "verdict"]
            yield show.table(heads, rows, frozenset({3, 4}))
            yield ""
            yield from (show.harmless(f"{c.title}: {c.said(rules)}") for c in here)
        if gaps := [c for c in self.found if c.gaps]:
            yield from ("", "Gaps")
            yield from (show.harmless(f"{c.title} ({c.level}): {'; '.join(c.gaps)}") for c in gaps)
        yield ""
        yield (
            f"verdicts on {show.whole_period_text(self.judged)}, as far as it is known what became of everybody; of "
            f"those called contributing at a level at most {rules.level:.0%} are so by chance; less than "
            f"{rules.nothing:.0%} of what comparable ones bring counts as nothing; power {rules.power:.0%}"
        )
        yield from (show.harmless(n) for n in self.notes)
        yield f"as of {self.as_of}, data version {self.data}"


_NUMBERS = ("growth", "efficiency", "cost")
_FIELDS = (
    "level", "id", "title", "program", "channel", "objective", "kpi", "step", "feeds",
    *JUDGED, "needs_months",
)  # fmt: skip
