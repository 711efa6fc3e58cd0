"""The book of questions: doubts are asked of it, and it gives the answers the user gave, checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from zoneinfo import ZoneInfo

from headwater.connectors import currencies, forms
from headwater.errors import DefinitionError, Fault, QueryError, nearest
from headwater.model.look import CONSTANT, Doubt

TEXT, CODE, ZONE, FORMAT = "=TEXT", "CODE", "ZONE", "FORMAT"
"""The kinds of texts of the user's own that an answer may be: `=won` in every row, a currency, a time zone, a way to
write dates."""

_MEANS = {
    TEXT: "a text that stands in every row, written =TEXT",
    CODE: "a currency code such as EUR",
    ZONE: "a time zone such as Europe/Berlin",
    FORMAT: "a date format such as %d.%m.%Y",
}

Answers = Mapping[str, tuple[str, ...]]


class Book:
    """Answers by the id of their doubt; an id with `*` answers every doubt it fits that has no answer of its own."""

    def __init__(self, answers: Answers) -> None:
        self._answers = dict(answers)
        self._patterns = {k: v for k, v in answers.items() if "*" in k}
        self.used: set[str] = set()
        self.asked: dict[str, Doubt] = {}
        self.faults: dict[str, str] = {}

    def ask(self, doubt: Doubt) -> tuple[str, ...]:
        """The answer to a doubt, checked; nothing where there is none, or none that can be one."""
        self.asked[doubt.id] = doubt
        if doubt.id in self._answers:
            self.used.add(doubt.id)
            found, fault = checked(doubt, self._answers[doubt.id])
            if fault:
                self.faults[doubt.id] = fault
            return found
        for pattern, given in self._patterns.items():
            if fnmatchcase(doubt.id, pattern):
                found, fault = checked(doubt, given)
                if found:
                    self.used.add(pattern)
                    return found
        return ()

    def has(self, id: str) -> bool:
        """Whether an answer names this very doubt."""
        return id in self._answers

    def has_of(self, start: str) -> bool:
        """Whether an answer names a doubt whose id begins so, or every such doubt."""
        return any(id.startswith(start) for id in self._answers) or any(
            fnmatchcase(f"{start}any", pattern) for pattern in self._patterns
        )

    @property
    def unused(self) -> tuple[str, ...]:
        """Answers that no doubt asked for."""
        return tuple(k for k in self._answers if k not in self.used)

    def raise_faults(self) -> None:
        """Raises QueryError when an answer is none of those its doubt has."""
        if self.faults:
            told = "\n".join(f"{id}: {why}" for id, why in sorted(self.faults.items()))
            count = f"{len(self.faults)} answers do not fit" if len(self.faults) > 1 else "an answer does not fit"
            raise QueryError(f"{count} the question", do=told)


def checked(doubt: Doubt, given: Sequence[str]) -> tuple[tuple[str, ...], str]:
    """The answer to a doubt in its own spelling, or why it is none."""
    known = {c.value.casefold(): c.value for c in doubt.answers}
    if doubt.several and len(given) == 1 and not _one(doubt, given[0], known):
        given = [part.strip() for part in given[0].split(",")]
    if len(given) > 1 and not doubt.several:
        return (), "there can be only one answer."
    found = []
    for text in given:
        if not (one := _one(doubt, text.strip(), known)):
            options = ", ".join(c.value for c in doubt.answers[:12])
            more = f", or {_MEANS[doubt.text]}" if doubt.text else ""
            return (), f"{text!r} is none of {options}{more}. {nearest(text, known.values())}".rstrip()
        found.append(one)
    return tuple(dict.fromkeys(found)), ""


def _one(doubt: Doubt, text: str, known: Mapping[str, str]) -> str:
    """An answer in its own spelling, or nothing."""
    if text.casefold() in known:
        return known[text.casefold()]
    match doubt.text:
        case "=TEXT" if text.startswith(CONSTANT) and len(text) > 1:
            return text
        case "CODE" if text.removeprefix(CONSTANT).upper() in currencies.CODES:
            return text.removeprefix(CONSTANT).upper()
        case "ZONE":
            return text if _is_zone(text) else ""
        case "FORMAT":
            return text if _is_format(text) else ""
        case _:
            return ""


def _is_zone(text: str) -> bool:
    try:
        ZoneInfo(text)
    except (OSError, ValueError, LookupError):
        return False
    return True


def _is_format(text: str) -> bool:
    if text in forms.NUMERIC:
        return True
    try:
        forms.declared(text)
    except ValueError:
        return False
    return True


def read_answers(path: Path, name: str = "") -> dict[str, tuple[str, ...]]:
    """The answers of a file: pairs of a doubt's id and one answer, or a list of them. Raises DefinitionError."""
    from headwater.files.read import read

    document, faults = read(path, name or str(path))
    if document is None or faults:
        if document is None and path.is_file() and _is_blank(path):
            return {}
        raise DefinitionError.of(faults)
    found: dict[str, tuple[str, ...]] = {}
    wrong: list[Fault] = []
    for id, value in document.content.items():
        match value:
            case None:
                continue
            case str():
                found[id] = (str(value),)
            case list() if all(isinstance(v, str) for v in value):
                found[id] = tuple(str(v) for v in value)
            case _:
                wrong.append(document.fault((id,), "an answer is a text, or a list of texts"))
    if wrong:
        raise DefinitionError.of(wrong)
    return found


def _is_blank(path: Path) -> bool:
    """Whether a file holds comments alone."""
    lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    return all(not line.strip() or line.lstrip().startswith("#") for line in lines)


def given_answers(texts: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The answers of texts `ID=VALUE`. Raises QueryError for one that is none."""
    found: dict[str, tuple[str, ...]] = {}
    for text in texts:
        id, equals, value = text.partition("=")
        if not (id.strip() and equals and value.strip()):
            raise QueryError(
                f"{text!r} is no answer", do="Write it as ID=VALUE, such as deals.created_at.order=%d/%m/%Y."
            )
        found[id.strip()] = (value.strip(),)
    return found


def answers_of(file: str | None, texts: Sequence[str] = ()) -> dict[str, tuple[str, ...]]:
    """The answers of a file, where one is named, and over them those of texts `ID=VALUE`."""
    found = read_answers(Path(file)) if file is not None else {}
    return {**found, **given_answers(texts)}
