"""Looks into a zip archive of several files and opens one of them, under limits; nothing is ever unpacked by its name.

An archive is judged as a whole before any of its files is read: one that a careful program would not have written is
refused.
"""

from __future__ import annotations

import errno
import hashlib
import io
import re
import stat
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import BinaryIO

from headwater.connectors.content import MOST_RATIO, PIECE, RATIO_FROM
from headwater.connectors.refusal import Refused

MOST_MEMBERS = 10_000
_LITTER = ("__MACOSX/", ".DS_Store", "Thumbs.db", "desktop.ini")
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_UNSAFE_NAME = re.compile(r"[\x00-\x1f\x7f\\]|^/|^[A-Za-z]:")


@dataclass(frozen=True, slots=True)
class Member:
    """One file of an archive: its path in there, its size, and the SHA-256 of its content."""

    name: str
    size: int
    content: str


def members(file: BinaryIO, inside: str, most: int) -> tuple[Member, ...]:
    """The files of an archive whose path or name `inside` matches ('' all of them), each read once, sorted by path.

    Raises Refused for an archive that unpacks to more than `most` bytes, is damaged or encrypted, names places outside
    itself, names a file twice, or holds links or other archives among these files.
    """
    with _damage():
        archive = zipfile.ZipFile(file)
        infos = _sound(archive, most)
        chosen = [i for i in infos if not inside or _matches(_path(i), inside)]
        if not chosen:
            what = f"no file in the archive matches {inside!r}" if inside else "the archive holds no file"
            raise Refused("no_file", what, do=_those(infos) if inside else "Export it again.")
        found = []
        for info in chosen:
            if _path(info).lower().endswith((".zip", ".zip.gz")):
                raise Refused(
                    "nested_archive",
                    f"the archive holds another archive, {_path(info)!r}",
                    do="Unpack it, or choose the files to read with 'inside'.",
                )
            with _open(archive, info, most) as content:
                digest = hashlib.file_digest(content, "sha256").hexdigest()
            found.append(Member(_path(info), info.file_size, digest))
        return tuple(sorted(found, key=lambda m: m.name))


def open_member(file: BinaryIO, name: str, most: int) -> io.BufferedReader:
    """The content of one file of an archive, checked while it is read: against its size, its sum and the limits."""
    with _damage():
        archive = zipfile.ZipFile(file)
        for info in _sound(archive, most):
            if _path(info) == name:
                return _open(archive, info, most)
    raise Refused("no_file", f"the archive holds no file {name!r}", do=_those(_sound(archive, most)))


def _path(info: zipfile.ZipInfo) -> str:
    """The path of a member, written in one way."""
    return unicodedata.normalize("NFC", str(PurePosixPath(info.filename)))


def _matches(path: str, inside: str) -> bool:
    return fnmatchcase(path, inside) or fnmatchcase(PurePosixPath(path).name, inside)


def _those(infos: list[zipfile.ZipInfo]) -> str:
    names = [repr(_path(i)) for i in infos[:20]]
    return f"It holds {', '.join(names)}{' ...' if len(infos) > 20 else ''}." if names else "It holds no file."


def _sound(archive: zipfile.ZipFile, most: int) -> list[zipfile.ZipInfo]:
    """The files of an archive that is what it seems."""
    infos = archive.infolist()
    if len(infos) > MOST_MEMBERS:
        raise Refused("too_many_files", f"the archive names {len(infos):,} files", do="Unpack it and join the files.")
    seen: set[str] = set()
    found = []
    for info in infos:
        _check_place(info)
        if info.is_dir() or _is_litter(info.filename):
            continue
        if _path(info) in seen:
            raise Refused("duplicate_file", f"the archive names {_path(info)!r} twice", do="Pack it again.")
        seen.add(_path(info))
        found.append(info)
    for info in found:
        if info.flag_bits & 0x41:
            raise Refused("encrypted", "the archive is encrypted", do="Pack it without a password.")
        if info.compress_type not in _METHODS:
            raise Refused(
                "unsupported",
                f"{_path(info)!r} is packed in a way that is not read (method {info.compress_type})",
                do="Pack it again as a usual zip archive.",
            )
    if sum(i.file_size for i in found) > most:
        raise _too_large(most)
    return found


def _check_place(info: zipfile.ZipInfo) -> None:
    kind = stat.S_IFMT(info.external_attr >> 16)
    leaves = ".." in PurePosixPath(info.orig_filename).parts or _UNSAFE_NAME.search(info.orig_filename)
    if leaves or not info.filename.strip("/"):
        what = "the archive names a file that would lie outside of it"
    elif kind and not (stat.S_ISREG(kind) or stat.S_ISDIR(kind)):
        what = "the archive holds a link or a device"
    else:
        return
    raise Refused("unsafe_path", what, do="Do not trust this archive; ask its sender for a clean export.")


def _is_litter(name: str) -> bool:
    return name.startswith(_LITTER[0]) or PurePosixPath(name).name in _LITTER[1:]


def _too_large(most: int) -> Refused:
    return Refused(
        "too_large_unpacked",
        f"the archive unpacks to more than {most >> 20:,} MB",
        do="Unpack and check it; raise 'max_mb' in the source if it is meant to be this large.",
    )


def _open(archive: zipfile.ZipFile, info: zipfile.ZipInfo, most: int) -> io.BufferedReader:
    return io.BufferedReader(_Checked(archive, info, most), PIECE)


class _Checked(io.RawIOBase):
    """The content of a member, held against the size its archive tells; the library holds it against its sum."""

    def __init__(self, archive: zipfile.ZipFile, info: zipfile.ZipInfo, most: int) -> None:
        self._told, self._packed, self._most, self._name = info.file_size, info.compress_size, most, _path(info)
        self._given = 0
        info.file_size = 1 << 62  # else the library cuts what is longer than told, and says nothing
        try:
            self._content = archive.open(info)
        finally:
            info.file_size = self._told

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, into: object) -> int:
        """Fills the buffer with the next content; 0 at the end."""
        view = memoryview(into)  # type: ignore[arg-type]
        with _damage():
            data = self._content.read(len(view))
        self._given += len(data)
        if self._given > self._most or self._given > self._told:
            raise _too_large(self._most) if self._given > self._most else self._lies()
        if self._given > RATIO_FROM and self._given > MOST_RATIO * max(1, self._packed):
            raise Refused(
                "too_large_unpacked",
                f"{self._name!r} in the archive unpacks to over {MOST_RATIO} times its size",
                do="Unpack and check it.",
            )
        if not data and view and self._given != self._told:
            raise self._lies()
        view[: len(data)] = data
        return len(data)

    def _lies(self) -> Refused:
        what = f"the content of {self._name!r} is not as long as the archive says"
        return Refused("corrupt_file", what, do="Fetch the archive again, whole.")


@contextmanager
def _damage() -> Iterator[None]:
    """Whatever the library raises for an archive that does not fit together is said in our words."""
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, LookupError, RuntimeError, ValueError):
        raise _damaged() from None
    except OSError as error:
        if error.errno == errno.EINVAL:  # it names places that no file has
            raise _damaged() from None
        raise


def _damaged() -> Refused:
    return Refused("corrupt_file", "the zip archive is damaged", do="Fetch it again, whole.")
