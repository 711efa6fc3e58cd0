"""The ways to write a date: a declared format, or one of those a column is searched for. Needs no array library."""

from __future__ import annotations

import re
from dataclasses import dataclass

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_NAMES = "|".join(
    ("january|february|march|april|may|june|july|august|september|october|november|december", "sept", *MONTHS)
)
_ZONE = r"(?P<z>[Zz]|UTC|GMT|[+-]\d{2}(?::?\d{2}){0,2})"
_CLOCK = (
    r"(?:(?:[Tt]|,? +)(?P<H>\d{1,2}):(?P<M>\d{2})(?::(?P<S>\d{2})(?:[.,](?P<f>\d{1,9}))?)?"
    r"(?: ?(?P<p>[AaPp])\.?[Mm]\.?)?(?: ?" + _ZONE + ")?)?"
)
_DIRECTIVES = {
    "d": r"(?P<d>\d{1,2})",
    "m": r"(?P<m>\d{1,2})",
    "Y": r"(?P<Y>\d{4})",
    "y": r"(?P<y>\d{2})",
    "H": r"(?P<H>\d{1,2})",
    "I": r"(?P<H>\d{1,2})",
    "M": r"(?P<M>\d{1,2})",
    "S": r"(?P<S>\d{1,2})",
    "f": r"(?P<f>\d{1,9})",
    "p": r"(?P<p>[AaPp])\.?[Mm]\.?",
    "z": _ZONE,
    "b": rf"(?P<b>(?i:{_NAMES}))\.?",
    "B": rf"(?P<b>(?i:{_NAMES}))\.?",
    "a": r"(?i:mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?",
    "A": r"(?i:mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?",
    "%": "%",
}
NUMERIC = ("excel", "epoch_s", "epoch_ms")


@dataclass(frozen=True, slots=True)
class Form:
    """One way to write a date: its name (`iso` or as strptime has it) and the pattern its texts match."""

    name: str
    pattern: str

    @property
    def parts(self) -> frozenset[str]:
        """The letters of the groups in the pattern."""
        return frozenset(re.findall(r"\?P<(\w)>", self.pattern))


def declared(text: str) -> Form:
    """The form of a declared format; ValueError says what is wrong with it.

    >>> declared("%d/%m/%Y").name
    '%d/%m/%Y'
    """
    if text == "iso":
        return ISO
    pattern, i, seen = "", 0, []
    while i < len(text):
        if text[i] == "%":
            directive = text[i + 1 : i + 2]
            if directive not in _DIRECTIVES:
                known = ", ".join(f"%{d}" for d in _DIRECTIVES)
                raise ValueError(f"'%{directive}' is not understood in a date format; these are: {known}")
            pattern += _DIRECTIVES[directive]
            seen += re.findall(r"\?P<(\w)>", _DIRECTIVES[directive])
            i += 2
        else:
            pattern += re.escape(text[i])
            i += 1
    parts = set(seen)
    if len(parts) < len(seen):
        raise ValueError("a part of the date is named twice")
    if not (parts & {"Y", "y"} and parts & {"m", "b"} and "d" in parts):
        raise ValueError(
            "a date format names year, month and day, such as %d.%m.%Y; or it is iso, excel, epoch_s or epoch_ms"
        )
    return Form(text, f"^{pattern}$")


def turned(form: Form) -> Form | None:
    """The same form with day and month the other way round; None where a month has a name or no day stands apart."""
    if "%d" not in form.name or "%m" not in form.name:
        return None
    return declared(form.name.replace("%d", "%\0").replace("%m", "%d").replace("%\0", "%m"))


_ISO_DAY = r"(?P<Y>\d{4})-(?P<m>\d{2})-(?P<d>\d{2})"
ISO = Form("iso", f"^{_ISO_DAY}{_CLOCK}$")
_BASIC = Form(
    "%Y%m%d", r"^(?P<Y>\d{4})(?P<m>\d{2})(?P<d>\d{2})(?:[Tt ](?P<H>\d{2})(?P<M>\d{2})(?P<S>\d{2})?" + f"{_ZONE}?)?$"
)


def _written(name: str) -> Form:
    form = declared(name)
    return Form(name, f"{form.pattern[:-1]}{_CLOCK}$")


FORMS = (
    ISO,
    _BASIC,
    *(_written(f"%Y{s}%m{s}%d") for s in "/."),
    *(_written(f"%d{s}%m{s}%Y") for s in "/.-"),
    *(_written(f"%m{s}%d{s}%Y") for s in "/-"),
    *(_written(f"%d{s}%m{s}%y") for s in "/.-"),
    *(_written(f"%m{s}%d{s}%y") for s in "/-"),
    *(_written(f"%y{s}%m{s}%d") for s in "/-"),
    *(_written(t) for t in ("%d %b %Y", "%d-%b-%Y", "%d. %b %Y", "%b %d, %Y", "%b %d %Y", "%d-%b-%y", "%d %b %y")),
)
"""The forms a column without a declared format may have. Nobody writes the month first with points."""
