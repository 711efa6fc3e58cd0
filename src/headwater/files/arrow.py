"""How the columns of kept files are typed."""

from __future__ import annotations

import pyarrow as pa

from headwater.model.types import Kind, Type


def arrow_type(type_: Type) -> pa.DataType:
    """The Arrow type that a column is kept as; times have no zone, all are in UTC."""
    match type_.kind:
        case Kind.TEXT | Kind.ID:
            return pa.string()
        case Kind.INTEGER:
            return pa.int64()
        case Kind.NUMBER | Kind.MONEY:
            return pa.decimal128(type_.precision, type_.scale)
        case Kind.DAY:
            return pa.date32()
        case Kind.TIME:
            return pa.timestamp("us")
        case Kind.BOOLEAN:
            return pa.bool_()
