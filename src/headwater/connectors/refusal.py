"""A file that is refused as a whole, raised where it is noticed; only the parent knows the file's name."""

from __future__ import annotations


class Refused(Exception):
    """Why a file loads nothing: a code for machines, what is wrong, where inside the file, and what to do."""

    def __init__(
        self, code: str, what: str, *, row: int | None = None, line: int | None = None, column: str = "", do: str = ""
    ) -> None:
        self.code, self.what, self.row, self.line, self.column, self.do = code, what, row, line, column, do
        super().__init__(what)
