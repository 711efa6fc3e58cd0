"""Numbers, money, periods and reasons as the workspace's locale writes them; the rules are those of `api.show`."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property, lru_cache
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_interval, format_skeleton, format_time
from babel.numbers import NumberPattern, format_compact_decimal

from headwater.api import show
from headwater.errors import in_words
from headwater.model.kpi import Kpi
from headwater.model.observation import Observation
from headwater.model.period import Calendar, Grain, Period, label
from headwater.web.texts import Say, speaker

COMPACT_FROM = 10_000
"""Tiles shorten numbers from here on; the exact one stands behind them."""

_SPACE = "\u00a0"
_MINUS = "\u2212"


@dataclass(frozen=True)
class Wording:
    """How a workspace writes. `say` says a text of the interface by its key."""

    locale: Locale
    zone: ZoneInfo
    say: Say

    # --- numbers -----------------------------------------------------------------------------------------------------
    def number(self, value: float, shown: str, currency: str = "") -> str:
        """A value as its KPI shows it, rounded as everywhere; a space that does not break joins it to its unit."""
        return self._localised(show.number(value, shown, currency), shown, currency)

    def compact(self, value: float, shown: str, currency: str = "") -> str:
        """The same in few letters: large numbers and sums in thousands and millions, three digits."""
        if shown not in ("number", "money") or abs(value) < COMPACT_FROM:
            return self.number(value, shown, currency)
        exact = Decimal(repr(value))
        three = exact.quantize(Decimal(1).scaleb(exact.adjusted() - 2), ROUND_HALF_UP)
        text = format_compact_decimal(abs(three), format_type="short", locale=self.locale, fraction_digits=2)
        if text.isdecimal():  # a locale that has no word for thousands
            text = self._decimal(abs(three), 0)
        return self._signed(three < 0, self._with_currency(text, currency if shown == "money" else ""))

    def difference(self, value: float, shown: str, currency: str = "", *, compact: bool = False) -> str:
        """A change with its sign; of a percentage in percentage points."""
        size = abs(value)
        sign = _MINUS if value < 0 else "+"
        if shown == "percent":
            return (
                f"{sign}{self._plain(show.number(size, 'percent').removesuffix('%'))}{_SPACE}{self.say('units.points')}"
            )
        return sign + (self.compact if compact else self.number)(size, shown, currency)

    def relative(self, share: float) -> str:
        """A change as a share, with its sign: whole percents from ten on, else one decimal."""
        digits = 0 if abs(share) >= 0.0995 else 1
        points = Decimal(repr(abs(share))).scaleb(2).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
        return ("" if points == 0 else _MINUS if share < 0 else "+") + self._percent(points, digits)

    def count(self, n: int) -> str:
        """A whole number."""
        return self._decimal(Decimal(n), 0)

    def percent(self, share: float) -> str:
        """A share, as every percentage is shown."""
        return self.number(share, "percent")

    def _localised(self, text: str, shown: str, currency: str) -> str:
        """What `api.show` wrote, with the signs, groups and places of the locale."""
        minus = "-" in text and "e" not in text
        text = text.replace("-", "", 1) if minus else text
        match shown:
            case "percent":
                digits = text.removesuffix("%")
                return self._signed(minus, self._percent_text(digits))
            case "money":
                return self._signed(
                    minus, self._with_currency(self._plain(text.removeprefix(f"{currency} ")), currency)
                )
            case "days":
                return self._signed(minus, self.say("units.days", n=self._plain(text.removesuffix(" days"))))
            case _:
                return self._signed(minus, self._plain(text))

    def _plain(self, digits: str) -> str:
        """A number written with points and commas, as the locale writes it; a power of ten stays."""
        if "e" in digits:
            return digits
        bare = digits.replace(",", "")
        return self._decimal(Decimal(bare), len(bare.partition(".")[2]))

    def _decimal(self, value: Decimal, digits: int) -> str:
        return str(_pattern(self.locale, "decimal", digits).apply(value, self.locale))

    def _percent_text(self, digits: str) -> str:
        if "e" in digits:
            return f"{digits}%"
        bare = digits.replace(",", "")
        return self._percent(Decimal(bare), len(bare.partition(".")[2]))

    def _percent(self, points: Decimal, digits: int) -> str:
        return str(_pattern(self.locale, "percent", digits).apply(points.scaleb(-2), self.locale))

    def _with_currency(self, amount: str, currency: str) -> str:
        if not currency:
            return amount
        before = "¤" in self.locale.currency_formats["standard"].prefix[0]
        return f"{currency}{_SPACE}{amount}" if before else f"{amount}{_SPACE}{currency}"

    def _signed(self, minus: bool, text: str) -> str:
        return f"{_MINUS}{text}" if minus else text

    # --- Observations ------------------------------------------------------------------------------------------------
    def value(self, observation: Observation, shown: str, *, compact: bool = False) -> str:
        """The value of an Observation; an empty text where there is none."""
        if observation.value is None:
            return ""
        return (self.compact if compact else self.number)(observation.value, shown, observation.currency)

    def why(self, observation: Observation) -> str:
        """In few words why a value is missing, or with what care a value is to be read; empty where all is well."""
        words = observation.quality
        if observation.value is None:
            words = tuple(q for q in words if q not in ("partial", "small_sample")) or words
        return ", ".join(self.say(f"reasons.{q}") for q in words)

    def interval(self, observation: Observation, shown: str) -> str:
        """The 95 % interval of an Observation, or nothing; of a time whose upper end is not known, the lower."""
        if observation.low is None:
            return ""
        low = self.number(observation.low, shown, observation.currency)
        if observation.high is None:
            return self.say("units.or_more", low=low)
        high = self.number(observation.high, shown, observation.currency)
        return self.say("units.interval", low=low, high=high)

    # --- days --------------------------------------------------------------------------------------------------------
    def period(self, period: Period | None, grain: Grain = Grain.ALL) -> str:
        """What a period is called: a year, a quarter, a month, a day, or from its first to its last."""
        if period is None:
            return self.say("periods.all")
        if grain is Grain.WEEK and Calendar().period(period.start, Grain.WEEK) == period:
            return label(period, Grain.WEEK)
        last = period.end - timedelta(1)
        for step, form in ((Grain.YEAR, "y"), (Grain.QUARTER, "yQQQ"), (Grain.MONTH, "yMMM")):
            if Calendar().period(period.start, step) == period:
                return str(format_skeleton(form, period.start, locale=self.locale))
        if period.days == 1:
            return self.day(period.start)
        months = period.start.day == period.end.day == 1
        return str(format_interval(period.start, last, "yMMM" if months else "yMMMd", locale=self.locale))

    def of(self, observation: Observation) -> str:
        """The period of an Observation."""
        if observation.period_start is None or observation.period_end is None:
            return self.period(None)
        return self.period(Period(observation.period_start, observation.period_end), Grain(observation.grain))

    def day(self, day: date) -> str:
        """A day."""
        return str(format_date(day, "medium", locale=self.locale))

    def moment(self, moment: datetime) -> str:
        """A moment, in the company's time zone."""
        local = moment.astimezone(self.zone)
        return f"{self.day(local.date())}, {format_time(local, 'short', tzinfo=self.zone, locale=self.locale)}"

    # --- KPIs --------------------------------------------------------------------------------------------------------
    @cached_property
    def _better(self) -> dict[str, str]:
        return {name: self.say(f"kpi.better_{name}") for name in ("up", "down", "band", "context")}

    def better(self, kpi: Kpi) -> str:
        """Which way is better, in words."""
        return self._better[kpi.better]


@lru_cache(maxsize=64)
def _pattern(locale: Locale, kind: str, digits: int) -> NumberPattern:
    """The locale's pattern with exactly so many decimals."""
    found = locale.decimal_formats[None] if kind == "decimal" else locale.percent_formats[None]
    pattern: NumberPattern = copy(found)
    pattern.frac_prec = (digits, digits)
    return pattern


@lru_cache(maxsize=8)
def wording(locale: str, time_zone: str) -> Wording:
    """The wording of a workspace. Texts of the interface are in the locale's language where there is a file of them,
    else in English; numbers and dates always follow the locale."""
    return Wording(Locale.parse(locale), ZoneInfo(time_zone), speaker())


def sentence(what: str, do: str = "") -> str:
    """What is to be said, with a large letter at its beginning and a mark at its end, and what to do.

    >>> sentence("the file is empty", "Export it anew.")
    'The file is empty. Export it anew.'
    """
    text = in_words(what, do)
    return f"{text[:1].upper()}{text[1:]}"
