"""The codes of everything that keeps a row out, and the sentence each becomes; personal cells are never shown."""

from __future__ import annotations

_SENTENCES = {
    "missing": "{name} is required and has no value",
    "bad_number": "{value} in {name} is not a number{hint}",
    "ambiguous_number": "{value} in {name} can be read as two numbers{hint}",
    "non_finite": "{value} in {name} is not a finite number",
    "precision": "{value} in {name} has more decimal places than the column keeps{hint}",
    "out_of_range": "{value} in {name} is outside the allowed range{hint}",
    "mixed_currency": "{value} in {name} is not in the currency of the row{hint}",
    "missing_currency": "{name} has an amount whose currency is not known",
    "unknown_currency": "{value} in {name} is no currency code (ISO 4217)",
    "bad_date": "{value} in {name} is not a date{hint}",
    "nonexistent_time": "{value} in {name} does not exist in the time zone{hint}",
    "bad_boolean": "{value} in {name} is neither true nor false",
    "unknown_value": "{value} in {name} is not one of the allowed texts",
    "bad_key": "{value} in {name} is a number shown with leading zeros; store it as text so that the id is certain",
    "too_long": "{name} holds a text that is too long",
    "formula_without_value": "{name} holds a formula whose result is not stored",
    "error_value": "{name} holds a spreadsheet error",
    "duplicate_key": "the same key appears in several rows with different content",
    "conflicting_key": "the same key and time of change appear in several rows with different content",
}

CODES = ("", *_SENTENCES)
"""Faults as small numbers; 0 is none."""

NUMBER_OF = {code: i for i, code in enumerate(CODES)}
LONGEST_SHOWN = 60


def sentence(code: str, name: str, value: str | None, *, personal: bool, hint: str = "") -> str:
    """Why a cell keeps its row out.

    >>> sentence("bad_date", "won_at", "soon", personal=False)
    "'soon' in 'won_at' is not a date"
    >>> sentence("bad_date", "born", "soon", personal=True)
    "the value in 'born' is not a date"
    """
    shown = (
        "the value" if personal or value is None else repr(value if len(value) <= LONGEST_SHOWN else value[:57] + "...")
    )
    return _SENTENCES[code].format(name=repr(name), value=shown, hint=f" ({hint})" if hint else "")
