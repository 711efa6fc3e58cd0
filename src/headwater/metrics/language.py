"""The three small languages of definition files: formulas, predicates and row arithmetic, to values and back.

Closed by construction: a text gives nothing but the values of `model.expression`, in time linear in its length, or a
LanguageError that says where it stopped and which word was meant.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from types import UnionType
from typing import Generic, NoReturn, TypeVar

from headwater.errors import nearest
from headwater.model.expression import (
    FUNCTIONS,
    And,
    Arithmetic,
    Between,
    Binary,
    Call,
    Choose,
    ColumnName,
    Compare,
    Constant,
    Elapsed,
    Formula,
    In,
    IsEmpty,
    IsTrue,
    Name,
    Negate,
    Not,
    Number,
    Or,
    Predicate,
    RowValue,
)
from headwater.model.measure import EVER, Span

MOST_CHARACTERS, MOST_NODES, MOST_DEPTH, MOST_DIGITS = 4_000, 500, 32, 30

RESERVED = frozenset({"and", "between", "empty", "false", "in", "is", "not", "or", "true"})
"""Words of the predicate language; a column cannot be called by one."""
ROW_FUNCTIONS = ("days", "hours", "if", "minutes", "seconds")
WINDOWS = ("day", "week", "month", "quarter", "year")


class LanguageError(ValueError):
    """A text is not in the language: what is wrong, at which character (from 1) of which text, and what to write."""

    def __init__(self, what: str, text: str, position: int, do: str = "") -> None:
        self.what, self.text, self.position, self.do = what, text, position, do
        at = max(position - 1, 0)
        near = text[max(0, at - 20) : at + 20].strip()
        super().__init__(f"{what} (character {position}, near {near!r})" + (f". {do}" if do else ""))


# --- words ------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class _Token:
    """One word: kind `number`, `name`, `text`, `symbol` or `end`; `at` is its first character, from 0."""

    kind: str
    text: str
    at: int


_WORD = re.compile(
    r"(?P<space>[ \t\r\n]+)"
    r"|(?P<number>[0-9]+(?:\.[0-9]+)?)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*+(?:\.[A-Za-z_][A-Za-z0-9_]*+)*+)"
    r"|(?P<text>'(?:[^']|'')*+'|\"(?:[^\"]|\"\")*+\")"
    r"|(?P<symbol><=|>=|!=|[-+*/(),=<>])"
)
_ID = re.compile(r"[a-z][a-z0-9_]*")
_LOOK_ALIKES = {
    **dict.fromkeys("\u2018\u2019\u02bc\u02b9", "'"),
    **dict.fromkeys("\u201c\u201d", '"'),
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"),
    **dict.fromkeys("\u00d7\u2217", "*"),
    **dict.fromkeys("\u00f7\u2215\u2044", "/"),
    **{"\u2264": "<=", "\u2265": ">=", "\u2260": "!=", "\u00a0": "a plain space", "&": "and", "|": "or", "!": "not"},
}
_WRONG_PAIRS = {
    "--": "Comments are not part of the language; write a minus of a minus as -(-x).",
    "/*": "Comments are not part of the language.",
    "==": "Did you mean '='?",
    "<>": "Did you mean '!='?",
    "**": "There is no power; multiply.",
    "//": "Did you mean '/'?",
}


def _words(text: str) -> Iterator[_Token]:
    """The words of a text, the last one of kind `end`."""
    if len(text) > MOST_CHARACTERS:
        raise LanguageError(f"the text has {len(text)} characters; {MOST_CHARACTERS:,} are allowed", text[:40], 1)
    at = 0
    while at < len(text):
        if (pair := text[at : at + 2]) in _WRONG_PAIRS:
            raise LanguageError(f"{pair!r} means nothing here", text, at + 1, _WRONG_PAIRS[pair])
        found = _WORD.match(text, at)
        if found is None:
            raise _foreign(text, at)
        kind, word = str(found.lastgroup), found[0]
        if kind == "number":
            if len(word) > MOST_DIGITS:
                raise LanguageError(f"a number has at most {MOST_DIGITS} digits", text, at + 1)
            if re.match(r"[A-Za-z_.]", text[found.end() : found.end() + 1]):
                do = "Write it as 1000 or 0.5."
                raise LanguageError("a number ends where a letter or a point follows", text, at + 1, do)
        if kind == "text" and any(unicodedata.category(c) in ("Cc", "Cs") for c in word):
            raise LanguageError("a text in quotes holds no control characters", text, at + 1)
        if kind != "space":
            yield _Token(kind, word, at)
        at = found.end()
    yield _Token("end", "", at)


def _foreign(text: str, at: int) -> LanguageError:
    """The error for a character that begins no word."""
    character = text[at]
    if character in "'\"":
        return LanguageError(f"the quote {character} is never closed", text, at + 1)
    if character == "." and text[at + 1 : at + 2].isdigit():
        return LanguageError("a number begins with a digit", text, at + 1, "Write it as 0.5.")
    plain = _LOOK_ALIKES.get(character, unicodedata.normalize("NFKC", character))
    do = f"Did you mean {plain!r}?" if plain and plain != character and plain.isascii() else ""
    shown = f"{character!r} (U+{ord(character):04X})" if not character.isascii() else repr(character)
    return LanguageError(f"the character {shown} is not part of the language", text, at + 1, do)


T = TypeVar("T")
Part_co = TypeVar("Part_co", covariant=True)


@dataclass(frozen=True, slots=True)
class _Deep(Generic[Part_co]):
    """A value and how deep it is."""

    value: Part_co
    depth: int


class _Reader:
    """The words of one text and the place reached in it; counts nodes and depth."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.words = tuple(_words(text))
        self.at = 0
        self.nodes = 0
        self.nesting = 0

    @property
    def word(self) -> _Token:
        return self.words[self.at]

    def fail(self, what: str, do: str = "", token: _Token | None = None) -> NoReturn:
        raise LanguageError(what, self.text, (token or self.word).at + 1, do)

    def take(self) -> _Token:
        token = self.word
        self.at += token.kind != "end"
        return token

    def here(self, *symbols: str) -> bool:
        """Whether the next word is one of these symbols or lower-case words."""
        return self.word.kind in ("symbol", "name") and self.word.text in symbols

    def called(self) -> bool:
        """Whether the next word is a name followed by a parenthesis."""
        following = self.words[self.at + 1] if self.word.kind == "name" else self.word
        return following.kind == "symbol" and following.text == "("

    def expect(self, symbol: str, why: str) -> None:
        if not self.here(symbol):
            self.fail(f"{symbol!r} is expected {why}, not {self.shown()}")
        self.at += 1

    def shown(self) -> str:
        """How the next word is named in an error."""
        return "the end of the text" if self.word.kind == "end" else repr(self.word.text)

    def made(self, value: T, *parts: int) -> _Deep[T]:
        """A node over parts of these depths, counted against the limits."""
        self.nodes += 1
        depth = 1 + max(parts, default=0)
        if self.nodes > MOST_NODES:
            self.fail(f"the text has more than {MOST_NODES} parts")
        if depth > MOST_DEPTH:
            self.fail(f"the text is nested deeper than {MOST_DEPTH} levels")
        return _Deep(value, depth)

    def nested(self, read: Callable[[], _Deep[T]]) -> _Deep[T]:
        """What `read` gives one level further in, so that no text can exhaust the stack."""
        self.nesting += 1
        if self.nesting > MOST_DEPTH:
            self.fail(f"the text is nested deeper than {MOST_DEPTH} levels")
        value = read()
        self.nesting -= 1
        return value

    def whole(self, read: Callable[[], _Deep[T]]) -> T:
        """What `read` gives, when nothing is left behind it."""
        if self.word.kind == "end":
            self.fail("the text is empty")
        value = read()
        if self.word.kind != "end":
            self.fail(f"the text should end before {self.shown()}", self.hint())
        return value.value

    def hint(self) -> str:
        """A word of the language that is near to the next word."""
        token = self.word
        if token.kind != "name":
            return ""
        lower = token.text.lower()
        if lower != token.text and lower in RESERVED.union(ROW_FUNCTIONS, FUNCTIONS):
            return f"Did you mean {lower!r}?"
        return nearest(token.text, RESERVED)

    def id(self, what: str) -> str:
        """The next word as an id."""
        token = self.take()
        if token.kind != "name" or not _ID.fullmatch(token.text):
            do = ""
            if token.kind == "name":
                do = "Names are lower-case letters, digits and _, and begin with a letter."
            self.fail(f"{what} is expected, not {token.text!r}" if token.text else f"{what} is expected", do, token)
        return token.text


def _unquoted(word: str) -> str:
    return word[1:-1].replace(word[0] * 2, word[0])


def _unknown_function(reader: _Reader, known: Collection[str]) -> NoReturn:
    name = reader.word.text
    do = nearest(name.lower(), known) or f"The functions are {', '.join(known)}."
    reader.fail(f"no function is called {name!r}", do)


# --- formulas ---------------------------------------------------------------------------------------------------------
class _FormulaReader(_Reader):
    """Recursive descent over a formula: sums of products of signed atoms."""

    def sum(self) -> _Deep[Formula]:
        return self.chain(("+", "-"), self.product)

    def product(self) -> _Deep[Formula]:
        return self.chain(("*", "/"), self.signed)

    def chain(self, operators: tuple[str, str], read: Callable[[], _Deep[Formula]]) -> _Deep[Formula]:
        left = read()
        while self.here(*operators):
            operator = self.take().text
            right = read()
            left = self.made(Binary(operator, left.value, right.value), left.depth, right.depth)
        return left

    def signed(self) -> _Deep[Formula]:
        if self.here("-"):
            self.take()
            of = self.nested(self.signed)
            return self.made(Negate(of.value), of.depth)
        return self.atom()

    def atom(self) -> _Deep[Formula]:
        token = self.word
        if token.kind == "number":
            return self.made(Number(Decimal(self.take().text)))
        if self.here("("):
            self.take()
            inner = self.nested(self.sum)
            self.expect(")", "to close the parenthesis")
            return inner
        if self.called():
            return self.call()
        if token.kind == "name":
            self.take()
            if not all(_ID.fullmatch(part) for part in token.text.split(".")) or token.text.count(".") > 1:
                do = "Names are lower-case letters, digits and _; a variant is written kpi.variant."
                self.fail(f"{token.text!r} is not a name", do, token)
            return self.made(Name(token.text))
        if token.kind == "text":
            self.fail("a formula holds no text in quotes", "Conditions belong into `where` of a measure.")
        self.fail(f"a measure, a KPI, a number or a parenthesis is expected, not {self.shown()}")

    def call(self) -> _Deep[Formula]:
        if self.word.text not in FUNCTIONS:
            _unknown_function(self, FUNCTIONS)
        function = self.take().text
        self.take()
        argument = self.nested(self.sum)
        window = ""
        if function == "trailing":
            self.expect(",", "before the window of 'trailing'")
            window = self.window()
        self.expect(")", f"to close {function!r}")
        return self.made(Call(function, argument.value, window), argument.depth)

    def window(self) -> str:
        token = self.take()
        do = "Write it as trailing(x, '12 months')."
        if token.kind != "text":
            self.fail("the window of 'trailing' is a length of time in quotes, or 'ever'", do, token)
        try:
            span = Span.parse(_unquoted(token.text))
        except ValueError:
            self.fail(f"{_unquoted(token.text)!r} is not a length of time", do, token)
        if span != EVER and (span.unit not in WINDOWS or span.amount > 10_000):
            self.fail(f"a window of {str(span)!r} is not possible; it is counted in days to years", do, token)
        return str(span)


def parse_formula(text: str) -> Formula:
    """The formula a text states; raises LanguageError.

    >>> parse_formula("spend / leads")
    Binary(operator='/', left=Name(id='spend'), right=Name(id='leads'))
    """
    reader = _FormulaReader(text)
    return reader.whole(reader.sum)


# --- predicates and row arithmetic ------------------------------------------------------------------------------------
_Either = Predicate | RowValue
_COMPARISONS = ("=", "!=", "<", "<=", ">", ">=")
_VALUES = (ColumnName, Constant, Arithmetic, Elapsed, Choose)


class _RowReader(_Reader):
    """Recursive descent over one grammar for both: what stands between parentheses may be a condition or a value."""

    def condition(self) -> _Deep[Predicate]:
        start = self.word
        return self.as_condition(self.either(), start)

    def value(self) -> _Deep[RowValue]:
        start = self.word
        return self.as_value(self.either(), start)

    def as_condition(self, found: _Deep[_Either], start: _Token) -> _Deep[Predicate]:
        match found.value:
            case ColumnName():
                return _Deep(IsTrue(found.value), found.depth)
            case Constant() | Arithmetic() | Elapsed() | Choose():
                do = "Compare it: a > 0, a = 'x', a is empty."
                self.fail("a condition is expected here, and this is a value", do, start)
            case _:
                return _Deep(found.value, found.depth)

    def as_value(self, found: _Deep[_Either], start: _Token) -> _Deep[RowValue]:
        if isinstance(found.value, _VALUES):
            return _Deep(found.value, found.depth)
        do = "Use if(condition, a, b) to turn it into one."
        self.fail("a value is expected here, and this is a condition", do, start)

    def either(self) -> _Deep[_Either]:
        return self.joined("or", lambda: self.joined("and", self.negated))

    def joined(self, word: str, read: Callable[[], _Deep[_Either]]) -> _Deep[_Either]:
        start = self.word
        first = read()
        if not self.here(word):
            return first
        kind = And if word == "and" else Or
        parts = [self.as_condition(first, start)]
        while self.here(word):
            self.take()
            start = self.word
            parts.append(self.as_condition(read(), start))
        flat = [p for part in parts for p in (part.value.parts if isinstance(part.value, kind) else (part.value,))]
        return self.made(kind(tuple(flat)), *(p.depth for p in parts))

    def negated(self) -> _Deep[_Either]:
        if self.here("not"):
            self.take()
            start = self.word
            of = self.as_condition(self.nested(self.negated), start)
            return self.made(Not(of.value), of.depth)
        return self.test()

    def test(self) -> _Deep[_Either]:
        start = self.word
        left = self.added()
        if self.here(*_COMPARISONS):
            operator = self.take().text
            a = self.as_value(left, start)
            start = self.word
            b = self.as_value(self.added(), start)
            if self.here(*_COMPARISONS):
                self.fail("comparisons cannot be chained", "Write a < b and b < c, or b between a and c.")
            return self.made(Compare(operator, a.value, b.value), a.depth, b.depth)
        if self.here("in"):
            self.take()
            a = self.as_value(left, start)
            return self.made(In(a.value, self.options()), a.depth, 1)
        if self.here("between"):
            self.take()
            a = self.as_value(left, start)
            start = self.word
            low = self.as_value(self.added(), start)
            self.expect("and", "between the two ends of 'between'")
            start = self.word
            high = self.as_value(self.added(), start)
            return self.made(Between(a.value, low.value, high.value), a.depth, low.depth, high.depth)
        if self.here("is"):
            self.take()
            a = self.as_value(left, start)
            negated = self.here("not")
            self.at += negated
            if not self.here("empty"):
                self.fail(f"'is' is followed by 'empty' or 'not empty', not by {self.shown()}", self.null_hint())
            self.take()
            empty = self.made(IsEmpty(a.value), a.depth)
            return self.made(Not(empty.value), empty.depth) if negated else empty
        if self.here("not"):
            self.fail("'not' stands before a condition", "Write not x in ('a', 'b').")
        return left

    def null_hint(self) -> str:
        return "Write 'is empty'." if self.word.text.lower() in ("null", "none", "nothing") else self.hint()

    def options(self) -> tuple[Constant, ...]:
        self.expect("(", "after 'in'")
        found = [self.option()]
        while self.here(","):
            self.take()
            found.append(self.option())
        self.expect(")", "to close the list of 'in'")
        return tuple(found)

    def option(self) -> Constant:
        start = self.word
        found = self.signed()
        if not isinstance(found.value, Constant):
            self.fail("the list of 'in' holds constants alone", "Write x in ('a', 'b') or x in (1, 2).", start)
        return found.value

    def added(self) -> _Deep[_Either]:
        return self.chain(("+", "-"), self.multiplied)

    def multiplied(self) -> _Deep[_Either]:
        return self.chain(("*", "/"), self.signed)

    def chain(self, operators: tuple[str, str], read: Callable[[], _Deep[_Either]]) -> _Deep[_Either]:
        start = self.word
        left = read()
        while self.here(*operators):
            operator = self.take().text
            a = self.as_value(left, start)
            right_start = self.word
            b = self.as_value(read(), right_start)
            left = self.made(Arithmetic(operator, a.value, b.value), a.depth, b.depth)
        return left

    def signed(self) -> _Deep[_Either]:
        if self.here("-"):
            minus = self.take()
            if self.word.kind != "number":
                self.fail("a minus sign stands before a number or between two values", "Write 0 - x.", minus)
            return self.made(Constant(-_number(self.take().text)))
        return self.atom()

    def atom(self) -> _Deep[_Either]:
        token = self.word
        if token.kind == "number":
            return self.made(Constant(_number(self.take().text)))
        if token.kind == "text":
            return self.made(Constant(_unquoted(self.take().text)))
        if self.here("true", "false"):
            return self.made(Constant(self.take().text == "true"))
        if self.here("("):
            self.take()
            inner = self.nested(self.either)
            self.expect(")", "to close the parenthesis")
            return inner
        if token.kind == "name" and token.text not in RESERVED:
            if self.called():
                return self.call()
            return self.made(ColumnName(self.id("a column")))
        self.fail(f"a column, a number, a text in quotes or a parenthesis is expected, not {self.shown()}")

    def call(self) -> _Deep[_Either]:
        if self.word.text not in ROW_FUNCTIONS:
            _unknown_function(self, ROW_FUNCTIONS)
        function = self.take().text
        self.take()
        if function == "if":
            return self.choice()
        start = ColumnName(self.id(f"a date column in {function!r}"))
        self.expect(",", f"between the two columns of {function!r}")
        end = ColumnName(self.id(f"a date column in {function!r}"))
        self.expect(")", f"to close {function!r}")
        return self.made(Elapsed(function, start, end), 1)

    def choice(self) -> _Deep[_Either]:
        condition = self.nested(self.condition)
        self.expect(",", "after the condition of 'if'")
        then = self.nested(self.value)
        depths = [condition.depth, then.depth]
        otherwise = None
        if self.here(","):
            self.take()
            other = self.nested(self.value)
            otherwise = other.value
            depths.append(other.depth)
        self.expect(")", "to close 'if'")
        return self.made(Choose(condition.value, then.value, otherwise), *depths)


def _number(word: str) -> int | Decimal:
    return Decimal(word) if "." in word else int(word)


def parse_predicate(text: str) -> Predicate:
    """The condition a text states over the columns of one table; raises LanguageError.

    >>> parse_predicate("stage = 'won' and amount > 0").parts[1]
    Compare(operator='>', left=ColumnName(id='amount'), right=Constant(value=0))
    """
    reader = _RowReader(text)
    return reader.whole(reader.condition)


def parse_row_value(text: str) -> RowValue:
    """The row value a text states: a column, a constant, arithmetic, elapsed time or a choice; raises LanguageError.

    >>> parse_row_value("days(created_at, won_at)")
    Elapsed(unit='days', start=ColumnName(id='created_at'), end=ColumnName(id='won_at'))
    """
    reader = _RowReader(text)
    return reader.whole(reader.value)


# --- back to text -----------------------------------------------------------------------------------------------------
_STRENGTH = {"+": 1, "-": 1, "*": 2, "/": 2}


def format_formula(formula: Formula) -> str:
    """The text of a formula, with no parenthesis more than it needs.

    >>> format_formula(parse_formula("(spend) / (leads+1)"))
    'spend / (leads + 1)'
    """
    match formula:
        case Number(value):
            return format(value, "f")
        case Name(name):
            return name
        case Negate(of):
            inner = format_formula(of)
            return f"-({inner})" if isinstance(of, Binary | Negate) else f"-{inner}"
        case Call(function, argument, window):
            return f"{function}({format_formula(argument)}" + (f", '{window}')" if window else ")")
        case Binary(operator, left, right):
            strength = _STRENGTH[operator]
            a, b = format_formula(left), format_formula(right)
            if isinstance(left, Binary) and _STRENGTH[left.operator] < strength:
                a = f"({a})"
            if isinstance(right, Binary) and _STRENGTH[right.operator] <= strength:
                b = f"({b})"
            return f"{a} {operator} {b}"


def format_row_value(value: RowValue) -> str:
    """The text of a row value, with no parenthesis more than it needs."""
    match value:
        case ColumnName(name):
            return name
        case Constant(constant):
            return _format_constant(constant)
        case Elapsed(unit, start, end):
            return f"{unit}({start.id}, {end.id})"
        case Choose(condition, then, otherwise):
            parts = [format_predicate(condition), format_row_value(then)]
            parts += [format_row_value(otherwise)] if otherwise is not None else []
            return f"if({', '.join(parts)})"
        case Arithmetic(operator, left, right):
            strength = _STRENGTH[operator]
            a, b = format_row_value(left), format_row_value(right)
            if isinstance(left, Arithmetic) and _STRENGTH[left.operator] < strength:
                a = f"({a})"
            if isinstance(right, Arithmetic) and _STRENGTH[right.operator] <= strength:
                b = f"({b})"
            return f"{a} {operator} {b}"


def _format_constant(value: str | int | Decimal | bool | date | None) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case Decimal():
            return format(value, "f")
        case date():
            return f"'{value.isoformat()}'"
        case str():
            return "'" + value.replace("'", "''") + "'"
        case None:
            raise ValueError("an empty constant has no text; write 'is empty'")


def format_predicate(predicate: Predicate) -> str:
    """The text of a condition, with no parenthesis more than it needs.

    >>> format_predicate(parse_predicate("not (a is empty) and (b in ('x'))"))
    "a is not empty and b in ('x')"
    """
    match predicate:
        case IsTrue(column):
            return column.id
        case Compare(operator, left, right):
            return f"{format_row_value(left)} {operator} {format_row_value(right)}"
        case In(value, options):
            return f"{format_row_value(value)} in ({', '.join(_format_constant(o.value) for o in options)})"
        case Between(value, low, high):
            return f"{format_row_value(value)} between {format_row_value(low)} and {format_row_value(high)}"
        case IsEmpty(value):
            return f"{format_row_value(value)} is empty"
        case Not(IsEmpty(value)):
            return f"{format_row_value(value)} is not empty"
        case Not(of):
            inner = format_predicate(of)
            return f"not ({inner})" if isinstance(of, And | Or) else f"not {inner}"
        case And(parts):
            return " and ".join(_grouped(p, And | Or) for p in parts)
        case Or(parts):
            return " or ".join(_grouped(p, Or) for p in parts)


def _grouped(predicate: Predicate, weaker: type | UnionType) -> str:
    """The text of a part of `and` or `or`, in parentheses where it binds more weakly."""
    text = format_predicate(predicate)
    return f"({text})" if isinstance(predicate, weaker) else text
