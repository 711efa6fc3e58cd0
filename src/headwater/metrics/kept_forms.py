"""Texts of forms that are kept in a file, so that the next process need not spell what this one did."""

from __future__ import annotations

import json
import os
import sys
import zlib
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from threading import Lock

from headwater.metrics.catalogue import code, files_in, written
from headwater.metrics.forms import Form, Text
from headwater.version import VERSION

MOST = 4_000_000
"""So many bytes of texts are kept; then the file begins anew."""


@lru_cache(maxsize=4)
def forms_in(path: Path) -> KeptForms | None:
    """The forms that are kept in a file, one for each process; None where nobody can tell what they rest on."""
    stamp = _stamp()
    return KeptForms(path, stamp) if stamp else None


@lru_cache(maxsize=1)
def _stamp() -> bytes:
    """All that a form's text rests on but the form: Headwater's code that makes and spells plans, and SQLGlot's, which
    is looked for and not loaded. That is told by its version and the times of its folders: whatever installs another
    one puts files there."""
    folder = next((at for place in sys.path if (at := Path(place, "sqlglot")).is_dir()), None)
    if folder is None:
        return b""
    places = ("_version.py", "", "dialects", "expressions", "generators")
    sqlglot = [f"sqlglot {name} {written(folder / name)}" for name in places]
    spellings = files_in([("spellings", Path(__file__).parent / "spellings")])
    rests_on = "\n".join([VERSION, *code(), *spellings, *sqlglot])
    return blake2b(rests_on.encode(), digest_size=16).hexdigest().encode()


class KeptForms:
    """Texts by engine and form in a file: a line of what they rest on, then a line each with its sum. A line that is
    damaged, or a file that rests on something else, is as if it were not there; a place that cannot be written is left
    alone. For any number of threads and processes."""

    def __init__(self, path: Path, stamp: bytes, most: int = MOST) -> None:
        self._path, self._stamp, self._most = path, stamp, most
        self._head = b"headwater forms 2 " + stamp + b"\n"
        self._lock = Lock()
        self._lines: dict[bytes, bytes] | None = None
        self._new: dict[bytes, bytes] = {}

    def get(self, engine: str, form: Form) -> Text | None:
        """The text of a form in the words of an engine, None where it is not kept."""
        if self._lines is None:
            self._lines = dict(self._read())
        name = _name(engine, form)
        line = self._lines.get(name)
        if line is None:
            return None
        summed, _, told = line.partition(b" ")
        if summed != self._sum(name, told):
            return None
        days, _, text = told.partition(b" ")
        with suppress(ValueError):
            return Text(json.loads(str(text, "ascii")), int(days))
        return None

    def add(self, engine: str, form: Form, text: Text) -> None:
        """Takes a text to be kept by the next `save`."""
        name, line = _name(engine, form), json.dumps(text.text)
        if json.loads(line) != text.text:  # halves of a character that would come back as one
            return
        told = b"%d %s" % (text.days, line.encode())
        with self._lock:
            self._new[name] = self._sum(name, told) + b" " + told

    def save(self) -> None:
        """Writes what was added since."""
        with self._lock:
            new, self._new = self._new, {}
        if not new:
            return
        lines = b"".join([name + b" " + line + b"\n" for name, line in new.items()])
        with suppress(OSError):
            if not self._appended(lines):
                self._write_anew(lines)

    def _read(self) -> Iterator[tuple[bytes, bytes]]:
        with suppress(OSError), self._path.open("rb") as file:
            if file.readline() != self._head or os.fstat(file.fileno()).st_size > 2 * self._most:
                return
            for line in file.read().split(b"\n"):
                name, _, rest = line.partition(b" ")
                yield name, rest

    def _sum(self, name: bytes, told: bytes) -> bytes:
        return b"%08x" % zlib.crc32(told, zlib.crc32(self._head + name))

    def _appended(self, lines: bytes) -> bool:
        """Whether the lines stand behind those of a file that rests on the same, and has room."""
        try:
            with self._path.open("rb") as file:
                if file.readline() != self._head:
                    return False
                if os.fstat(file.fileno()).st_size + len(lines) > self._most:
                    return False
        except FileNotFoundError:
            return False
        with self._path.open("ab", buffering=0) as file:
            file.write(lines)  # at once: other processes may do the same
        return True

    def _write_anew(self, lines: bytes) -> None:
        import tempfile

        self._path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=self._path.parent, prefix=f".{self._path.name}-", delete=False) as file:
            temporary = Path(file.name)
            try:
                file.write(self._head + lines)
                file.flush()
                temporary.replace(self._path)
            except OSError:
                temporary.unlink(missing_ok=True)
                raise


def _name(engine: str, form: Form) -> bytes:
    return f"{engine}-{form.hex()}".encode()
