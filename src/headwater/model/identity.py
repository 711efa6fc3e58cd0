"""Identity as data: ordered rules that tell which person, and which company, a row belongs to."""

from __future__ import annotations

from dataclasses import dataclass

UNMATCHED = "(no match)"
"""The rule of a row that names something (a mail, a cookie) which leads to nobody."""

SEVERAL = "(several)"
"""The rule of a row that leads to more than one, none of which a rule prefers."""

NOTHING = "(nothing)"
"""The rule of a row that names nothing to go by."""

FORM_KINDS = ("form", "signup", "login")
"""Actions that tell who has a cookie, once they are completed."""

PEOPLE, COMPANIES = "contacts", "accounts"

BY = {
    PEOPLE: ("id", "mail", "cookie"),
    COMPANIES: ("id", "contact", "domain"),
}
"""What rules go by: the id that the source delivers; a mail address; a cookie, to the person of the form that was sent
with it; the company of the person; the domain of a mail address."""

SEVERAL_OF = {
    "id": (),
    "contact": (),
    "mail": ("leave", "first", "merge"),
    "domain": ("leave", "first"),
    "cookie": ("at_the_time", "first", "last"),
}
"""What a rule may do where more than one fits, the usual first."""


@dataclass(frozen=True, slots=True)
class IdentityRule:
    """One rule: `id`, what it goes `by`, the `sources` whose rows it is for (none: all), and what it does where several
    fit. `before_days`: how long before a form was sent its cookie is that person's already (None: ever). `prefer`:
    the sources whose contact stays where contacts of several systems are one, in order."""

    id: str
    by: str
    sources: tuple[str, ...] = ()
    several: str = ""
    before_days: int | None = None
    prefer: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Joining:
    """By what rows of one table that different systems deliver are one: the derived text column `by`, under a rule of
    identity.yml (None: never)."""

    by: str
    rule: IdentityRule | None = None
