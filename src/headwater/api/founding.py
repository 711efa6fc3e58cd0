"""The `headwater.yml` of a new workspace, and the questions about the company that it answers."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from headwater.api.questions import Book
from headwater.api.settings import FILE
from headwater.model.look import Choice, Doubt
from headwater.model.settings import Settings

CURRENCY = Doubt(
    "company.currency", "company", FILE, "", "in which currency is money shown? EUR stands there",
    (Choice("EUR", "what stands there"),), text="CODE",
)  # fmt: skip
ZONE = Doubt(
    "company.time_zone", "company", FILE, "", "where do days begin, and whose clocks do files show that do not say it?"
    " UTC stands there", (Choice("UTC", "what stands there"),), text="ZONE",
)  # fmt: skip
"""What a new `headwater.yml` is asked about; it is used as it stands without an answer."""


def asked(answers: Mapping[str, Sequence[str]]) -> tuple[str, str]:
    """The currency and the time zone that answers say, '' where they do not. Raises QueryError for one that is none."""
    book = Book({id: tuple(value) for id, value in answers.items() if id in (CURRENCY.id, ZONE.id)})
    currency, zone = book.ask(CURRENCY), book.ask(ZONE)
    book.raise_faults()
    return "".join(currency), "".join(zone)


def answer(folder: Path, settings: Settings, answers: Mapping[str, Sequence[str]], *, write: bool) -> bool:
    """Whether answers about the company are of use: its `headwater.yml` says so, or nobody has edited it since `init`,
    and with `write` it says so from now on."""
    currency, zone = asked(answers)
    currency, zone = currency or settings.currency, zone or settings.time_zone
    if (currency, zone) == (settings.currency, settings.time_zone):
        return True
    path = folder / FILE
    if path.read_text(encoding="utf-8") != settings_text(settings.company, settings.currency, settings.time_zone):
        return False
    if write:
        replace_text(path, settings_text(settings.company, currency, zone))
    return True


def replace_text(path: Path, text: str) -> None:
    """Writes a file whole or not at all; its folder is made where it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


def settings_text(company: str, currency: str = "EUR", time_zone: str = "UTC") -> str:
    """The `headwater.yml` of a new workspace."""
    return f"""\
# What Headwater should know of the company. Every key but 'company' may be left out.
company: {json.dumps(company, ensure_ascii=False)}

# Money is shown in this currency (ISO 4217); amounts in others are converted at their day's rate.
currency: {currency}

# Days begin at midnight here (IANA name, such as Europe/Berlin).
time_zone: {time_zone}

# First month of the fiscal year, and how its months are cut: months, 445, 454 or 544.
calendar:
  fiscal_start: 1
  pattern: months

# What one question or refresh may use.
memory_mb: 2048
threads: 2

# An exchange rate is used for so many days after its own, where later ones are missing.
rate_days: 7

# What single KPIs should take instead of what their files say, such as:
# kpis:
#   win_rate: {{small_sample: 10, mature: 90 days}}
"""
