"""Spells plan nodes as one SELECT for one engine. It decides nothing and looks nothing up."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect

from headwater.errors import QueryError
from headwater.model import plan as p
from headwater.model.types import Kind, Type

RESERVED = frozenset({
    "all", "analyse", "analyze", "and", "anti", "any", "array", "as", "asc", "asof", "asymmetric", "at",
    "authorization", "binary", "both", "by", "case", "cast", "check", "collate", "collation", "column", "columns",
    "concurrently", "constraint", "create", "cross", "default", "deferrable", "desc", "describe", "distinct", "do",
    "else", "end", "except", "false", "fetch", "for", "foreign", "freeze", "from", "full", "generated", "glob",
    "group", "having", "ilike", "in", "initially", "inner", "intersect", "into", "is", "isnull", "join", "lambda",
    "lateral", "leading", "left", "like", "limit", "map", "natural", "not", "notnull", "null", "offset", "on", "only",
    "or", "order", "outer", "overlaps", "pivot", "pivot_longer", "pivot_wider", "placing", "positional", "primary",
    "qualify", "references", "returning", "right", "select", "semi", "show", "similar", "some", "struct", "summarize",
    "symmetric", "table", "tablesample", "then", "to", "trailing", "true", "try_cast", "tuple", "union", "unique",
    "unpack", "unpivot", "using", "variadic", "verbose", "when", "where", "window", "with",
})  # fmt: skip
"""Words that DuckDB takes as a name only in quotes (held against the engine's own list by a test)."""

NOTHING, APART = chr(30), chr(31)
"""Control characters that stand for NULL and between columns in a row's canonical text."""


def render(relation: p.Relation, engine: str = "duckdb") -> p.Statement:
    """The statement of a relation. Raises QueryError for an engine without spellings.

    >>> from headwater.model.plan import Scan, Project, Named, Col
    >>> print(render(Project(Scan("leads"), (Named("n", Col("lead_id")),))).text)
    SELECT
      lead_id AS n
    FROM leads
    """
    if engine != "duckdb":
        raise QueryError(f"no engine is called {engine!r}", do="Set `engine: duckdb` in headwater.yml.")
    query = _relation(relation)
    if shared := _shared(relation):
        tables = [
            exp.CTE(this=_relation(source), alias=exp.TableAlias(this=_identifier(name)), materialized=True)
            for name, source in shared.items()
        ]
        query.set("with_", exp.With(expressions=tables))
    return p.Statement(_generator()(query), p.columns_of(relation), engine)


def _shared(relation: p.Relation) -> dict[str, p.Relation]:
    """What the statement of a relation works out once, by name, each after what it reads itself."""
    found: dict[str, p.Relation] = {}
    match relation:
        case p.Scan() | p.Values():
            pass
        case p.Project(source) | p.Group(source) | p.Sort(source):
            found = _shared(source)
        case p.Join(left, right):
            found = _shared(left) | _shared(right)
        case p.Union(sources):
            for one in sources:
                found |= _shared(one)
        case p.Shared(name, source):
            found = _shared(source) | {name: source}
    return found


@lru_cache(maxsize=1)
def _generator() -> Callable[[exp.Expr], str]:
    dialect = Dialect.get_or_raise("duckdb")

    class Readable(dialect.generator_class):  # type: ignore[misc, name-defined]
        """The dialect's own spelling, with the condition of an aggregate on the aggregate's line."""

        def filter_sql(self, node: exp.Filter) -> str:
            return f"{self.sql(node, 'this')} FILTER(WHERE {self.sql(node.expression, 'this')})"

    generator = Readable(dialect=dialect, pretty=True, max_text_width=100)
    return lambda node: str(generator.generate(node, copy=False))


# --- relations -------------------------------------------------------------------------------------------------------
def _identifier(name: str) -> exp.Identifier:
    return exp.Identifier(this=name, quoted=name in RESERVED)


def _alias(expression: exp.Expr, name: str) -> exp.Alias:
    return exp.Alias(this=expression, alias=_identifier(name))


def _from(relation: p.Relation, alias: str) -> exp.Expr:
    """What stands after FROM: a table by name, or a subquery."""
    table_alias = exp.TableAlias(this=_identifier(alias)) if alias else None
    if isinstance(relation, p.Scan | p.Shared):
        name = relation.table if isinstance(relation, p.Scan) else relation.name
        return exp.Table(this=_identifier(name), alias=table_alias)
    return exp.Subquery(this=_relation(relation), alias=table_alias or exp.TableAlias(this=_identifier("q")))


def _select(items: list[exp.Expr], source: p.Relation) -> exp.Select:
    if not isinstance(source, p.Join):
        return exp.Select(expressions=items, from_=exp.From(this=_from(source, "")))
    sides = {
        "inner": ("", ""),
        "left": ("LEFT", ""),
        "cross": ("", "CROSS"),
        "semi": ("", "SEMI"),
        "anti": ("", "ANTI"),
    }
    if source.kind not in sides:
        raise ValueError(f"no join is called {source.kind!r}")
    side, kind = sides[source.kind]
    join = exp.Join(
        this=_from(source.right, "r"),
        side=side or None,
        kind=kind or None,
        on=_scalar(source.on) if source.on is not None else None,
    )
    return exp.Select(expressions=items, from_=exp.From(this=_from(source.left, "l")), joins=[join])


def _relation(relation: p.Relation) -> exp.Query:
    match relation:
        case p.Scan() | p.Shared():
            return exp.Select(expressions=[exp.Star()], from_=exp.From(this=_from(relation, "")))
        case p.Values():
            return _values(relation)
        case p.Project(source, columns, where, keep_all):
            items: list[exp.Expr] = [exp.Star()] if keep_all else []
            items += [_named(c.value, c.name) for c in columns]
            select = _select(items, source)
            if where is not None:
                select.set("where", exp.Where(this=_scalar(where)))
            return select
        case p.Group(source, keys, aggregates, having):
            return _group(source, keys, aggregates, having)
        case p.Union(sources):
            query = _relation(sources[0])
            for other in sources[1:]:
                query = exp.Union(this=query, expression=_relation(other), distinct=False)
            return query
        case p.Sort(source, by, limit):
            select = exp.Select(expressions=[exp.Star()], from_=exp.From(this=_from(source, "")))
            select.set("order", exp.Order(expressions=[_ordered(o) for o in by]))
            if limit is not None:
                select.set("limit", exp.Limit(expression=exp.Literal.number(limit)))
            return select
        case p.Join():
            raise ValueError("a Join needs a Project or a Group over it")


def _named(value: p.Scalar, name: str) -> exp.Expr:
    if isinstance(value, p.Col) and value.name == name:
        return _scalar(value)
    return _alias(_scalar(value), name)


def _group(
    source: p.Relation, keys: tuple[p.Named, ...], aggregates: tuple[p.NamedAgg, ...], having: p.Scalar | None
) -> exp.Query:
    items = [_named(k.value, k.name) for k in keys]
    items += [_alias(_aggregate(a.value), a.name) for a in aggregates]
    if isinstance(source, p.Project) and not source.keep_all and source.where is not None and not source.columns:
        raise ValueError("a Project without columns keeps nothing")
    select = _select(items, source)
    if keys:
        positions: list[exp.Expr] = [exp.Literal.number(i + 1) for i in range(len(keys))]
        select.set("group", exp.Group(expressions=positions))
    if having is None:
        return select
    outer = exp.Select(expressions=[exp.Star()], from_=exp.From(this=exp.Subquery(this=select, alias="q")))
    outer.set("where", exp.Where(this=_scalar(having)))
    return outer


def _values(relation: p.Values) -> exp.Query:
    if not relation.rows:
        items: list[exp.Expr] = [_alias(_cast(exp.Null(), _spelled(kind)), name) for name, kind in relation.columns]
        return exp.Select(expressions=items, where=exp.Where(this=exp.false()))
    rows = [exp.Tuple(expressions=[_bare(value) for value in row]) for row in relation.rows]
    names = [_identifier(name) for name, _ in relation.columns]
    values = exp.Values(expressions=rows, alias=exp.TableAlias(this=_identifier("v"), columns=names))
    # each column is given its type once: a cast in every cell takes long to spell and to read
    typed: list[exp.Expr] = [
        _alias(_cast(exp.Column(this=_identifier(name)), _spelled(kind)), name) for name, kind in relation.columns
    ]
    return exp.Select(expressions=typed, from_=exp.From(this=values))


def _bare(value: str | int | bool | Decimal | date | datetime | None) -> exp.Expr:
    """A literal whose type is told elsewhere."""
    match value:
        case bool() | int() | str() | None:
            return _literal(value, None)
        case Decimal():
            _check_finite(value)
            return exp.Literal.string(format(value, "f"))
        case datetime():
            return exp.Literal.string(value.isoformat(sep=" "))
        case date():
            return exp.Literal.string(value.isoformat())


def _check_finite(value: Decimal) -> None:
    if not value.is_finite():
        raise ValueError(f"{value} is no number")


# --- scalars ---------------------------------------------------------------------------------------------------------
def _spelled(kind: Type) -> str:
    match kind.kind:
        case Kind.TEXT | Kind.ID:
            return "TEXT"
        case Kind.INTEGER:
            return "BIGINT"
        case Kind.NUMBER | Kind.MONEY:
            return f"DECIMAL({kind.precision}, {kind.scale})"
        case Kind.DAY:
            return "DATE"
        case Kind.TIME:
            return "TIMESTAMP"
        case Kind.BOOLEAN:
            return "BOOLEAN"


@lru_cache(maxsize=64)
def _data_type(spelled: str) -> exp.DataType:
    return exp.DataType.build(spelled, dialect="duckdb")


def _cast(value: exp.Expr, spelled: str) -> exp.Cast:
    return exp.Cast(this=value, to=_data_type(spelled).copy())


def _literal(value: str | int | bool | Decimal | date | datetime | None, kind: Type | None) -> exp.Expr:
    match value:
        case None:
            return _cast(exp.Null(), _spelled(kind)) if kind else exp.Null()
        case bool():
            return exp.Boolean(this=value)
        case int():
            number = exp.Literal.number(value) if value >= 0 else exp.Neg(this=exp.Literal.number(-value))
            return _cast(number, _spelled(kind)) if kind and kind.kind is not Kind.INTEGER else number
        case Decimal():
            _check_finite(value)
            text = exp.Literal.string(format(value, "f"))
            if kind is not None:
                return _cast(text, _spelled(kind))
            digits = value.as_tuple()
            scale = max(0, -int(digits.exponent))
            return _cast(
                text, f"DECIMAL({min(38, max(len(digits.digits) + max(0, int(digits.exponent)), scale + 1))}, {scale})"
            )
        case datetime():
            return _cast(exp.Literal.string(value.isoformat(sep=" ")), "TIMESTAMP")
        case date():
            return _cast(exp.Literal.string(value.isoformat()), "DATE")
        case str():
            return exp.Literal.string(value)


def _call(name: str, *args: exp.Expr) -> exp.Expr:
    return exp.Anonymous(this=name, expressions=list(args))


_COMPARING = (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.NullSafeNEQ, exp.Is, exp.In, exp.Not)


def _apart(value: exp.Expr, *kinds: type[exp.Expr]) -> exp.Expr:
    """A value in parentheses where it is of a kind that would read differently without them."""
    return exp.Paren(this=value) if isinstance(value, kinds) else value


_BINARY: dict[str, type[exp.Binary]] = {
    "add": exp.Add, "sub": exp.Sub, "mul": exp.Mul, "eq": exp.EQ, "ne": exp.NEQ, "lt": exp.LT, "le": exp.LTE,
    "gt": exp.GT, "ge": exp.GTE, "distinct_from": exp.NullSafeNEQ,
}  # fmt: skip


def _scalar(value: p.Scalar) -> exp.Expr:
    match value:
        case p.Col(name, side):
            table = {"": None, "left": _identifier("l"), "right": _identifier("r")}[side]
            return exp.Column(this=_identifier(name), table=table)
        case p.Lit(literal, kind):
            return _literal(literal, kind)
        case p.Over():
            return _over(value)
        case p.Op(name, args):
            return _operation(name, [_scalar(a) for a in args])


def _operation(name: str, args: list[exp.Expr]) -> exp.Expr:
    match name:
        case "and" | "or":
            kind: type[exp.Connector] = exp.And if name == "and" else exp.Or
            result, *others = (_apart(a, exp.Or if kind is exp.And else exp.And) for a in args)
            for other in others:
                result = kind(this=result, expression=other)
            return result
        case "not":
            return exp.Not(this=_apart(args[0], exp.Connector))
        case "neg":
            return exp.Neg(this=_apart(args[0], exp.Binary, exp.Neg))
        case "div":
            bottom = exp.Nullif(this=_cast(args[1], "DOUBLE"), expression=exp.Literal.number(0))
            return exp.Div(this=_cast(args[0], "DOUBLE"), expression=bottom)
        case "ceiling":
            return exp.Ceil(this=args[0])
        case "square_root":
            return exp.Sqrt(this=_cast(args[0], "DOUBLE"))
        case "is_null":
            return exp.Is(this=_apart(args[0], exp.Binary, exp.Not), expression=exp.Null())
        case "in":
            return exp.In(this=args[0], expressions=args[1:])
        case "case":
            ifs = [exp.If(this=c, true=v) for c, v in zip(args[:-1:2], args[1::2], strict=False)]
            return exp.Case(ifs=ifs, default=args[-1])
        case "coalesce":
            return exp.Coalesce(this=args[0], expressions=args[1:])
        case "least":
            return exp.Least(this=args[0], expressions=args[1:])
        case "greatest":
            return exp.Greatest(this=args[0], expressions=args[1:])
        case "trunc_week" | "trunc_month" | "trunc_quarter" | "trunc_year":
            unit = exp.Var(this=name.removeprefix("trunc_").upper())
            return _cast(exp.TimestampTrunc(this=args[0], unit=unit), "DATE")
        case "days_between":
            return exp.DateDiff(this=args[1], expression=args[0], unit=exp.Var(this="DAY"), date_part_boundary=True)
        case "seconds_between":
            micros = exp.DateDiff(
                this=args[1], expression=args[0], unit=exp.Var(this="MICROSECOND"), date_part_boundary=True
            )
            return exp.IntDiv(this=micros, expression=exp.Literal.number(1_000_000))
        case "add_days":
            return _cast(exp.Add(this=args[0], expression=_cast(args[1], "INTEGER")), "DATE")
        case "add_months":
            return _cast(exp.Add(this=args[0], expression=_call("TO_MONTHS", _cast(args[1], "INTEGER"))), "DATE")
        case "add_seconds":
            return exp.Add(this=args[0], expression=_call("TO_SECONDS", args[1]))
        case "as_instant":
            return _cast(args[0], "TIMESTAMP")
        case "as_day":
            return _cast(args[0], "DATE")
        case "concat":
            empty = exp.Literal.string("")
            parts = [exp.Coalesce(this=_cast(a, "TEXT"), expressions=[empty.copy()]) for a in args]
            result = parts[0]
            for part in parts[1:]:
                result = exp.DPipe(this=result, expression=part)
            return result
        case "as_text":
            return _cast(args[0], "TEXT")
        case "as_integer":
            return _cast(args[0], "BIGINT")
        case "as_double":
            return _cast(args[0], "DOUBLE")
        case "as_money":
            return _cast(args[0], "DECIMAL(20, 6)")
        case "as_rate":
            return _cast(args[0], "DECIMAL(18, 10)")
        case "hash":
            return _call("HASH", *args)
        case "bucket_of":
            return exp.Mod(this=_md5_integer(args[0], 8), expression=args[1])
        case "row_digest":
            return _md5_integer(_canonical(args), 15)
        case "block_of":
            return exp.BitwiseRightShift(this=_apart(args[0], exp.Binary), expression=exp.Literal.number(6))
        case "count_bits":
            return _call("BIT_COUNT", args[0])
        case _:
            weaker = (exp.Binary, exp.Not, exp.Neg) if name in ("add", "sub", "mul") else (exp.Connector, *_COMPARING)
            return _BINARY[name](this=_apart(args[0], *weaker), expression=_apart(args[1], *weaker))


def _canonical(args: list[exp.Expr]) -> exp.Expr:
    nothing = exp.Literal.string(NOTHING)
    parts = [exp.Coalesce(this=_cast(a, "TEXT"), expressions=[nothing.copy()]) for a in args]
    return _call("CONCAT_WS", exp.Literal.string(APART), *parts)


def _md5_integer(text: exp.Expr, digits: int) -> exp.Expr:
    hexadecimal = exp.Substring(this=exp.MD5(this=text), start=exp.Literal.number(1), length=exp.Literal.number(digits))
    return _cast(exp.DPipe(this=exp.Literal.string("0x"), expression=hexadecimal), "BIGINT")


def _ordered(order: p.Order) -> exp.Ordered:
    return exp.Ordered(this=_scalar(order.by), desc=order.descending, nulls_first=False)


def _over(over: p.Over) -> exp.Expr:
    argument = [_scalar(over.argument)] if over.argument is not None else []
    match over.name:
        case "row_number":
            inner: exp.Expr = exp.RowNumber()
        case "lag":
            inner = exp.Lag(this=argument[0])
        case "lead":
            inner = exp.Lead(this=argument[0])
        case "sum" | "min" | "max" | "count_rows":
            inner = _aggregate(p.Agg(over.name, over.argument))
        case _:
            raise ValueError(f"no window function is called {over.name!r}")
    order = exp.Order(expressions=[_ordered(o) for o in over.order]) if over.order else None
    return exp.Window(this=inner, partition_by=[_scalar(s) for s in over.partition], order=order, over="OVER")


def _aggregate(agg: p.Agg) -> exp.Expr:
    argument = _scalar(agg.argument) if agg.argument is not None else exp.Star()
    match agg.name:
        case "count_rows":
            result: exp.Expr = exp.Count(this=exp.Star(), big_int=True)
        case "count":
            result = exp.Count(this=argument, big_int=True)
        case "count_distinct":
            result = exp.Count(this=exp.Distinct(expressions=[argument]), big_int=True)
        case "sum":
            result = exp.Sum(this=argument)
        case "min":
            result = exp.Min(this=argument)
        case "max":
            result = exp.Max(this=argument)
        case "mean":
            result = exp.Avg(this=argument)
        case "stddev":
            result = exp.StddevSamp(this=_cast(argument, "DOUBLE"))
        case "median" | "quantile":
            at = 0.5 if agg.name == "median" else agg.quantile
            result = exp.PercentileCont(this=_cast(argument, "DOUBLE"), expression=exp.Literal.number(str(at)))
        case "any_value":
            result = exp.AnyValue(this=argument)
        case "first_by" | "last_by":
            last = agg.name == "last_by"
            order = [exp.Ordered(this=_scalar(o), desc=last, nulls_first=False) for o in agg.order]
            result = exp.First(this=exp.Order(this=argument, expressions=order))
        case "every":
            result = exp.LogicalAnd(this=argument)
        case "some":
            result = exp.LogicalOr(this=argument)
        case "bits":
            place = exp.BitwiseAnd(this=argument, expression=exp.Literal.number(63))
            one = _cast(exp.Literal.number(1), "UBIGINT")
            bit = exp.BitwiseLeftShift(this=one, expression=_cast(place, "UBIGINT"))
            result = _call("BIT_OR", bit)
        case _:
            raise ValueError(f"no aggregation is called {agg.name!r}")
    if agg.where is not None:
        result = exp.Filter(this=result, expression=exp.Where(this=_scalar(agg.where)))
    return result
