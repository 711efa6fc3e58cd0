"""Whether a component of marketing (a channel, a program, a campaign) feeds the step it is to feed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, fields, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.special import betainc, betaincinv, gammainc, gammaincinv, gammaln, ndtri

from headwater.model.component import Judged

LEVEL, POWER = 0.05, 0.8
"""Of those called contributing at most this share is so by chance; and how surely an effect is to be seen."""

NOTHING, INTEREST = 0.1, 0.5
"""What counts as nothing, and what must not be missed, as shares of what comparable components bring."""

LEAST = 10
"""Components are held against others that brought at least so many."""

CONTRIBUTES, NO_SIGN, CANNOT_TELL = "contributes", "no_sign", "cannot_tell"
MOST_TIMES = 100.0
"""What would take more than so many times the data is not told as a wait."""

Floats = npt.NDArray[np.float64]
_Z = 1.959963984540054
_TRIM = 1e-17  # shares of a distribution that no answer here can depend on
_TYPES = {"str": pa.string(), "int": pa.int64(), "float | None": pa.float64()}
SCHEMA = pa.schema([("component", pa.string()), *((f.name, _TYPES[str(f.type)]) for f in fields(Judged))])


def components(
    known: pa.Table,
    entries: pa.Table,
    passages: pa.Table,
    *,
    level: float = LEVEL,
    power: float = POWER,
    nothing: float = NOTHING,
    interest: float = INTEREST,
) -> pa.Table:
    """A verdict of three on each component: does it feed its next step?

    In:      known: component (text, each once), feeds (text: the way from its step to the next one; null: none),
             arrives (boolean, see below), channel (text or null: components of one channel are the most alike).
             entries: feeds, component (null: of none), count: who came to the next step by that way in the time judged;
             cost (float, null where nothing is known): what was paid in that time; months (integer): in how many of its
             months anything was paid or anybody came.
             passages: feeds, component (null: of none), channel (text or null), stratum (text, such as the month),
             entered, came: of those old enough to be judged, how many entered the way and how many of them went on.
             `arrives`: the entries of the way are the arrivals of persons unknown before, and its passages are what
             becomes of them next; else the entries are those who went on.
    Out:     one row a component, in the order of `known`. verdict, reason (see below), p (of the hypothesis that it
             brings nothing), alpha (what p was held against); entries, expected (what its money would bring at the cost
             of the `against` others of `pool`; or, where that is less, what the average of them brings in as many
             months: pool `average`), ratio (of the two, with its 95 % interval); entered, came, came_expected (at the
             rate of others of the same channel and stratum), odds (Mantel-Haenszel, with its 95 % interval);
             by (`volume` or `passage`: what `seen` is of), seen (the smallest share of what comparable ones bring that
             would have been called contributing with `power`), seen_entries and seen_share (the same in entries, and as
             a share of all entries), needs (so many times the data would settle it; null where that is not known).
    Rule:    two hypotheses that it brings nothing, as far as each can be put: `volume`, that it brings at most
             `nothing` of what is expected (exact test of two Poisson rates, given their sum); `passage`, that those it
             brought go on with at most `nothing` of the odds of the others in the same channel and stratum (exact
             conditional test of a common odds ratio), put where the first cannot be, or says nothing of going on
             (`arrives`). `contributes`: all that could be put are rejected; p is the larger, held to a false discovery
             rate of `level` over the components (Benjamini and Hochberg). `no_sign`: it is not, although one of the
             tests would have seen `interest` with `power`, and the 95 % interval lies below `interest`. Else
             `cannot_tell`.
    Reason:  of `cannot_tell`: `no_step`, `nothing_known` (no cost, nobody came), `none_alike` (no others), `all_alike`
             (of all that entered everybody went on, or nobody), `too_few`, `between`.
    Assumes: entries come one by one and do not depend on each other; what is credited to a component came by it.
    Misleads: credit is not cause. Who would have come anyway counts as brought; money that works later than the period
             counts as lost.
    From:    J. Przyborowski and H. Wilenski, Biometrika 31 (1940) (two Poisson rates); J. J. Gart, Biometrika 57 (1970)
             (exact common odds ratio); N. Mantel and W. Haenszel, JNCI 22 (1959), with the variance of J. Robins,
             N. Breslow and S. Greenland, Biometrics 42 (1986); Y. Benjamini and Y. Hochberg, JRSS B 57 (1995).
    """
    if not 0 <= nothing < interest or not 0 < level < 1 or not 0 < power < 1:
        raise ValueError("nothing lies below interest; level and power lie between 0 and 1")
    if nothing == 0:
        raise ValueError("nothing is a small share above 0: one entry credited by mistake would refute 0")
    rows = known.to_pylist()
    told = _brought(entries)
    tests = [_tests(row, rows, told, passages_of, nothing) for row, passages_of in _joined(rows, passages)]
    ps = [t.p for t in tests]
    rejected, alphas = false_discoveries(ps, level)
    found = [
        (row["component"], *astuple(_judged(test, bool(hit), alpha, power, nothing, interest)))
        for row, test, hit, alpha in zip(rows, tests, rejected, alphas, strict=True)
    ]
    columns = list(zip(*found, strict=True)) if found else [()] * len(SCHEMA)
    return pa.Table.from_arrays(
        [pa.array(list(c), f.type) for c, f in zip(columns, SCHEMA, strict=True)], schema=SCHEMA
    )


def false_discoveries(ps: Sequence[float | None], level: float) -> tuple[list[bool], list[float]]:
    """Which hypotheses are rejected at a false discovery rate, and what one more would have to be at most. None is no
    hypothesis.

    >>> false_discoveries([0.01, 0.02, 0.5, None], 0.05)
    ([True, True, False, False], [0.05, 0.05, 0.05, 0.05])
    >>> false_discoveries([0.04, 0.9], 0.05)
    ([False, False], [0.025, 0.025])
    """
    known = sorted(p for p in ps if p is not None)
    m = len(known)
    count = max((k for k, p in enumerate(known, 1) if p <= level * k / m), default=0)
    limit = level * count / m if m else 0.0
    alpha = level * (min(count + 1, m) / m) if m else level
    return [p is not None and count > 0 and p <= limit for p in ps], [alpha] * len(ps)


# --- the two tests ---------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class _Volume:
    """Entries against what others bring for their money: `fair` is this component's part of the money of both."""

    entries: int
    cost: float
    others: int
    others_cost: float
    against: int
    pool: str

    @property
    def expected(self) -> float:
        return self.cost * self.others / self.others_cost

    def share(self, ratio: float) -> float:
        """The component's part of both sums where it brings this ratio of what others bring."""
        return ratio * self.cost / (ratio * self.cost + self.others_cost)

    def p(self, nothing: float) -> float:
        """How likely that many or more are, where it brings `nothing`."""
        return 1.0 if self.entries == 0 else float(betainc(self.entries, self.others + 1, self.share(nothing)))

    def interval(self) -> tuple[float, float]:
        """The exact 95 % interval of the ratio."""
        x, y = self.entries, self.others
        low = 0.0 if x == 0 else float(betaincinv(x, y + 1, 0.025))
        high = float(betaincinv(x + 1, y, 0.975)) if y else 1.0
        scale = self.others_cost / self.cost
        return low / (1 - low) * scale, high / (1 - high) * scale if high < 1 else math.inf

    def critical(self, alpha: float, nothing: float, times: float = 1.0) -> int:
        """The fewest entries that would be called contributing."""
        others, part = self.others * times + 1, self.share(nothing)
        mean = others * part / (1 - part)
        counts = np.arange(1, math.ceil(mean + 20 * math.sqrt(mean / (1 - part) + 1) + 40))
        few = betainc(counts, others, part) <= alpha
        return int(counts[np.argmax(few)]) if few[-1] else len(counts) + 1

    def power(self, ratio: float, alpha: float, nothing: float, times: float = 1.0) -> float:
        """How likely a component that brings this ratio is called contributing."""
        return float(gammainc(self.critical(alpha, nothing, times), ratio * self.expected * times))

    def seen(self, alpha: float, nothing: float, power: float) -> float:
        """The smallest ratio that is called contributing with this power."""
        return float(gammaincinv(self.critical(alpha, nothing), power)) / self.expected


@dataclass(frozen=True, slots=True)
class _Passage:
    """Of strata in which something can be learnt: entered and came, of the component and of the others."""

    strata: tuple[tuple[int, int, int, int], ...]
    entered: int
    came: int
    came_expected: float | None

    def law(self, odds: float) -> tuple[int, Floats]:
        """The chances of how many of the component's come, given how many come in each stratum: the first number, and
        the chances from there on."""
        first, chances = 0, np.ones(1)
        for n1, _, n0, total in self.strata:
            start, of = _hypergeometric(n1, n0, total, odds)
            chances = np.convolve(chances, of)
            first += start
            keep = np.flatnonzero(chances > _TRIM * chances.max())
            first += int(keep[0])
            chances = chances[keep[0] : keep[-1] + 1]
        return first, chances / chances.sum()

    @property
    def mine(self) -> int:
        """Those who came, in the strata in which something can be learnt."""
        return sum(x for _, x, _, _ in self.strata)

    def p(self, nothing: float) -> float:
        """How likely that many or more are, where they go on with `nothing` of the odds."""
        return _above(self.law(nothing), self.mine)

    def below(self, odds: float) -> float:
        """How likely that few or fewer are at these odds."""
        first, chances = self.law(odds)
        return float(chances[: max(0, self.mine - first + 1)].sum())

    def critical(self, alpha: float, nothing: float) -> int:
        """The fewest that would be called contributing."""
        first, chances = self.law(nothing)
        tails = np.append(np.cumsum(chances[::-1])[::-1], 0.0)
        return first + int(np.argmax(tails <= alpha))

    def power(self, odds: float, alpha: float, nothing: float) -> float:
        """How likely a component with these odds is called contributing."""
        return _above(self.law(odds), self.critical(alpha, nothing))

    def seen(self, alpha: float, nothing: float, power: float) -> float | None:
        """The smallest odds that are called contributing with this power; None where even a thousandfold is not."""
        critical = self.critical(alpha, nothing)
        low, high = math.log(nothing), math.log(1000.0)
        if _above(self.law(1000.0), critical) < power:
            return None
        for _ in range(30):
            middle = (low + high) / 2
            low, high = (low, middle) if _above(self.law(math.exp(middle)), critical) >= power else (middle, high)
        return math.exp(high)

    def odds(self) -> tuple[float | None, float | None, float | None]:
        """The Mantel-Haenszel odds ratio with its 95 % interval; None where it is not finite."""
        parts = np.array(self.strata, dtype=float)
        n1, x1, n0, total = parts.T
        x0, size = total - x1, n1 + n0
        top, bottom = x1 * (n0 - x0) / size, x0 * (n1 - x1) / size
        if not top.sum() or not bottom.sum():
            return (0.0 if not top.sum() else None), None, None
        agree, differ = (x1 + n0 - x0) / size, (x0 + n1 - x1) / size
        r, s = top.sum(), bottom.sum()
        variance = (
            (agree * top).sum() / (2 * r * r)
            + (agree * bottom + differ * top).sum() / (2 * r * s)
            + (differ * bottom).sum() / (2 * s * s)
        )
        half = _Z * math.sqrt(variance)
        ratio = r / s
        return float(ratio), float(ratio * math.exp(-half)), float(ratio * math.exp(half))

    def moments(self, odds: float) -> tuple[float, float]:
        """Mean and variance of how many come at these odds."""
        first, chances = self.law(odds)
        counts = first + np.arange(len(chances))
        mean = float((counts * chances).sum())
        return mean, float(((counts - mean) ** 2 * chances).sum())


def _hypergeometric(n1: int, n0: int, total: int, odds: float) -> tuple[int, Floats]:
    """Fisher's noncentral hypergeometric chances, from the smallest count on."""
    low, high = max(0, total - n0), min(n1, total)
    k = np.arange(low, high + 1)
    logs = (
        -gammaln(k + 1) - gammaln(n1 - k + 1) - gammaln(total - k + 1) - gammaln(n0 - total + k + 1)
    ) + k * math.log(odds)
    chances: Floats = np.exp(logs - logs.max())
    keep = np.flatnonzero(chances > _TRIM)
    chances = chances[keep[0] : keep[-1] + 1]
    return low + int(keep[0]), chances / chances.sum()


def _above(law: tuple[int, Floats], count: int) -> float:
    """How likely that many or more are."""
    first, chances = law
    return min(1.0, float(chances[max(0, count - first) :].sum()))


# --- who is held against whom ----------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class _Tests:
    """What could be tested of a component; `beside` is told and not tested."""

    entries: int
    total: int
    volume: _Volume | None
    passage: _Passage | None
    beside: _Passage | None
    entered: int
    came: int
    p: float | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class _Brought:
    """Entries and money by way and component (None: of none)."""

    entries: Mapping[tuple[str, str | None], int]
    paid: Mapping[tuple[str, str | None], float]
    active: Mapping[tuple[str, str | None], int]

    def of(self, feeds: object, component: object) -> int:
        return self.entries.get((str(feeds), str(component)), 0)

    def cost(self, feeds: object, component: object) -> float:
        """What was paid; 0 where nothing is known, and where more came back than was paid."""
        return max(0.0, self.paid.get((str(feeds), str(component)), 0.0))

    def months(self, feeds: object, component: object) -> int:
        return self.active.get((str(feeds), str(component)), 0)

    def total(self, feeds: object) -> int:
        return sum(n for (way, _), n in self.entries.items() if way == feeds)


def _brought(entries: pa.Table) -> _Brought:
    counts: dict[tuple[str, str | None], int] = {}
    paid: dict[tuple[str, str | None], float] = {}
    active: dict[tuple[str, str | None], int] = {}
    for row in entries.to_pylist():
        key = (row["feeds"], row["component"])
        counts[key] = counts.get(key, 0) + int(row["count"])
        paid[key] = paid.get(key, 0.0) + (row["cost"] or 0.0)
        active[key] = max(active.get(key, 0), row["months"])
    return _Brought(counts, paid, active)


Cells = dict[tuple[str | None, str], list[int]]


def _joined(rows: Sequence[Mapping[str, object]], passages: pa.Table) -> list[tuple[dict[str, object], list[Cells]]]:
    """Each component with the cells (channel, stratum) of its own passages and of all together: entered, came."""
    own: dict[tuple[str, str | None], Cells] = {}
    whole: dict[str, Cells] = {}
    for row in passages.to_pylist():
        cell = (row["channel"], row["stratum"])
        for cells in (own.setdefault((row["feeds"], row["component"]), {}), whole.setdefault(row["feeds"], {})):
            counts = cells.setdefault(cell, [0, 0])
            counts[0] += int(row["entered"])
            counts[1] += int(row["came"])
    return [
        (dict(row), [own.get((str(row["feeds"]), str(row["component"])), {}), whole.get(str(row["feeds"]), {})])
        for row in rows
    ]


def _tests(
    row: Mapping[str, object],
    rows: Sequence[Mapping[str, object]],
    brought: _Brought,
    cells: Sequence[Cells],
    nothing: float,
) -> _Tests:
    feeds, name = row["feeds"], row["component"]
    if feeds is None:
        return _Tests(0, 0, None, None, None, 0, 0, None, "no_step")
    mine = brought.of(feeds, name)
    volume = _volume(row, rows, brought)
    beside = _passage(*cells)
    passage = beside if volume is None or row["arrives"] else None
    entered, came = (sum(c[i] for c in cells[0].values()) for i in (0, 1))
    ps = ([] if volume is None else [volume.p(nothing)]) + ([] if passage is None else [passage.p(nothing)])
    reason = ""
    if not ps:
        idle = not entered and not mine and not brought.cost(feeds, name)
        entered_all = sum(n for n, _ in cells[1].values())
        reason = "nothing_known" if idle else "all_alike" if entered_all > entered > 0 else "none_alike"
    return _Tests(mine, brought.total(feeds), volume, passage, beside, entered, came, max(ps) if ps else None, reason)


def _volume(row: Mapping[str, object], rows: Sequence[Mapping[str, object]], brought: _Brought) -> _Volume | None:
    """The component beside what others bring for its money, or in as many months where that is less: a dear component
    that brings as many as others is dear, and not idle.

    The others are the most alike that brought enough: of its step and channel, of its step, of its channel, all. Money
    is summed over the whole time, since what is paid in one month brings people in others."""
    feeds, name, channel = row["feeds"], row["component"], row["channel"]
    cost, mine = brought.cost(feeds, name), brought.of(feeds, name)
    if not cost:
        return None
    others = [r for r in rows if r["component"] != name]
    paid = [r for r in others if brought.cost(feeds, r["component"])]
    of_step = [r for r in paid if r["feeds"] == feeds]
    pools = [("step", of_step), ("all", paid)]
    if channel is not None:
        pools = [
            ("step_channel", [r for r in of_step if r["channel"] == channel]),
            ("step", of_step),
            ("channel", [r for r in paid if r["channel"] == channel]),
            ("all", paid),
        ]
    for pool, alike in pools:
        count = sum(brought.of(feeds, r["component"]) for r in alike)
        if count >= LEAST and len(alike) > 1:
            money = sum(brought.cost(feeds, r["component"]) for r in alike)
            found = _Volume(mine, cost, count, money, len(alike), pool)
            months = float(sum(brought.months(feeds, r["component"]) for r in alike))
            here = float(max(1, brought.months(feeds, name)))
            if months and here / months < cost / money:
                return _Volume(mine, here, count, months, len(alike), "average")
            return found
    return None


def _passage(own: Cells, whole: Cells) -> _Passage | None:
    """The strata in which there are others: of the same channel where its others brought enough, else of any."""
    others = {cell: [n - own.get(cell, [0, 0])[0], x - own.get(cell, [0, 0])[1]] for cell, (n, x) in whole.items()}
    by_channel: dict[str | None, int] = {}
    for (channel, _), (_, x) in others.items():
        by_channel[channel] = by_channel.get(channel, 0) + x
    wide: dict[str, list[int]] = {}
    for (_, stratum), (n, x) in others.items():
        pair = wide.setdefault(stratum, [0, 0])
        pair[0] += n
        pair[1] += x
    strata, expected, fit = [], 0.0, True
    merged: dict[tuple[str | None, str], list[int]] = {}
    for (channel, stratum), (n, x) in own.items():
        alike = channel is not None and by_channel.get(channel, 0) >= LEAST and others[channel, stratum][0] > 0
        pair = merged.setdefault((channel, stratum) if alike else (None, stratum), [0, 0])
        pair[0] += n
        pair[1] += x
    for (channel, stratum), (n, x) in sorted(merged.items(), key=lambda i: (i[0][0] or "", i[0][1])):
        n0, x0 = others[channel, stratum] if channel is not None else wide.get(stratum, [0, 0])
        if not n0:
            fit = False
            continue
        expected += n * x0 / n0
        if n and 0 < x + x0 < n + n0:
            strata.append((n, x, n0, x + x0))
    if not strata:
        return None
    entered, came = (sum(c[i] for c in own.values()) for i in (0, 1))
    return _Passage(tuple(strata), entered, came, expected if fit else None)


# --- the verdict -----------------------------------------------------------------------------------------------------
def _judged(tests: _Tests, rejected: bool, alpha: float, power: float, nothing: float, interest: float) -> Judged:
    told = Judged(
        verdict=CANNOT_TELL, reason=tests.reason, p=tests.p, alpha=alpha if tests.p is not None else None,
        entries=tests.entries, entered=tests.entered, came=tests.came,
    )  # fmt: skip
    if (v := tests.volume) is not None:
        low, high = v.interval()
        told = replace(
            told, expected=v.expected, ratio=v.entries / v.expected, ratio_low=low,
            ratio_high=high if math.isfinite(high) else None, against=v.against, pool=v.pool,
        )  # fmt: skip
    if (c := tests.beside) is not None:
        odds, odds_low, odds_high = c.odds()
        told = replace(told, came_expected=c.came_expected, odds=odds, odds_low=odds_low, odds_high=odds_high)
    c = tests.passage
    if tests.p is None:
        return told
    told = _seen(told, tests, alpha, power, nothing)
    if rejected:
        return replace(told, verdict=CONTRIBUTES)
    if (
        v is not None
        and v.p(nothing) > alpha
        and v.interval()[1] < interest
        and v.power(interest, alpha, nothing) >= power
    ):
        return replace(told, verdict=NO_SIGN)
    if (
        c is not None
        and c.p(nothing) > alpha
        and c.below(interest) <= 0.025
        and c.power(interest, alpha, nothing) >= power
    ):
        return replace(_of_passage(told, tests, alpha, power, nothing), verdict=NO_SIGN)
    needs = _needs(tests, alpha, power, nothing, interest)
    short = needs is None or needs > 1
    return replace(told, reason="too_few" if short else "between", needs=needs if short else None)


def _seen(told: Judged, tests: _Tests, alpha: float, power: float, nothing: float) -> Judged:
    """What would have been seen: of the money where it can be said, else of those who came."""
    v = tests.volume
    if v is None:
        return _of_passage(told, tests, alpha, power, nothing)
    seen = v.seen(alpha, nothing, power)
    entries = seen * v.expected
    share = entries / (tests.total - tests.entries + entries)
    return replace(told, by="volume", seen=seen, seen_entries=entries, seen_share=share)


def _of_passage(told: Judged, tests: _Tests, alpha: float, power: float, nothing: float) -> Judged:
    c = tests.passage
    if c is None:
        return told
    seen = c.seen(alpha, nothing, power)
    if seen is None:
        return replace(told, by="passage", seen=None, seen_entries=None, seen_share=None)
    entries = c.moments(seen)[0]
    share = entries / max(entries, tests.total - tests.entries + entries)
    return replace(told, by="passage", seen=seen, seen_entries=entries, seen_share=share)


def _needs(tests: _Tests, alpha: float, power: float, nothing: float, interest: float) -> float | None:
    """How many times the data `interest` would be seen in with this power; None where that is beyond sight."""
    times = 1.0
    v, c = tests.volume, tests.passage
    if v is not None:
        while v.power(interest, alpha, nothing, times) < power:
            times *= 1.1
            if times > MOST_TIMES:
                return None
    if c is not None and c.power(interest, alpha, nothing) < power:
        (mean, spread), (far, wider) = c.moments(nothing), c.moments(interest)
        if far <= mean:
            return None
        root = (float(ndtri(1 - alpha)) * math.sqrt(spread) + float(ndtri(power)) * math.sqrt(wider)) / (far - mean)
        times = max(times, root * root, 1.1)
    return times if times <= MOST_TIMES else None
