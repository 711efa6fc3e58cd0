"""What a look at files of strangers shows, what is in doubt about them, and the sources proposed for them."""

from __future__ import annotations

from dataclasses import dataclass

LEAVE = "leave"
"""The answer that leaves something out: a column, or a whole file."""

OWN = "own"
"""The answer that makes something of the workspace's own: a column of a known table, or a table."""

CONSTANT = "="
"""An answer that begins so is a text that stands in every row: `=won`."""


@dataclass(frozen=True, slots=True)
class LookedColumn:
    """What the values of one column show.

    `samples` are a few different ones, `filled` how many rows looked at have one. `kinds` are the kinds that fit, the
    narrowest first; `date_formats` the ways to write dates that fit all of them (two: which is meant cannot be told),
    `decimals` the marks that may stand before decimals (none: no value shows one). `values` are all different values
    with their counts where there are at most 50, else none. `unique`: no value came twice. `clock` tells whether dates
    have a time of day: `no`, `local` (no zone is written), `zoned`. `accounting`: negatives are written `(1.00)` or
    `1.00-`. `padded`: cells of a workbook that show leading zeros their values lack. Where most values are numbers or
    dates and too many are not, `mostly` is what those show, and `misfits` are the others with their counts (the first
    of them where there are more than 50 different ones: `misfitting` is how many rows have one).
    """

    name: str
    samples: tuple[str, ...] = ()
    filled: int = 0
    kinds: tuple[str, ...] = ()
    date_formats: tuple[str, ...] = ()
    decimals: tuple[str, ...] = ()
    values: tuple[tuple[str, int], ...] = ()
    unique: bool = False
    leading_zeros: bool = False
    currencies: tuple[str, ...] = ()
    clock: str = "no"
    accounting: bool = False
    padded: bool = False
    mostly: LookedColumn | None = None
    misfits: tuple[tuple[str, int], ...] = ()
    misfitting: int = 0

    @property
    def lists_misfits(self) -> bool:
        """Whether every text that does not fit is among `misfits`."""
        return sum(count for _, count in self.misfits) == self.misfitting


@dataclass(frozen=True, slots=True)
class Look:
    """What one table of one file shows: a file, a sheet of a workbook, or a member of an archive.

    `rows` are the data rows; where `exact` is false only the head, the middle and the end of the file were read, and
    the number is reckoned from their size. `looked` rows were read. `encodings` are the encodings that fit where none
    is certain, each with a text as it reads then; `encoding` is the first of them. `totals` open totals rows.
    `keys` are the smallest sets of columns whose values never came twice together. `sketch` stands for the rows: two
    files that share numbers of it share rows. `repeats` counts, for each set of columns asked for, the different rows
    that share their values with another row.
    """

    path: str
    format: str
    header: tuple[str, ...]
    columns: tuple[LookedColumn, ...]
    rows: int
    exact: bool
    member: str = ""
    encoding: str = ""
    separator: str = ""
    quote: str = '"'
    skip_rows: int = 0
    header_row: int = 1
    sheet: str = ""
    totals: tuple[str, ...] = ()
    looked: int = 0
    encodings: tuple[tuple[str, str], ...] = ()
    keys: tuple[tuple[str, ...], ...] = ()
    sketch: tuple[int, ...] = ()
    repeats: tuple[tuple[tuple[str, ...], int], ...] = ()
    warnings: tuple[str, ...] = ()

    def column(self, name: str) -> LookedColumn | None:
        """The column of that name, or None."""
        return next((c for c in self.columns if c.name == name), None)


@dataclass(frozen=True, slots=True)
class Unread:
    """A file that cannot be looked at, why, and what to do."""

    path: str
    what: str
    do: str = ""
    member: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer to a doubt, and what it means."""

    value: str
    about: str = ""


@dataclass(frozen=True, slots=True)
class Doubt:
    """A question that only the user can answer.

    `id` is readable and the same whenever the same files are looked at: `deals.created_at.order`. It is about a `file`
    (or a pattern of files) and, mostly, a `column` of it. An answer is the value of one of `answers`; with `several`,
    any number of them; with `text`, also a text of the user's own, of the kind it names (`=TEXT`, `CODE`, `ZONE`).
    `example` and what is told about answers may hold values of the file: they are shown, and never written.
    """

    id: str
    source: str
    file: str
    column: str
    what: str
    answers: tuple[Choice, ...]
    do: str = ""
    several: bool = False
    text: str = ""
    example: str = ""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A source proposed for files: the text of its `sources/<source>.yml`, and of files of own tables it needs.

    `state`: `ready`, `open` (some of `doubts` have no answer yet), `left` (the user leaves the files out), `kept` (a
    source file of that name is there and stays as it is), `unrecognised`. They have `rows`, about so many where not
    `exact`. `path` is what the source will name; `feeds` are its tables
    with the columns mapped; `from_preset` names the shape that recognised the files. `answered` are the doubts that
    have an answer, with it. `written` are the files that were written.
    """

    source: str
    path: str
    files: tuple[str, ...]
    state: str
    rows: int = 0
    exact: bool = True
    text: str = ""
    own: tuple[tuple[str, str], ...] = ()
    feeds: tuple[tuple[str, tuple[str, ...]], ...] = ()
    from_preset: str = ""
    doubts: tuple[Doubt, ...] = ()
    answered: tuple[tuple[str, tuple[str, ...]], ...] = ()
    notes: tuple[str, ...] = ()
    written: tuple[str, ...] = ()
