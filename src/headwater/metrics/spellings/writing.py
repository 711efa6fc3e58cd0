"""Writes plan nodes as the nodes of a statement, in the words of one engine."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import ErrorLevel, UnsupportedError
from sqlglot.generator import Generator

from headwater.metrics.spellings import spelling_of
from headwater.metrics.spellings.nodes import COMPARING, apart, number, text
from headwater.metrics.spellings.spelling import Spelling
from headwater.model import plan as p
from headwater.model.types import DAY, TIME, Kind, Type

Value = str | int | bool | Decimal | date | datetime | None


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


_Items = tuple[p.Named, ...] | tuple[tuple[p.Named, ...], tuple[p.NamedAgg, ...]]
_Piece = _Items | p.Named | p.NamedAgg | p.Scalar

SPELLED_CHARACTERS = 4_000_000
"""So much text of pieces is remembered for each engine; then it begins anew."""


class Pieces:
    """How an engine spells pieces of statements: what a SELECT gives, conditions. Many statements have the same ones,
    and SQLGlot spells each once. For any number of threads: what two spell at once is the same text."""

    def __init__(self, most: int = SPELLED_CHARACTERS) -> None:
        self._most = most
        self._texts: dict[_Piece, str] = {}
        self._characters = 0

    def get(self, piece: _Piece) -> str | None:
        """The text of a piece, None where it was not spelled yet."""
        return self._texts.get(piece)

    def keep(self, piece: _Piece, text: str) -> None:
        """Remembers the text of a piece."""
        self._make_room(len(text))
        self._texts[piece] = text

    def _make_room(self, characters: int) -> None:
        if self._characters + characters > self._most:
            self._texts, self._characters = {}, 0
        self._characters += characters


def _filter(generator: Generator, node: exp.Filter) -> str:
    """The condition of an aggregate on the aggregate's line."""
    return f"{generator.sql(node, 'this')} FILTER(WHERE {generator.sql(node.expression, 'this')})"


@lru_cache(maxsize=16)
def words(engine: str) -> tuple[Spelling, Dialect, Pieces | None]:
    """How an engine spells, SQLGlot's dialect of it, and the pieces it is spelled in."""
    spelling = spelling_of(engine)
    return spelling, Dialect.get_or_raise(spelling.dialect), Pieces() if spelling.in_pieces else None


def writer(engine: str) -> Writer:
    """What writes one statement for an engine."""
    spelling, dialect, spelled = words(engine)
    # One for each statement: threads of a server must not share it. What it cannot spell it says at once.
    generator = dialect.generator(pretty=True, max_text_width=100, unsupported_level=ErrorLevel.IMMEDIATE)
    generator._dispatch = generator._dispatch | {exp.Filter: _filter}
    return Writer(spelling, generator, spelled)


_SIDES = {
    "inner": ("", ""),
    "left": ("LEFT", ""),
    "cross": ("", "CROSS"),
    "semi": ("", "SEMI"),
    "anti": ("", "ANTI"),
}
_BINARY: dict[str, type[exp.Binary]] = {
    "add": exp.Add, "sub": exp.Sub, "mul": exp.Mul, "eq": exp.EQ, "ne": exp.NEQ, "lt": exp.LT, "le": exp.LTE,
    "gt": exp.GT, "ge": exp.GTE,
}  # fmt: skip
_WEAK = (exp.Connector, *COMPARING)


class Writer:
    """Plan nodes as statement nodes, in one engine's spelling; of pieces that were spelled before, their text."""

    def __init__(self, spelling: Spelling, generator: Generator, spelled: Pieces | None) -> None:
        self._in = spelling
        self._generator = generator
        self._spelled = spelled

    def text(self, relation: p.Relation) -> str:
        """The statement of a relation. Raises QueryError for what the engine's dialect cannot spell."""
        try:
            return str(self._generator.generate(self.whole(relation), copy=False))
        except UnsupportedError as error:
            self._in.refused("this order of rows or form of a query", str(error).splitlines()[0])
            raise

    # --- pieces ------------------------------------------------------------------------------------------------------
    def _piece(self, piece: _Piece, make: Callable[[], list[exp.Expr]]) -> list[exp.Expr]:
        """The nodes of a piece; where the engine is spelled in pieces, one node that stands for their text."""
        if self._spelled is None:
            return make()
        text = self._spelled.get(piece)
        if text is None:
            text = self._generator.expressions(sqls=make(), indent=False)
            self._spelled.keep(piece, text)
        return [exp.Var(this=text)]

    def _items(self, columns: tuple[p.Named, ...]) -> list[exp.Expr]:
        return self._piece(columns, lambda: [e for c in columns for e in self._piece(c, lambda c=c: [self._named(c)])])  # type: ignore[misc]

    def _aggregates(self, keys: tuple[p.Named, ...], aggregates: tuple[p.NamedAgg, ...]) -> list[exp.Expr]:
        def one(a: p.NamedAgg) -> list[exp.Expr]:
            return self._piece(a, lambda: [self._alias(self._aggregate(a.value), a.name)])

        return self._piece(
            (keys, aggregates),
            lambda: [
                *(e for k in keys for e in self._piece(k, lambda k=k: [self._named(k)])),  # type: ignore[misc]
                *(e for a in aggregates for e in one(a)),
            ],
        )

    def _condition(self, value: p.Scalar) -> exp.Expr:
        return self._piece(value, lambda: [self.scalar(value)])[0]

    # --- relations ---------------------------------------------------------------------------------------------------
    def _identifier(self, name: str) -> exp.Identifier:
        return exp.Identifier(this=name, quoted=self._in.quotes_all or name in self._in.reserved)

    def _alias(self, expression: exp.Expr, name: str) -> exp.Alias:
        return exp.Alias(this=expression, alias=self._identifier(name))

    def _from(self, relation: p.Relation, alias: str) -> exp.Expr:
        """What stands after FROM: a table by name, or a subquery."""
        table_alias = exp.TableAlias(this=self._identifier(alias)) if alias else None
        if isinstance(relation, p.Scan | p.Shared):
            name = relation.table if isinstance(relation, p.Scan) else relation.name
            return exp.Table(this=self._identifier(name), alias=table_alias)
        query = self.relation(relation)
        return exp.Subquery(this=query, alias=table_alias or exp.TableAlias(this=self._identifier("q")))

    def _select(self, items: list[exp.Expr], source: p.Relation) -> exp.Select:
        if not isinstance(source, p.Join):
            return exp.Select(expressions=items, from_=exp.From(this=self._from(source, "")))
        if source.kind not in _SIDES:
            raise ValueError(f"no join is called {source.kind!r}")
        left = exp.From(this=self._from(source.left, "l"))
        on = self._condition(source.on) if source.on is not None else None
        if source.kind in ("semi", "anti") and not self._in.semi_join:
            inner = exp.Select(expressions=[number(1)], from_=exp.From(this=self._from(source.right, "r")))
            inner.set("where", exp.Where(this=on))
            exists: exp.Expr = exp.Exists(this=inner)
            select = exp.Select(expressions=items, from_=left)
            return select.where(exp.Not(this=exists) if source.kind == "anti" else exists, copy=False)
        side, kind = _SIDES[source.kind]
        join = exp.Join(this=self._from(source.right, "r"), side=side or None, kind=kind or None, on=on)
        return exp.Select(expressions=items, from_=left, joins=[join])

    def whole(self, relation: p.Relation) -> exp.Query:
        """The whole query of a relation, with what it works out once before it."""
        query = self.relation(relation)
        if shared := _shared(relation):
            tables = [
                exp.CTE(
                    this=self.relation(source),
                    alias=exp.TableAlias(this=self._identifier(name)),
                    materialized=self._in.materialized,
                )
                for name, source in shared.items()
            ]
            query.set("with_", exp.With(expressions=tables))
        return query

    def relation(self, relation: p.Relation) -> exp.Query:
        """The query of a relation, which names what is worked out once."""
        match relation:
            case p.Scan() | p.Shared():
                return exp.Select(expressions=[exp.Star()], from_=exp.From(this=self._from(relation, "")))
            case p.Values():
                return self._values(relation)
            case p.Project(source, columns, where, keep_all):
                items: list[exp.Expr] = [self._everything(source)] if keep_all else []
                items += self._items(columns)
                select = self._select(items, source)
                if where is None:
                    return select
                if select.args.get("where") is not None:
                    return select.where(self.scalar(where), copy=False)
                select.set("where", exp.Where(this=self._condition(where)))
                return select
            case p.Group(source, keys, aggregates, having):
                return self._group(source, keys, aggregates, having)
            case p.Union(sources):
                query = self.relation(sources[0])
                for other in sources[1:]:
                    query = exp.Union(this=query, expression=self.relation(other), distinct=False)
                return query
            case p.Sort(source, by, limit):
                select = exp.Select(expressions=[exp.Star()], from_=exp.From(this=self._from(source, "")))
                select.set("order", exp.Order(expressions=[self._ordered(o) for o in by]))
                if limit is not None:
                    select.set("limit", exp.Limit(expression=exp.Literal.number(limit)))
                return select
            case p.Join():
                raise ValueError("a Join needs a Project or a Group over it")

    def _everything(self, source: p.Relation) -> exp.Expr:
        """All columns; of a join that keeps the rows of its left side, those of that side."""
        if isinstance(source, p.Join) and source.kind in ("semi", "anti"):
            return exp.Column(this=exp.Star(), table=self._identifier("l"))
        return exp.Star()

    def _named(self, column: p.Named) -> exp.Expr:
        value, name = column.value, column.name
        if isinstance(value, p.Col) and value.name == name and not (value.side and self._in.keeps_sides):
            return self.scalar(value)
        return self._alias(self.scalar(value), name)

    def _group(
        self,
        source: p.Relation,
        keys: tuple[p.Named, ...],
        aggregates: tuple[p.NamedAgg, ...],
        having: p.Scalar | None,
    ) -> exp.Query:
        items = self._aggregates(keys, aggregates)
        if isinstance(source, p.Project) and not source.keep_all and source.where is not None and not source.columns:
            raise ValueError("a Project without columns keeps nothing")
        select = self._select(items, source)
        if keys:
            select.set("group", exp.Group(expressions=[number(i + 1) for i in range(len(keys))]))
        if having is None:
            return select
        outer = exp.Select(
            expressions=[exp.Star()],
            from_=exp.From(this=exp.Subquery(this=select, alias=exp.TableAlias(this=self._identifier("q")))),
        )
        outer.set("where", exp.Where(this=self.scalar(having)))
        return outer

    def _values(self, relation: p.Values) -> exp.Query:
        types = [self._in.type(kind) for _, kind in relation.columns]
        names = [name for name, _ in relation.columns]
        if not relation.rows:
            nothing = [self._alias(self._in.cast(exp.Null(), t), n) for n, t in zip(names, types, strict=True)]
            return exp.Select(expressions=nothing, where=exp.Where(this=exp.false()))
        if not self._in.values_relation:
            return self._rows_joined(relation, names, types)
        rows = [exp.Tuple(expressions=[self._bare(value) for value in row]) for row in relation.rows]
        alias = exp.TableAlias(this=self._identifier("v"), columns=[self._identifier(n) for n in names])
        # each column is given its type once: a cast in every cell takes long to spell and to read
        typed: list[exp.Expr] = [
            self._alias(self._in.cast(exp.Column(this=self._identifier(n)), t), n)
            for n, t in zip(names, types, strict=True)
        ]
        return exp.Select(expressions=typed, from_=exp.From(this=exp.Values(expressions=rows, alias=alias)))

    def _rows_joined(self, relation: p.Values, names: list[str], types: list[str]) -> exp.Query:
        """The rows one by one, each cell with its type: the engine would else guess it from the first row."""
        selects: list[exp.Query] = [
            exp.Select(
                expressions=[
                    self._alias(self._in.cast(self._bare(value), t), n)
                    for value, n, t in zip(row, names, types, strict=True)
                ]
            )
            for row in relation.rows
        ]
        query, *others = selects
        for other in others:
            query = exp.Union(this=query, expression=other, distinct=False)
        return query

    def _bare(self, value: Value) -> exp.Expr:
        """A literal whose type is told elsewhere."""
        match value:
            case bool() | int() | str() | None:
                return self._literal(value, None)
            case Decimal():
                return text(_plain(value))
            case datetime():
                return text(value.isoformat(sep=" "))
            case date():
                return text(value.isoformat())

    # --- scalars -----------------------------------------------------------------------------------------------------
    def _literal(self, value: Value, kind: Type | None) -> exp.Expr:
        match value:
            case None:
                return self._in.cast(exp.Null(), self._in.type(kind)) if kind else exp.Null()
            case bool():
                return exp.Boolean(this=value)
            case int():
                whole = number(value)
                return self._in.cast(whole, self._in.type(kind)) if kind and kind.kind is not Kind.INTEGER else whole
            case Decimal():
                if kind is not None:
                    return self._in.cast(text(_plain(value)), self._in.type(kind))
                return self._in.cast(text(_plain(value)), self._in.decimal(*_size(value)))
            case datetime():
                return self._in.cast(text(value.isoformat(sep=" ")), self._in.type(TIME))
            case date():
                return self._in.cast(text(value.isoformat()), self._in.type(DAY))
            case str():
                return text(value)

    def scalar(self, value: p.Scalar) -> exp.Expr:
        """The expression of a scalar."""
        match value:
            case p.Col(name, side):
                table = {"": None, "left": self._identifier("l"), "right": self._identifier("r")}[side]
                return exp.Column(this=self._identifier(name), table=table)
            case p.Lit(literal, kind):
                return self._literal(literal, kind)
            case p.Over():
                return self._over(value)
            case p.Op(name, args):
                return self._operation(name, [self.scalar(a) for a in args])

    def _operation(self, name: str, args: list[exp.Expr]) -> exp.Expr:
        spelling = self._in
        match name:
            case "and" | "or":
                kind: type[exp.Connector] = exp.And if name == "and" else exp.Or
                result, *others = (apart(a, exp.Or if kind is exp.And else exp.And) for a in args)
                for other in others:
                    result = kind(this=result, expression=other)
                return result
            case "not":
                return exp.Not(this=apart(args[0], exp.Connector))
            case "div":
                bottom = exp.Nullif(this=spelling.as_double(args[1]), expression=number(0))
                return exp.Div(this=spelling.as_double(args[0]), expression=bottom)
            case "ceiling":
                return exp.Ceil(this=args[0])
            case "square_root":
                return exp.Sqrt(this=spelling.as_double(args[0]))
            case "is_null":
                return exp.Is(this=apart(args[0], exp.Binary, exp.Not), expression=exp.Null())
            case "in":
                return exp.In(this=args[0], expressions=args[1:])
            case "case":
                ifs = [exp.If(this=c, true=v) for c, v in zip(args[:-1:2], args[1::2], strict=False)]
                return exp.Case(ifs=ifs, default=args[-1])
            case "coalesce":
                return exp.Coalesce(this=args[0], expressions=args[1:])
            case "distinct_from":
                return spelling.distinct_from(apart(args[0], *_WEAK), apart(args[1], *_WEAK))
            case "trunc_week" | "trunc_month" | "trunc_quarter" | "trunc_year":
                return spelling.trunc(name.removeprefix("trunc_").upper(), args[0])
            case "days_between":
                return spelling.days_between(args[0], args[1])
            case "seconds_between":
                return spelling.seconds_between(args[0], args[1])
            case "add_days":
                return spelling.add_days(args[0], args[1])
            case "add_months":
                return spelling.add_months(args[0], args[1])
            case "add_seconds":
                return spelling.add_seconds(args[0], args[1])
            case "as_instant":
                return spelling.as_instant(args[0])
            case "as_day":
                return spelling.as_day(args[0])
            case "concat":
                return spelling.concat(args)
            case _ if name in p.OF_TEXTS:
                return spelling.of_text(name, args)
            case "as_text":
                return spelling.as_text(args[0])
            case "as_integer":
                return spelling.as_integer(args[0])
            case "as_double":
                return spelling.as_double(args[0])
            case "as_money":
                return spelling.cast(args[0], spelling.decimal(20, 6))
            case "as_rate":
                return spelling.cast(args[0], spelling.decimal(18, 10))
            case "hash":
                return spelling.hash(args)
            case "bucket_of":
                return exp.Mod(this=spelling.md5_integer(args[0], 8), expression=args[1])
            case "row_digest":
                return spelling.md5_integer(spelling.canonical(args), 15)
            case "block_of":
                return spelling.block_of(args[0])
            case "count_bits":
                return spelling.count_bits(args[0])
            case _:
                weaker = (exp.Binary, exp.Not, exp.Neg) if name in ("add", "sub", "mul") else _WEAK
                return _BINARY[name](this=apart(args[0], *weaker), expression=apart(args[1], *weaker))

    def _ordered(self, order: p.Order) -> exp.Ordered:
        return exp.Ordered(this=self.scalar(order.by), desc=order.descending, nulls_first=False)

    def _over(self, over: p.Over) -> exp.Expr:
        argument = [self.scalar(over.argument)] if over.argument is not None else []
        match over.name:
            case "row_number":
                inner: exp.Expr = exp.RowNumber()
            case "lag":
                inner = exp.Lag(this=argument[0])
            case "lead":
                inner = exp.Lead(this=argument[0])
            case "sum" | "min" | "max" | "count_rows":
                inner = self._aggregate(p.Agg(over.name, over.argument))
            case _:
                raise ValueError(f"no window function is called {over.name!r}")
        order = exp.Order(expressions=[self._ordered(o) for o in over.order]) if over.order else None
        partition = [self.scalar(s) for s in over.partition]
        return exp.Window(this=inner, partition_by=partition, order=order, over="OVER")

    def _aggregate(self, agg: p.Agg) -> exp.Expr:
        argument = self.scalar(agg.argument) if agg.argument is not None else exp.Star()
        spelling = self._in
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
                result = spelling.mean(argument)
            case "stddev":
                result = spelling.stddev(argument)
            case "median" | "quantile":
                result = spelling.quantile(argument, 0.5 if agg.quantile is None else agg.quantile)
            case "any_value":
                result = spelling.any_value(argument)
            case "first_by" | "last_by":
                order = [self.scalar(o) for o in agg.order]
                result = spelling.pick(argument, order, last=agg.name == "last_by")
            case "every":
                result = spelling.every(argument)
            case "bits":
                result = spelling.bits(argument)
            case _:
                raise ValueError(f"no aggregation is called {agg.name!r}")
        return result if agg.where is None else spelling.filtered(result, self.scalar(agg.where))


def _plain(value: Decimal) -> str:
    """A decimal written out."""
    if not value.is_finite():
        raise ValueError(f"{value} is no number")
    return format(value, "f")


def _size(value: Decimal) -> tuple[int, int]:
    """Digits in all and after the point that a decimal needs."""
    digits = value.as_tuple()
    scale = max(0, -int(digits.exponent))
    return min(38, max(len(digits.digits) + max(0, int(digits.exponent)), scale + 1)), scale
