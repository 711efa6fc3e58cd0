"""Column types and units, shared by tables, measures, expressions and plans."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """The closed list of column kinds. `time` is a pair: UTC instant `x` (null if only the day is known) and
    local business date `x__day`; `day` is a date without an instant; `id` is a text that names a subject."""

    TEXT = "text"
    ID = "id"
    INTEGER = "integer"
    NUMBER = "number"
    MONEY = "money"
    DAY = "day"
    TIME = "time"
    BOOLEAN = "boolean"


@dataclass(frozen=True, slots=True)
class Type:
    """A column type; precision and scale only for `number` and `money` (stored as decimals, never as doubles)."""

    kind: Kind
    precision: int = 0
    scale: int = 0

    def __post_init__(self) -> None:
        if self.kind in (Kind.NUMBER, Kind.MONEY) and not 0 < self.precision <= 38:
            raise ValueError(f"a {self.kind} needs a precision from 1 to 38, not {self.precision}")

    def __str__(self) -> str:
        default = {Kind.NUMBER: (18, 6), Kind.MONEY: (18, 6)}.get(self.kind, (0, 0))
        return (
            self.kind.value
            if (self.precision, self.scale) == default
            else f"{self.kind}({self.precision},{self.scale})"
        )


TEXT, ID, INTEGER = Type(Kind.TEXT), Type(Kind.ID), Type(Kind.INTEGER)
NUMBER, MONEY = Type(Kind.NUMBER, 18, 6), Type(Kind.MONEY, 18, 6)
DAY, TIME, BOOLEAN = Type(Kind.DAY), Type(Kind.TIME), Type(Kind.BOOLEAN)

_BY_NAME = {
    "text": TEXT,
    "id": ID,
    "integer": INTEGER,
    "number": NUMBER,
    "money": MONEY,
    "day": DAY,
    "time": TIME,
    "boolean": BOOLEAN,
}
_SIZED = re.compile(r"(number|money)\((\d+),\s*(\d+)\)")


def parse_type(text: str) -> Type:
    """The type a table file names: `text`, `id`, `integer`, `number`, `money`, `day`, `time`, `boolean`,
    `number(18,2)`, `money(18,2)`. Raises ValueError with the allowed names.

    >>> parse_type("money(18,2)").scale
    2
    """
    if text in _BY_NAME:
        return _BY_NAME[text]
    if sized := _SIZED.fullmatch(text):
        return Type(Kind(sized[1]), int(sized[2]), int(sized[3]))
    raise ValueError(f"no type is called {text!r}; the types are {', '.join(_BY_NAME)}, number(p,s), money(p,s)")


DAY_SUFFIX = "__day"
"""Suffix of the local business date that stands beside every `time` column in stored tables."""

NUMBER_SUFFIX = "__number"
"""Suffix of the number that stands for the value of a `counted` column in the rows of one generation."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A product of base units with whole powers, such as money/lead; the empty product is the pure number `1`.

    Base units: `money`, `day`, `score`, `position` and every subject (`lead`, `customer`, `session` ...).
    """

    powers: tuple[tuple[str, int], ...] = ()

    @classmethod
    def of(cls, **powers: int) -> Unit:
        """The unit with these powers: `Unit.of(money=1, lead=-1)`."""
        return cls(tuple(sorted((n, p) for n, p in powers.items() if p)))

    @classmethod
    def parse(cls, text: str) -> Unit:
        """The unit of a text such as `money/lead`, `lead`, `1`, `money/day`.

        >>> str(Unit.parse("money/lead"))
        'money/lead'
        """
        top, _, bottom = text.replace(" ", "").partition("/")
        powers: dict[str, int] = {}
        for part, sign in ((top, 1), (bottom, -1)):
            for name in part.split("*"):
                if name and name != "1":
                    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
                        raise ValueError(f"{text!r} is not a unit; write it as money/lead, lead or 1")
                    powers[name] = powers.get(name, 0) + sign
        return cls.of(**powers)

    def __mul__(self, other: Unit) -> Unit:
        powers = dict(self.powers)
        for name, power in other.powers:
            powers[name] = powers.get(name, 0) + power
        return Unit.of(**powers)

    def __truediv__(self, other: Unit) -> Unit:
        return self * Unit(tuple((n, -p) for n, p in other.powers))

    def __str__(self) -> str:
        def side(sign: int) -> str:
            return "*".join(n for n, p in self.powers for _ in range(p * sign))

        top, bottom = side(1), side(-1)
        return (top or "1") + (f"/{bottom}" if bottom else "")


ONE = Unit()
