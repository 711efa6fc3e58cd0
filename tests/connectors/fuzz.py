"""Damages sound files of every format and reads them as the product does: `python -m tests.connectors.fuzz 7`.

A file that was damaged is accepted or refused; it never makes the reader fail or hang. Where another library can still
count its records, an accepted file has as many. Each input follows from the seed and its number alone. One line of JSON
is printed for each finding, and one at the end.
"""

from __future__ import annotations

import argparse
import csv
import faulthandler
import gzip
import io
import json
import random
import resource
import sys
import tempfile
import time
import warnings
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from openpyxl import Workbook, load_workbook

from headwater.connectors import child, delimited, records
from headwater.connectors import parse as parsing
from headwater.connectors.archive import members
from headwater.connectors.refusal import Refused
from headwater.model.source import Source
from tests.connectors.load import DEALS, LIMITS, NOW, SETTINGS, mapping

NAMES = ("deal_id", "account", "amount", "currency", "employees", "won", "created_on")
LONGEST_SECONDS = 120
Draw = random.Random


# --- sound files -----------------------------------------------------------------------------------------------------
def table(draw: Draw) -> list[dict[str, Any]]:
    """Some rows, now and then with what is hard to read."""
    texts = ("Acme", "a;b,c\td", 'He said "so"', "two\nlines", "", "\u682a\u5f0f", "caf\u00e9", " x ", "=1+1", "NaN")
    rows = []
    for i in range(draw.choice((0, 1, 3, 40))):
        amount = draw.choice(("12.50", "0.1", "-3", "", "x", "1e3", "1,234.50"))
        rows.append(
            {
                "deal_id": f"D{i if draw.random() < 0.9 else 0:03d}",
                "account": draw.choice(texts),
                "amount": amount,
                "currency": draw.choice(("EUR", "USD")),
                "employees": draw.choice(("3", "", "-1", "12")),
                "won": draw.choice(("true", "no", "")),
                "created_on": draw.choice(("2025-01-15", "2025-02-28", "", "soon")),
            }
        )
    return rows


def as_csv(rows: list[dict[str, Any]], draw: Draw) -> bytes:
    out = io.StringIO()
    end = draw.choice(("\n", "\r\n", "\r"))
    quoting = draw.choice((csv.QUOTE_MINIMAL, csv.QUOTE_ALL))
    writer = csv.DictWriter(out, NAMES, delimiter=draw.choice(",;\t|"), lineterminator=end, quoting=quoting)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode(draw.choice(("utf-8", "utf-8", "utf-8-sig", "utf-16")))


def as_ndjson(rows: list[dict[str, Any]], draw: Draw) -> bytes:
    return "".join(json.dumps(nested(r, draw), ensure_ascii=draw.random() < 0.5) + "\n" for r in rows).encode()


def as_json(rows: list[dict[str, Any]], draw: Draw) -> bytes:
    content = [nested(r, draw) for r in rows]
    whole: Any = content if draw.random() < 0.5 else {"total": len(rows), "rows": content, "next": None}
    return json.dumps(whole, indent=draw.choice((None, 1))).encode()


def nested(row: dict[str, Any], draw: Draw) -> dict[str, Any]:
    more = {"tags": ["a", {"b": 1}], "totals": {"visits": 1, "deep": {"x": None}}}
    found: dict[str, Any] = row | more if draw.random() < 0.5 else dict(row)
    return found | {"employees": int(row["employees"] or 0), "won": row["won"] == "true"}


def as_parquet(rows: list[dict[str, Any]], draw: Draw) -> bytes:
    columns = {n: [r[n] or None for r in rows] for n in NAMES}
    shape: dict[str, Any] = {n: pa.array(v, pa.string()) for n, v in columns.items()}
    shape["totals"] = pa.array([{"visits": i, "hits": [i]} for i in range(len(rows))], _TOTALS)
    shape["when"] = pa.array([1_700_000_000_000_000] * len(rows), pa.timestamp("us", "UTC"))
    out = io.BytesIO()
    compression = draw.choice(("none", "snappy", "zstd"))
    pq.write_table(pa.table(shape), out, compression=compression, write_page_checksum=True, row_group_size=16)
    return out.getvalue()


_TOTALS = pa.struct([("visits", pa.int64()), ("hits", pa.list_(pa.int64()))])


def as_xlsx(rows: list[dict[str, Any]], draw: Draw) -> bytes:
    book, out = Workbook(), io.BytesIO()
    sheet = book.active
    assert sheet is not None
    sheet.append(NAMES)
    for row in rows:
        sheet.append([row[n] if n != "employees" or not row[n] else int(row[n]) for n in NAMES])
    if draw.random() < 0.3:
        sheet.merge_cells("B2:B3")
    book.save(out)
    return out.getvalue()


def packed(name: str, content: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
        archive.writestr("other/leads.csv", b"lead_id\n1\n")
    return out.getvalue()


MADE: dict[str, Callable[[list[dict[str, Any]], Draw], bytes]] = {
    "csv": as_csv,
    "ndjson": as_ndjson,
    "json": as_json,
    "parquet": as_parquet,
    "xlsx": as_xlsx,
}
SPICE = (
    *(b"\0", b'"', b'""', b"\n", b"\r", b",", b";", b"\xff", b"\xef\xbb\xbf", b"{", b"}", b"[", b"]", b":", b"=", b"-"),
    *(b"\\u0000", b"\\ud800", b"NaN", b"1e999999999", b"9" * 400, b"<!DOCTYPE x>", b"<c r='ZZZ9'>", b"\xc3\x28"),
    *(b"PK\x03\x04", b"\x1f\x8b", b"\xff\xff\xff\x7f", b"\x80" * 9),
)


def damaged(content: bytes, draw: Draw) -> bytes:
    """The content with some of its bytes changed."""
    changed = bytearray(content)
    for _ in range(draw.choice((0, 1, 1, 2, 5, 20))):
        at = draw.randrange(len(changed) + 1)
        length = draw.choice((1, 1, 2, 8, 100))
        match draw.randrange(7):
            case 0 if changed:
                changed[min(at, len(changed) - 1)] ^= 1 << draw.randrange(8)
            case 1:
                changed[at:at] = draw.choice(SPICE)
            case 2:
                del changed[at : at + length]
            case 3:
                changed[at:at] = changed[at : at + length] * draw.choice((1, 3, 50))
            case 4:
                changed[at : at + length] = draw.choice(SPICE)
            case 5:
                changed[at : at + length] = draw.randbytes(length)
            case _ if draw.random() < 0.2:
                del changed[at:]
    return bytes(changed)


def damaged_within(content: bytes, draw: Draw) -> bytes:
    """An archive whose parts are damaged and packed anew, so that sizes and sums fit."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as archive, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as changed:
        for info in archive.infolist():
            part = archive.read(info)
            changed.writestr(info.filename, damaged(part, draw) if draw.random() < 0.4 else part)
    return out.getvalue()


def made(seed: int, number: int) -> tuple[str, bytes]:
    """The name and the content of one input."""
    draw = Draw(f"{seed}:{number}")
    kind = draw.choice(tuple(MADE))
    content = MADE[kind](table(draw), draw)
    if kind == "xlsx" and draw.random() < 0.7:
        content = damaged_within(content, draw)
    elif draw.random() < 0.9:
        content = damaged(content, draw)
    name = f"deals.{kind}"
    if draw.random() < 0.15:
        name, content = f"{name}.gz", gzip.compress(content, mtime=0)
        content = damaged(content, draw) if draw.random() < 0.3 else content
    elif draw.random() < 0.15:
        name, content = "deals.zip", packed(name, content)
        content = damaged(content, draw) if draw.random() < 0.5 else content
    return name, content


# --- counted apart ---------------------------------------------------------------------------------------------------
def counted(name: str, content: bytes) -> int | None:
    """The records of a file by another library; None where that library cannot tell, or reads by other rules."""
    try:
        if name.endswith(".gz"):
            name, content = name.removesuffix(".gz"), gzip.decompress(content)
        if name.endswith(".parquet"):
            rows: int = pq.read_metadata(io.BytesIO(content)).num_rows
            return rows
        if name.endswith(".ndjson"):
            lines = content.decode("utf-8-sig", "surrogateescape").split("\n")
            return sum(1 for line in lines if line.strip(" \t\r"))
        if name.endswith(".json"):
            found = json.loads(content.decode("utf-8-sig"))
            found = found["rows"] if isinstance(found, dict) else found
            return len(found) if isinstance(found, list) else None
        if name.endswith(".csv"):
            return _counted_csv(content)
        if name.endswith(".xlsx"):
            return _counted_xlsx(content)
    except (ValueError, LookupError, OSError, EOFError, RecursionError, csv.Error, pa.ArrowException):
        return None
    except (TypeError, AttributeError, SyntaxError, zipfile.BadZipFile, zlib.error):
        return None
    return None


def _counted_csv(content: bytes) -> int | None:
    text = content.decode("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    lines = io.StringIO(text, newline="").readlines()
    while lines and not lines[0].strip():
        del lines[0]
    header = next(csv.reader(lines[:1]), [])
    if not header:
        return None
    best = max(
        ",;\t|", key=lambda s: (len(set(next(csv.reader(lines[:1], delimiter=s))) & set(NAMES)), lines[0].count(s))
    )
    rows = list(csv.reader(lines, delimiter=best, strict=True))[1:]
    return sum(1 for row in rows if any(row) and (len(row) > 1 or row[0].strip()))


def _counted_xlsx(content: bytes) -> int | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        book = load_workbook(io.BytesIO(content))
    (sheet,) = book.worksheets
    rows = list(sheet.iter_rows(max_col=len(NAMES), values_only=True))
    if not rows or rows[0] != NAMES:
        return None
    return sum(1 for row in rows[1:] if any(cell is not None and str(cell).strip() for cell in row))


# --- reading ---------------------------------------------------------------------------------------------------------
def read(name: str, content: bytes, folder: Path) -> dict[str, Any]:
    """What the child answers for a file, with the settings of the product."""
    path, staged = folder / name, folder / "staged"
    path.write_bytes(content)
    staged.mkdir()
    inside = name
    if name.endswith(".zip"):
        try:
            with path.open("rb") as file:
                found = [m.name for m in members(file, "deals.*", 64 << 20)]
        except Refused as error:
            return {"refused": {"code": error.code}}
        inside = found[0]
        path = path / inside
    source = Source("deals", str(path), (mapping(DEALS, *NAMES),), max_mb=64)
    job = parsing.job_of(source, path, {"deals": DEALS}, staged, SETTINGS, NOW, LIMITS)
    answer = child.answer_of(json.loads(json.dumps(job)))
    json.dumps(answer)
    if "landed" in answer:
        left = {p.name for p in staged.iterdir()} - {"deals.parquet", "quarantine.parquet"}
        if left:
            return {"failed": f"left behind: {sorted(left)}"}
    return answer


def judged(name: str, content: bytes, answer: dict[str, Any]) -> str:
    """What is wrong with an answer, or nothing."""
    if "failed" in answer:
        return str(answer["failed"])
    if "landed" not in answer:
        return "" if answer.keys() & {"refused", "limit"} else f"unexpected answer: {sorted(answer)}"
    landed = answer["landed"]
    told = landed["loaded"] + landed["quarantined"] + landed["collapsed"]
    if told != landed["data_rows"]:
        return f"{told} of {landed['data_rows']} rows"
    records_there = counted(name, content)
    if records_there is not None and records_there != landed["data_rows"]:
        return f"{landed['data_rows']} rows where {records_there} records are"
    return ""


def fuzz(seed: int, first: int, count: int | None, seconds: float, here: Path | None) -> Counter[str]:
    """Reads input after input; prints what is wrong and counts what came of them."""
    outcomes: Counter[str] = Counter()
    start, number = time.monotonic(), first
    while number - first < count if count is not None else time.monotonic() - start < seconds:
        if here is not None:
            here.write_text(str(number), encoding="utf-8")
        draw = Draw(f"{seed}:{number}:settings")
        delimited.BLOCK = records.BLOCK = draw.choice((64, 1000, 1 << 20))
        records.AT_ONCE = draw.choice((1, 2_000, 4 << 20))
        name, content = made(seed, number)
        faulthandler.dump_traceback_later(LONGEST_SECONDS, exit=True)
        with tempfile.TemporaryDirectory() as folder:
            answer = read(name, content, Path(folder))
        faulthandler.cancel_dump_traceback_later()
        wrong = judged(name, content, answer)
        if wrong:
            outcomes["wrong"] += 1
            print(json.dumps({"seed": seed, "number": number, "name": name, "wrong": wrong}), flush=True)
        outcomes[answer.get("refused", {}).get("code") or next(iter(answer))] += 1
        number += 1
    return outcomes


def main() -> int:
    """Runs the fuzzer in this process, which is limited as the one of the product is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seed", type=int)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--here", type=Path, help="a file that holds the number of the input being read")
    given = parser.parse_args()
    faulthandler.enable()
    most = (LIMITS.memory_mb + child.HEADROOM_MB) << 20
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    outcomes = fuzz(given.seed, given.first, given.count, given.seconds, given.here)
    print(json.dumps({"read": sum(outcomes.values()) - outcomes["wrong"], "outcomes": outcomes}))
    return 1 if outcomes["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
