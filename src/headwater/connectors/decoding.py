"""Bytes of strangers as text, block by block: the encoding is declared, marked or UTF-8, and what is none shows."""

from __future__ import annotations

import codecs
import re
from typing import BinaryIO

from headwater.connectors.refusal import Refused

BLOCK = 1 << 20
"""Bytes decoded at a time."""

UNDECODED = re.compile("[\udc80-\udcff]")
"""Bytes that were no text, as they stand in it."""

SAY_ENCODING = "Say 'encoding: cp1252' (or what it is) in the source, or export the file as UTF-8."
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


class Decoded:
    """The text of a stream, block by block. Undecodable bytes of byte-wise encodings become lone surrogates."""

    def __init__(self, stream: BinaryIO, encoding: str, size: int = BLOCK) -> None:
        self._stream, self._size = stream, size
        self.ended = False
        self.undecodable = False
        self.extra = 0
        """Bytes beyond one a character: how much of the text could only be UTF-8."""
        start = stream.read(size)
        bom, found = next(((b, e) for b, e in _BOMS if start.startswith(b)), (b"", ""))
        self.guessed = not (encoding or found)
        name = found or codecs.lookup(encoding or "utf-8").name
        self.encoding = name.upper() if name.startswith("utf") else name
        if self.guessed and len(start) > 8 and start[:4096].count(0) * 4 > len(start[:4096]):
            raise Refused("bad_encoding", "the file looks like UTF-16 without its mark", line=1, do=SAY_ENCODING)
        wide = name.startswith(("utf-16", "utf-32"))
        self._name = name
        self._decoder = codecs.getincrementaldecoder(name)("strict" if wide else "surrogateescape")
        self._ahead = start[len(bom) :]

    def block(self) -> str:
        """The next piece of text, perhaps empty; `ended` is set with the last one."""
        data = self._ahead
        self._ahead = self._stream.read(self._size)
        self.ended = not self._ahead
        try:
            text = self._decoder.decode(data, final=self.ended)
        except UnicodeDecodeError as error:
            self.ended = self.undecodable = True
            return error.object[: error.start].decode(self._name)
        self.extra += len(data) - len(text)
        return text


def readable(raw: str) -> str:
    """A raw row as valid text: bytes that are none are written as \\xNN."""
    return raw.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
