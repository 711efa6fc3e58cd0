"""The languages: what a text means, what it may not say, and that no text costs more than a little time."""

import time
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.metrics.language import (
    LanguageError,
    format_formula,
    format_predicate,
    format_row_value,
    parse_formula,
    parse_predicate,
    parse_row_value,
)
from headwater.model.expression import (
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
    In,
    IsEmpty,
    IsTrue,
    Name,
    Negate,
    Not,
    Number,
    Or,
)
from tests.metrics.expressions import formulas, predicates, row_values

A, B, C = (Name(n) for n in "abc")
X, Y, Z = (ColumnName(n) for n in "xyz")
ONE, TWO = Constant(1), Constant(2)


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("a", A),
        ("a.b", Name("a.b")),
        ("1.50", Number(Decimal("1.50"))),
        ("a + b * c", Binary("+", A, Binary("*", B, C))),
        ("(a + b) * c", Binary("*", Binary("+", A, B), C)),
        ("a - b - c", Binary("-", Binary("-", A, B), C)),
        ("a / b / c", Binary("/", Binary("/", A, B), C)),
        ("-a * b", Binary("*", Negate(A), B)),
        ("a - -b", Binary("-", A, Negate(B))),
        ("growth(a / b)", Call("growth", Binary("/", A, B))),
        ("trailing(a, '12 month')", Call("trailing", A, "12 months")),
        ('trailing(a,"1 years")', Call("trailing", A, "1 year")),
        ("trailing(a, 'ever')", Call("trailing", A, "ever")),
        ("a / entered(a)", Binary("/", A, Call("entered", A))),
        ("growth", Name("growth")),
        ("a\n  / b", Binary("/", A, B)),
    ],
)
def test_a_formula_means(text: str, meaning: object) -> None:
    assert parse_formula(text) == meaning


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("x", IsTrue(X)),
        ("not x", Not(IsTrue(X))),
        ("x = 'it''s'", Compare("=", X, Constant("it's"))),
        ('x = "say ""no"""', Compare("=", X, Constant('say "no"'))),
        ("x != -1.5", Compare("!=", X, Constant(Decimal("-1.5")))),
        ("x = true", Compare("=", X, Constant(True))),
        ("x + y > 1", Compare(">", Arithmetic("+", X, Y), ONE)),
        ("(x + y) * z > 1", Compare(">", Arithmetic("*", Arithmetic("+", X, Y), Z), ONE)),
        ("x in ('a', 1)", In(X, (Constant("a"), ONE))),
        ("x between 1 and 2 and y", And((Between(X, ONE, TWO), IsTrue(Y)))),
        ("x is empty or y is not empty", Or((IsEmpty(X), Not(IsEmpty(Y))))),
        ("x or y and z", Or((IsTrue(X), And((IsTrue(Y), IsTrue(Z)))))),
        ("(x or y) and z", And((Or((IsTrue(X), IsTrue(Y))), IsTrue(Z)))),
        ("x and (y and z)", And((IsTrue(X), IsTrue(Y), IsTrue(Z)))),
        ("not x = 1 and y", And((Not(Compare("=", X, ONE)), IsTrue(Y)))),
        ("days(x, y) <= 7", Compare("<=", Elapsed("days", X, Y), Constant(7))),
        ("days = 1", Compare("=", ColumnName("days"), ONE)),
        ("if(x, 1, 2) = 1", Compare("=", Choose(IsTrue(X), ONE, TWO), ONE)),
        ("((x))", IsTrue(X)),
    ],
)
def test_a_condition_means(text: str, meaning: object) -> None:
    assert parse_predicate(text) == meaning


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("x", X),
        ("x * y - 1", Arithmetic("-", Arithmetic("*", X, Y), ONE)),
        ("hours(x, y)", Elapsed("hours", X, Y)),
        ("if(x = 1 or y, x)", Choose(Or((Compare("=", X, ONE), IsTrue(Y))), X)),
        ("(x)", X),
    ],
)
def test_a_row_value_means(text: str, meaning: object) -> None:
    assert parse_row_value(text) == meaning


@pytest.mark.parametrize(
    ("text", "position", "what", "do"),
    [
        ("", 1, "the text is empty", ""),
        ("a b", 3, "should end before 'b'", ""),
        ("a +", 4, "is expected, not the end", ""),
        ("(a", 3, "')' is expected to close the parenthesis", ""),
        ("a)", 2, "should end before ')'", ""),
        ("grwth(a)", 1, "no function is called 'grwth'", "Did you mean 'growth'?"),
        ("__import__('os')", 1, "no function is called '__import__'", "The functions are growth"),
        ("a.b.c", 1, "'a.b.c' is not a name", "kpi.variant"),
        ("Win_Rate", 1, "'Win_Rate' is not a name", "lower-case"),
        ("_a", 1, "'_a' is not a name", ""),
        ("a + 'b'", 5, "a formula holds no text", "`where`"),
        ("growth()", 8, "is expected, not ')'", ""),
        ("growth(a, b)", 9, "')' is expected", ""),
        ("trailing(a)", 11, "',' is expected before the window", ""),
        ("trailing(a, 12)", 13, "a length of time in quotes", "'12 months'"),
        ("trailing(a, 'soon')", 13, "'soon' is not a length of time", "'12 months'"),
        ("trailing(a, '5 minutes')", 13, "a window of '5 minutes' is not possible", ""),
        ("a; drop table leads", 2, "the character ';'", ""),
        ("a -- rest", 3, "'--' means nothing here", "Comments"),
        ("a /* rest */", 3, "'/*' means nothing here", "Comments"),
        ("a ** 2", 3, "'**' means nothing here", "multiply"),
        ("a if b else c", 3, "should end before 'if'", ""),
        ("a = b", 3, "should end before '='", ""),
        ("1e9", 1, "a number ends where", ""),
        ("0x1F", 1, "a number ends where", ""),
        (".5", 1, "a number begins with a digit", "0.5"),
        ("9" * 31, 1, "at most 30 digits", ""),
        ("a \uff0f b", 3, "(U+FF0F)", "Did you mean '/'?"),
        ("a \u2212 b", 3, "(U+2212)", "Did you mean '-'?"),
        ("\u0430", 1, "(U+0430)", ""),
        ("\uff41", 1, "(U+FF41)", "Did you mean 'a'?"),
        ("a\u00a0+ b", 2, "(U+00A0)", "plain space"),
        ("a\x00", 2, "is not part of the language", ""),
        ("a{b}", 2, "the character '{'", ""),
        ("+".join(["a"] * 40), 66, "nested deeper than 32 levels", ""),
        ("(" * 40 + "a", 34, "nested deeper than 32 levels", ""),
        ("-(" * 40 + "a", 34, "nested deeper than 32 levels", ""),
        ("growth(" * 40 + "a", 232, "nested deeper than 32 levels", ""),
        ("a" * 4_001, 1, "4,000 are allowed", ""),
    ],
)
def test_a_formula_may_not_say(text: str, position: int, what: str, do: str) -> None:
    with pytest.raises(LanguageError) as raised:
        parse_formula(text)
    assert what in raised.value.what
    assert do in raised.value.do
    assert raised.value.position == position
    assert f"character {position}" in str(raised.value)


@pytest.mark.parametrize(
    ("text", "position", "what", "do"),
    [
        ("x = 1 = 2", 7, "comparisons cannot be chained", "between"),
        ("x == 1", 3, "'==' means nothing", "Did you mean '='?"),
        ("x <> 1", 3, "'<>' means nothing", "Did you mean '!='?"),
        ("x AND y", 3, "should end before 'AND'", "Did you mean 'and'?"),
        ("x not in ('a')", 3, "'not' stands before a condition", "not x in"),
        ("x is null", 6, "'is' is followed by", "is empty"),
        ("x in 'a'", 6, "'(' is expected after 'in'", ""),
        ("x in (y)", 7, "holds constants alone", ""),
        ("x in ()", 7, "is expected, not ')'", ""),
        ("x in (select)", 7, "holds constants alone", ""),
        ("x + 1", 1, "this is a value", "Compare it"),
        ("1", 1, "this is a value", "Compare it"),
        ("true", 1, "this is a value", ""),
        ("(x = 1) = 2", 1, "this is a condition", "if(condition"),
        ("(x = 1) + 2 > 1", 1, "this is a condition", ""),
        ("x between 1, 2", 12, "'and' is expected", ""),
        ("x between 1 or 2", 13, "'and' is expected", ""),
        ("-x > 1", 1, "a minus sign stands before a number", "0 - x"),
        ("days(x) > 1", 7, "',' is expected between the two columns", ""),
        ("days(x, 1) > 1", 9, "a date column in 'days' is expected", ""),
        ("day(x, y) > 1", 1, "no function is called 'day'", "Did you mean 'days'?"),
        ("lower(x) = 'a'", 1, "no function is called 'lower'", ""),
        ("x = 'a", 5, "the quote ' is never closed", ""),
        ("x = \u2018a\u2019", 5, "(U+2018)", 'Did you mean "\'"?'),
        ("x = 'a\nb'", 5, "no control characters", ""),
        ("x = 1 or", 9, "is expected, not the end", ""),
        ("and x", 1, "is expected, not 'and'", ""),
        ("x.y = 1", 1, "a column is expected", ""),
        ("x like 'a%'", 3, "should end before 'like'", ""),
        ("x = 1; delete from leads", 6, "the character ';'", ""),
        ("x = 1 union select 1", 7, "should end before 'union'", ""),
        ("x % 2 = 1", 3, "the character '%'", ""),
        ("not " * 40 + "x", 133, "nested deeper than 32 levels", ""),
        ("(" * 40 + "x", 34, "nested deeper than 32 levels", ""),
        ("if(" * 40 + "x", 100, "nested deeper than 32 levels", ""),
        ("x = 1 or " * 170 + "x", 1501, "more than 500 parts", ""),
    ],
)
def test_a_condition_may_not_say(text: str, position: int, what: str, do: str) -> None:
    with pytest.raises(LanguageError) as raised:
        parse_predicate(text)
    assert what in raised.value.what
    assert do in raised.value.do
    assert raised.value.position == position


def test_a_row_value_is_no_condition() -> None:
    with pytest.raises(LanguageError, match="this is a condition"):
        parse_row_value("x = 1")


@given(formulas)
def test_a_formula_comes_back_from_its_text(formula: object) -> None:
    assert parse_formula(format_formula(formula)) == formula


@given(predicates)
def test_a_condition_comes_back_from_its_text(predicate: object) -> None:
    assert parse_predicate(format_predicate(predicate)) == predicate


@given(row_values)
def test_a_row_value_comes_back_from_its_text(value: object) -> None:
    assert parse_row_value(format_row_value(value)) == value


WORDS = """
a ( ) - + * / ' " '' , and or not in is empty between if( days( growth( trailing( 1 0.5 = <= -- /* __import__ select ;
"""
HOSTILE = st.text(max_size=200) | st.lists(st.sampled_from([*WORDS.split(), " ", "\uff1d"]), max_size=200).map("".join)


@given(HOSTILE)
def test_any_text_gives_a_meaning_or_a_language_error(text: str) -> None:
    for parse in (parse_formula, parse_predicate, parse_row_value):
        try:
            parse(text)
        except LanguageError as error:
            assert 1 <= error.position <= len(text) + 1
            assert "\n" not in str(error)


LONG = [
    *("(" * 4_000, "'" * 3_999, "not " * 1_000, "-" * 4_000, "- " * 2_000, "a+" * 2_000, "if(" * 1_300, "a." * 2_000),
    *("a and " * 600, "((a)" * 1_000, "'" + "''" * 1_999, "9" * 4_000, "x in (" + "1," * 1_990, "\uff1d" * 4_000),
    *("(" * 31 + "a" + ")" * 31, "x = 1 or " * 440),
]


@pytest.mark.parametrize("text", LONG, ids=lambda t: repr(t[:12]))
def test_no_text_takes_long(text: str) -> None:
    began = time.process_time()
    for parse in (parse_formula, parse_predicate, parse_row_value):
        try:
            parse(text)
        except LanguageError:
            continue
    assert time.process_time() - began < 2
