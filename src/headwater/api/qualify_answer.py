"""What criteria answer: Observations that print themselves, and the leads on which two versions differ."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import ClassVar

from headwater.api import show
from headwater.api.answer import Observed
from headwater.model.criteria import Criteria, CriteriaVersion
from headwater.model.observation import Observation

IN_FORCE = "in force"
"""Judged by the version that was in force at each moment."""

CRM = "crm"
"""Judged by the CRM's own date of the stage."""

SPLITS = 2
"""The first two splits of every number are who judged and the rule."""

MOST_SHOWN = 10
"""So many leads on which two versions differ are printed."""

Segment = tuple[tuple[str, str | None], ...]


@dataclass(frozen=True, slots=True)
class Differing:
    """A lead that one of two versions alone qualifies: which one, on which day, and whether a deal was won in its time
    (None: it has not had its time)."""

    lead: str
    judged_by: str
    day: date
    won: bool | None


@dataclass(frozen=True, slots=True, repr=False)
class Qualification(Observed):
    """Every number of criteria as an Observation: `variant` says which, the splits `judged_by` (a version, `in force`,
    `crm`; empty for what is the same of all) and `rule` of whom.

    On the period basis `came` (leads), `qualified` and `per_week`. Of leads that came in the period and have had their
    time: `base_rate` (share won), `precision` (won, of those who qualified in time and before their first opportunity),
    `recall` (of those who won, who had qualified so), `lift` (precision over base rate; `detail` is the verdict). Of
    each rule of the newest version asked, where neither a grain nor splits are: `rule_share` (of those qualified, who
    had its points), `rule_precision_with` and `rule_precision_without` (precision of those who had them, and had not),
    `dropped_qualified` and `dropped_precision` (if the rule were not there). Of two versions `both` and `only` (who
    qualifies), with `both_precision` and `only_precision`; `differing` are the leads behind `only`, the newest first.
    """

    sheet: ClassVar[str] = "Qualification"

    numbers: tuple[Observation, ...]
    criteria: Criteria
    judged_by: str
    version: CriteriaVersion | None
    differing: tuple[Differing, ...] = ()
    notes: tuple[str, ...] = ()

    def _all(self) -> tuple[Observation, ...]:
        return self.numbers

    def find(
        self, variant: str, judged_by: str | None = None, rule: str | None = None, segment: Segment = ()
    ) -> Observation | None:
        """The first number of that kind, judge, rule and segment, or None."""
        wanted = (("judged_by", judged_by), ("rule", rule), *segment)
        return next((o for o in self.numbers if o.variant == variant and o.segment == wanted), None)

    @property
    def judges(self) -> tuple[str, ...]:
        """Who judged, in order."""
        return tuple(dict.fromkeys(o.segment[0][1] or "" for o in self.numbers if o.variant == "qualified"))

    @property
    def rules(self) -> tuple[str, ...]:
        """The rules of which something is told, in order."""
        return tuple(dict.fromkeys(rule for o in self.numbers if (rule := o.segment[1][1])))

    def title_of(self, judged_by: str) -> str:
        """What a judge is called where people read it."""
        if judged_by == CRM:
            return f"CRM ({self.criteria.stage})"
        return judged_by if judged_by == IN_FORCE else f"version {judged_by}"

    def to_text(self) -> str:
        """The criteria for people: who qualifies, how well that tells who buys, what each rule brings."""
        return "\n".join(self._lines())

    def __repr__(self) -> str:
        return self.to_text()

    # --- the text ----------------------------------------------------------------------------------------------------
    def _lines(self) -> Iterator[str]:
        filtered = next((f", filter {o.filter}" for o in self.numbers if o.filter), "")
        yield show.harmless(f"{self.criteria.title} (criteria {self.criteria.id}, {self.judged_by}{filtered})")
        places = dict.fromkeys((o.period_start, o.period_end, o.segment[SPLITS:]) for o in self._of("came"))
        named = [name for name, _ in next((s for _, _, s in places), ())]
        judges = self.judges
        heads = ["period", *named, "came"]
        for judge in judges:
            heads += [f"qualified, {self.title_of(judge)}", "a week", "95 %"]
        rows, tests = [], []
        for start, end, segment in places:
            here = {
                (o.variant, o.segment[0][1] or ""): o
                for o in self.numbers
                if (o.period_start, o.period_end, o.segment[SPLITS:]) == (start, end, segment) and not o.segment[1][1]
            }
            grain = next(iter(here.values())).grain
            told = [show.period_text(start, end, grain), *(v or "(empty)" for _, v in segment)]
            row = [*told, _value(here.get(("came", "")), "number")]
            for judge in judges:
                a_week = here.get(("per_week", judge))
                row += [_value(here.get(("qualified", judge)), "number"), _score(a_week), _interval(a_week, "score")]
                base, lift = here.get(("base_rate", "")), here.get(("lift", judge))
                precision, recall = here.get(("precision", judge)), here.get(("recall", judge))
                tests.append(
                    [*told, self.title_of(judge), _count(base, top=False), _count(base, top=True),
                     _count(precision, top=False), _value(precision, "percent"), _interval(precision, "percent"),
                     _value(recall, "percent"), _interval(recall, "percent"), _times(lift), _times_interval(lift)]
                )  # fmt: skip
            rows.append(row)
        yield ""
        yield show.table(heads, rows, frozenset(range(len(named) + 1, len(heads))))
        yield from ("", f"Back-test: leads of the period that have had {self.criteria.within} days to be won")
        heads = ["period", *named, "judged by", "leads", "won", "qualified", "precision", "95 %", "recall", "95 %"]
        heads += ["lift", "95 %"]
        first = len(named) + 2
        yield show.table(heads, tests, frozenset({*range(first, first + 4), first + 5, first + 7}))
        yield from self._verdicts()
        yield from self._rules()
        yield from self._differences()
        yield from self._rest()

    def _of(self, variant: str) -> list[Observation]:
        return [o for o in self.numbers if o.variant == variant]

    def _verdicts(self) -> Iterator[str]:
        lifts = self._of("lift")
        if len({(o.period_start, o.segment[SPLITS:]) for o in lifts}) == 1:
            for o in lifts:
                yield show.harmless(f"{self.title_of(o.segment[0][1] or '')} {o.detail}")

    def _rules(self) -> Iterator[str]:
        if not self.rules:
            return
        rows = []
        for rule in self.rules:
            found = {v: self.find(v, self.judged_by, rule) for v in (*_RULE, *_DROPPED)}
            title = next(o.detail for o in found.values() if o is not None)
            rows.append(
                [title, *(_value(found[v], "percent") for v in _RULE), _value(found["dropped_qualified"], "number"),
                 _value(found["dropped_precision"], "percent")]
            )  # fmt: skip
        told = "" if self.version is None else f" (version {self.version.id})"
        yield from ("", f"What each rule brings{told}")
        heads = ["rule", "have its points", "of these won", "of the others", "without it qualify", "and of these won"]
        yield show.table(heads, rows, frozenset(range(1, 6)), 44)

    def _differences(self) -> Iterator[str]:
        shared = [*self._of("both"), *self._of("only")]
        if not shared or len({(o.period_start, o.segment[SPLITS:]) for o in shared}) > 1:
            return
        rows = []
        for o in shared:
            label = o.segment[0][1]
            precision = self.find(f"{o.variant}_precision", label)
            name = "both" if label is None else f"{self.title_of(label)} alone"
            rows.append([name, _value(o, "number"), _value(precision, "percent"), _interval(precision, "percent")])
        yield from ("", "Who qualifies by which")
        yield show.table(["by", "qualified", "won", "95 %"], rows, frozenset({1, 2}))
        if self.differing:
            leads = [
                [d.lead, self.title_of(d.judged_by), d.day.isoformat(), _WON[d.won]]
                for d in self.differing[:MOST_SHOWN]
            ]
            yield ""
            yield show.table(["lead", "qualified by", "on", "won"], leads)
            if len(self.differing) > MOST_SHOWN:
                yield f"and {len(self.differing) - MOST_SHOWN:,} more"

    def _rest(self) -> Iterator[str]:
        said = list(self.notes)
        base = next((o for o in self._of("base_rate") if o.detail), None)
        if base is not None:
            said.append(f"left out of the back-test: {base.detail}")
        if self.numbers:
            said.append(f"as of {self.numbers[0].as_of}, data version {self.numbers[0].data}")
        if said:
            yield ""
            yield from (show.harmless(line) for line in said)


_RULE = ("rule_share", "rule_precision_with", "rule_precision_without")
_DROPPED = ("dropped_qualified", "dropped_precision")
_WON = {True: "yes", False: "no", None: "too young"}


def _value(observation: Observation | None, shown: str) -> str:
    return "" if observation is None or observation.value is None else show.number(observation.value, shown)


def _score(observation: Observation | None) -> str:
    return _value(observation, "score")


def _times(observation: Observation | None) -> str:
    return "" if observation is None or observation.value is None else f"{observation.value:.2f}"


def _times_interval(observation: Observation | None) -> str:
    if observation is None or observation.low is None:
        return ""
    return f"{observation.low:.2f} to {observation.high:.2f}" if observation.high is not None else ""


def _count(observation: Observation | None, *, top: bool) -> str:
    number = None if observation is None else observation.numerator if top else observation.denominator
    return "" if number is None else f"{number:,.0f}"


def _interval(observation: Observation | None, shown: str) -> str:
    if observation is None or observation.value is None or observation.low is None or observation.high is None:
        return ""
    return f"{show.number(observation.low, shown)} to {show.number(observation.high, shown)}"
