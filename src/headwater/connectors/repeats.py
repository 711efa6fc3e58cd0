"""Rows of one file that share a key: equal ones collapse, versions stay, contradictions are refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
import pyarrow as pa

from headwater.connectors.cells import Flags, Integers


@dataclass(frozen=True, slots=True)
class Repeats:
    """Rows whose key appears more than once, sorted by key, time of change, content, row.

    Their numbers; which equal the one before in key and time (`same`), and in content too (`equal`); whether a time of
    change is known."""

    rows: Integers
    same: Flags
    equal: Flags
    timed: Flags

    def contradictions(self) -> tuple[Integers, Flags]:
        """Rows of every group of one key and one time whose content differs, and whether that time is known."""
        if not len(self.rows):
            return self.rows, self.timed
        group = np.cumsum(~self.same) - 1
        differs = np.zeros(int(group[-1]) + 1, bool)
        np.logical_or.at(differs, group, self.same & ~self.equal)
        bad = differs[group]
        return self.rows[bad], self.timed[bad]

    def copies(self, refused: Integers) -> Integers:
        """Rows that equal an earlier row of the file, among those not refused."""
        left = ~np.isin(self.rows, refused)
        content = np.cumsum(~(self.same & self.equal))
        rows, content = self.rows[left], content[left]
        first = np.ones(len(rows), bool)
        first[1:] = content[1:] != content[:-1]
        return rows[~first]


NONE = Repeats(np.zeros(0, np.int64), np.zeros(0, bool), np.zeros(0, bool), np.zeros(0, bool))


def suspects(hashes: Integers) -> Flags:
    """Which hashes appear more than once."""
    order = np.argsort(hashes, kind="stable")
    ordered = hashes[order]
    twin = np.zeros(len(hashes), bool)
    equal = ordered[1:] == ordered[:-1]
    twin[1:] |= equal
    twin[:-1] |= equal
    flags = np.zeros(len(hashes), bool)
    flags[order] = twin
    return flags


def key_hashes(batch: pa.RecordBatch | pa.Table, key: tuple[str, ...]) -> Integers:
    """One number a row; equal keys have equal numbers (others nearly always differ, and are compared before use)."""
    columns = [batch.column(name).to_pylist() for name in key]
    values: Any = columns[0] if len(columns) == 1 else zip(*columns, strict=True)
    return np.fromiter(map(hash, values), np.int64, batch.num_rows)


def compare(batches: Iterator[pa.RecordBatch], key: tuple[str, ...]) -> Repeats:
    """The repeats among rows that may share a key, compared by key, time of change and content."""
    rows, changed, keys, contents = [], [], [], []
    for batch in batches:
        others = [n for n in batch.schema.names if n not in (*key, "_row", "_updated_at")]
        rows.append(batch.column("_row").to_numpy())
        stamps = batch.column("_updated_at").cast(pa.int64())
        changed.append(np.asarray(stamps.fill_null(np.iinfo(np.int64).min).to_numpy(zero_copy_only=False)))
        keys.append(digests(batch, key))
        contents.append(digests(batch, tuple(others)))
    if not rows:
        return NONE
    row, change = np.concatenate(rows), np.concatenate(changed)
    k, c = np.concatenate(keys), np.concatenate(contents)
    order = np.lexsort((row, c[:, 1], c[:, 0], change, k[:, 1], k[:, 0]))
    row, change, k, c = row[order], change[order], k[order], c[order]
    same, equal = np.zeros(len(row), bool), np.zeros(len(row), bool)
    same[1:] = (k[1:] == k[:-1]).all(axis=1) & (change[1:] == change[:-1])
    equal[1:] = (c[1:] == c[:-1]).all(axis=1)
    return Repeats(row, same, equal, change != np.iinfo(np.int64).min)


def digests(batch: pa.RecordBatch, names: tuple[str, ...]) -> Any:
    """128 bits of each row's values in these columns, as two numbers."""
    columns = [batch.column(n).to_pylist() for n in names]
    joined = b"".join(
        blake2b(repr(v).encode("utf-8", "backslashreplace"), digest_size=16).digest()
        for v in zip(*columns, strict=True)
    )
    if not names:
        return np.zeros((batch.num_rows, 2), np.uint64)
    return np.frombuffer(joined, np.uint64).reshape(-1, 2)
