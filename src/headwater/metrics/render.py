"""Spells plan nodes as one SELECT for one engine. It decides nothing and looks nothing up.

What was spelled before, in this process or by one that kept it, is not spelled again: SQLGlot is not even loaded then.
"""

from __future__ import annotations

from functools import lru_cache
from threading import Lock

from headwater.metrics.forms import Form, Text, form_of, marked
from headwater.metrics.kept_forms import KeptForms
from headwater.metrics.spellings import IN_FORMS
from headwater.model import plan as p

FORM_CHARACTERS = 8_000_000
"""So much text of forms is remembered for each engine; then it begins anew."""


def render(relation: p.Relation, engine: str = "duckdb", kept: KeptForms | None = None) -> p.Statement:
    """The statement of a relation; its form is looked up and kept in `kept`, where that is given. Raises QueryError for
    an engine without spellings, and where the engine has no exact spelling of something.

    >>> from headwater.model.plan import Scan, Project, Named, Col
    >>> print(render(Project(Scan("leads"), (Named("n", Col("lead_id")),))).text)
    SELECT
      lead_id AS n
    FROM leads
    """
    text = _in_form(relation, engine, kept) if engine in IN_FORMS else _written(relation, engine)
    return p.Statement(text, p.columns_of(relation), engine)


def _in_form(relation: p.Relation, engine: str, kept: KeptForms | None) -> str:
    """The text of a relation, by that of its form."""
    if (told := form_of(relation)) is None:
        return _written(relation, engine)
    form, days = told
    known = _forms(engine)
    text = known.get(form)
    if text is None:
        text = None if kept is None else kept.get(engine, form)
        if text is None:
            text = Text(_written(marked(relation), engine), len(days))
            if kept is not None:
                kept.add(engine, form, text)
        known.keep(form, text)
    return text.of(days)


def _written(relation: p.Relation, engine: str) -> str:
    from headwater.metrics.spellings.writing import writer

    return writer(engine).text(relation)


class _Forms:
    """Texts of forms in the words of an engine, for any number of threads: what two write at once is the same."""

    def __init__(self, most: int = FORM_CHARACTERS) -> None:
        self._most = most
        self._texts: dict[Form, Text] = {}
        self._characters = 0
        self._lock = Lock()

    def get(self, form: Form) -> Text | None:
        """The text of a form, None where it is not remembered."""
        return self._texts.get(form)

    def keep(self, form: Form, text: Text) -> None:
        """Remembers the text of a form."""
        with self._lock:
            if self._characters + len(text.text) > self._most:
                self._texts, self._characters = {}, 0
            self._texts[form] = text
            self._characters += len(text.text)


@lru_cache(maxsize=16)
def _forms(engine: str) -> _Forms:
    return _Forms()
