"""Files that a browser hands over: into the workspace's `uploads/`, under a safe name, never over another file."""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
import time
import unicodedata
from contextlib import suppress
from pathlib import Path

from headwater.errors import HeadwaterError, QueryError, WorkspaceError

FOLDER = "uploads"
MOST_LETTERS = 100
"""A longer name is cut, its ending kept."""

SPARE_BYTES = 256 << 20
"""What stays free on the disk beside a file that is taken in: loading needs room too."""

ABANDONED_SECONDS = 24 * 3600
"""What a program that was killed had begun to write is removed when it is older than this."""

PART = ".part"
DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
"""Names that mean no file on some systems."""


class TooLargeError(QueryError):
    """A file is larger than the workspace takes in."""


def safe_name(name: str) -> str:
    """The last part of a file's name with what a file system, a shell or a pattern could take otherwise replaced.

    >>> safe_name("../../etc/passwd"), safe_name("C:\\\\export\\\\Deals*2025?.csv"), safe_name(".htaccess")
    ('passwd', 'Deals_2025_.csv', 'htaccess')

    Raises QueryError where nothing is left.
    """
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    kept = re.sub(r"_+", "_", re.sub(r"[^\w .()&+,@=-]", "_", last)).lstrip("-=+@, .").rstrip(" .")
    if not re.search(r"\w", kept.replace("_", "")):
        raise QueryError("the file has no name", do="Give it a name such as deals.csv.")
    if DEVICES.fullmatch(kept):
        kept = f"_{kept}"
    return _cut(kept)


def _cut(name: str) -> str:
    """At most MOST_LETTERS, and few enough bytes for any file system."""
    stem, dot, ending = name.rpartition(".")
    tail = f"{dot}{ending}" if stem and len(ending) <= 10 else ""
    stem = name.removesuffix(tail) if tail else name
    while len(stem) + len(tail) > MOST_LETTERS or len(f"{stem}{tail}".encode()) > 2 * MOST_LETTERS:
        stem = stem[:-1]
    return f"{stem.rstrip(' .')}{tail}"


def waiting(folder: Path) -> tuple[Path, ...]:
    """The files of the uploads folder by name; links, folders and files that are still on their way are none."""
    place = folder / FOLDER
    if not place.is_dir():
        return ()
    return tuple(
        sorted(p for p in place.iterdir() if p.is_file() and not p.is_symlink() and not p.name.startswith("."))
    )


def named(folder: Path, name: str) -> Path:
    """The uploaded file of that name. Raises QueryError where there is none, whatever the name says."""
    found = next((p for p in waiting(folder) if p.name == name), None)
    if found is None:
        raise QueryError(f"no uploaded file is called {name!r}", where=FOLDER, do="Choose one of the list.")
    return found


class Incoming:
    """One file on its way in: `write` its bytes in order, then `keep` it; without that it leaves nothing behind.

    `most` is the most bytes it may have; `expected` how many it will have, where that is known; `within` the folder of
    the workspace that it will lie in. Raises TooLargeError,
    QueryError for a name that is none, WorkspaceError where the folder cannot be written or the disk is too full.
    """

    def __init__(self, folder: Path, name: str, most: int, expected: int = 0, within: str = FOLDER) -> None:
        self.name = safe_name(name)
        self.bytes = 0
        self._most = most
        self._place = folder / within
        if expected > most:
            raise self._too_large()
        try:
            self._place.mkdir(parents=True, exist_ok=True)
            if self._place.is_symlink():
                raise WorkspaceError("the folder is a link", where=within, do="Make it a folder of the workspace.")
            if shutil.disk_usage(self._place).free < expected + SPARE_BYTES:
                raise _full()
            self._sweep()
            self._part = self._place / f".{secrets.token_hex(8)}{PART}"
            self._file = self._part.open("xb")
        except OSError as error:
            raise _not_written(error) from error

    def write(self, chunk: bytes) -> None:
        """The next bytes."""
        self.bytes += len(chunk)
        if self.bytes > self._most:
            raise self._too_large()
        try:
            self._file.write(chunk)
        except OSError as error:
            raise _not_written(error) from error

    def keep(self) -> Path:
        """The file in its place: under its name, or where that is taken under the next free one (`deals (2).csv`)."""
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            stem, dot, ending = self.name.rpartition(".") if "." in self.name else (self.name, "", "")
            number = 1
            while True:
                name = self.name if number == 1 else f"{stem} ({number}){dot}{ending}"
                try:
                    (self._place / name).touch(exist_ok=False)  # the name is ours now: nothing else is replaced
                except FileExistsError:
                    number += 1
                else:
                    return self._part.replace(self._place / name)
        except OSError as error:
            raise _not_written(error) from error
        finally:
            self.drop()

    def drop(self) -> None:
        """Lets go of it; what was kept stays."""
        self._file.close()
        with suppress(OSError):
            self._part.unlink(missing_ok=True)

    def _sweep(self) -> None:
        for part in self._place.glob(f".*{PART}"):
            with suppress(OSError):
                if time.time() - part.stat().st_mtime > ABANDONED_SECONDS:
                    part.unlink()

    def _too_large(self) -> TooLargeError:
        return TooLargeError(
            f"the file is larger than {self._most / (1 << 20):,.0f} MB",
            where=self.name,
            do="Put it into the workspace's folder by hand, or raise 'upload_mb' in headwater.yml.",
        )


def _full() -> WorkspaceError:
    return WorkspaceError("the disk is too full for the file", where=FOLDER, do="Make room, then send it again.")


def _not_written(error: OSError) -> HeadwaterError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return _full()
    why = (error.strerror or type(error).__name__).lower()
    return WorkspaceError(f"the file cannot be written ({why})", where=FOLDER, do="Mend the folder, then try again.")
