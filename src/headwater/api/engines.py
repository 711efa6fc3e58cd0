"""Whether an engine answers as every other one does: the contract, asked of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from headwater.api.answer import Listing, Tabular
from headwater.errors import HeadwaterError, QueryError
from headwater.metrics.contract import SHEETS, Sheet, wrong
from headwater.metrics.render import render
from headwater.model.observation import Rows
from headwater.store.engines.connecting import Engine, connect


@dataclass(frozen=True, slots=True, repr=False)
class Verified(Tabular):
    """What an engine answered. `primitives`: each with its number of cases, `equal`, `refused` (the engine has no exact
    spelling, so none is used) or `wrong`, and what was wrong."""

    engine: str
    version: str
    primitives: tuple[tuple[str, int, str, str], ...]

    @property
    def failed(self) -> bool:
        """Whether an answer was wrong."""
        return any(state == "wrong" for _, _, state, _ in self.primitives)

    @property
    def listing(self) -> Listing:
        """One row a primitive."""
        return Listing(Rows(("primitive", "cases", "state", "what"), self.primitives, "one primitive"))

    def to_text(self) -> str:
        """How many cases are equal, and every primitive that is not."""
        states = Counter[str]()
        for _, cases, state, _ in self.primitives:
            states[state] += cases
        total = sum(states.values())
        lines = [f"{self.version}: {states['equal']} of {total} answers are equal"]
        for word, what in (("refused", "refused by name"), ("wrong", "asked of primitives that answer wrongly")):
            if states[word]:
                lines.append(f"{states[word]} are {what}")
        told = tuple(p for p in self.primitives if p[2] != "equal")
        if told:
            lines += ["", Listing(Rows(("primitive", "cases", "state", "what"), told, "one primitive")).to_text()]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return self.to_text()


def verify(url: str) -> Verified:
    """Asks the contract of the engine at an address (see `store.engines.connecting.connect`).

    Raises QueryError when there is no such engine, or its driver is missing, EngineError when it does not answer.
    """
    engine = connect(url)
    try:
        found: dict[str, tuple[int, list[str], list[str]]] = {}
        for sheet in SHEETS:
            cases, refused, faults = found.setdefault(sheet.primitive, (0, [], []))
            _ask(engine, sheet, refused, faults)
            found[sheet.primitive] = (cases + len(sheet.cases), refused, faults)
        rows = tuple((name, cases, *_state(refused, faults)) for name, (cases, refused, faults) in found.items())
        return Verified(engine.spelling, engine.version, rows)
    finally:
        engine.close()


def _ask(engine: Engine, sheet: Sheet, refused: list[str], faults: list[str]) -> None:
    try:
        statement = render(sheet.relation, engine.spelling)
    except QueryError as error:
        refused.append(error.what)
        return
    try:
        faults += wrong(sheet, engine.rows(statement.text))
    except HeadwaterError as error:
        faults.append(error.what)


def _state(refused: list[str], faults: list[str]) -> tuple[str, str]:
    if faults:
        return "wrong", "; ".join(dict.fromkeys(faults))
    return ("refused", "; ".join(dict.fromkeys(refused))) if refused else ("equal", "")
