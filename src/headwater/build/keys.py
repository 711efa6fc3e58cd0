"""What texts are compared by: mail addresses, domains and words, spelled the same however they were typed."""

from __future__ import annotations

from headwater.model.plan import Col, Lit, Op, Scalar
from headwater.model.table import Key
from headwater.model.types import TEXT


def key_of(key: Key, side: str = "") -> Scalar:
    """The text that a column is compared by, empty where it holds none."""
    value = Op("lower", (Op("trim", (Col(key.column, side),)),))
    match key.of:
        case "mail":
            return Op("mail_of", (value,))
        case "company":
            domain = Op("mail_domain_of", (value,))
            if not key.but:
                return domain
            return Op("case", (Op("in", (domain, *(Lit(d) for d in key.but))), Lit(None, TEXT), domain))
        case "domain" | "host":
            return Op("host_of", (value,))
        case _:
            return Op("case", (Op("eq", (value, Lit(""))), Lit(None, TEXT), value))
