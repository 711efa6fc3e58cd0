"""What tells the rows of a table apart, where different rows share its key."""

from __future__ import annotations

from typing import Any

from headwater.api.drafting import ASIDE, UPDATED, Drafting


def ask_keys(at: Drafting) -> None:
    """Asks what rows with one key are, where different rows share it."""
    counted = dict(at.look.repeats)
    wanted: list[tuple[str, ...]] = []
    for name, said in at.draft.tables.items():
        table = at.table(name)
        key = tuple(said.get("key", ())) or table.key
        if said.get(UPDATED) or len(at.draft.tables) > 1:
            continue
        headers = tuple(dict.fromkeys(h for k in key if (h := said["columns"].get(k, {}).get("column", ""))))
        joined = any("columns" in said["columns"].get(k, {}) for k in key)
        if not headers or joined or any(at.seen(h).unique for h in headers):
            continue
        if headers not in counted:
            wanted.append(headers)
        elif counted[headers]:
            _repeats(at, name, said, headers, counted[headers])
    at.draft.asked_for = tuple(wanted)


def _repeats(at: Drafting, name: str, said: dict[str, Any], headers: tuple[str, ...], rows: int) -> None:
    back = {m["column"]: t for t, m in said["columns"].items() if m.get("column")}
    others = [tuple(back[h] for h in k) for k in at.look.keys if all(h in back for h in k)]
    answers = [("+".join(k), "these columns tell rows apart: they are the key") for k in others]
    answers.append((ASIDE, "rows that differ and share a key are set aside, and told"))
    dates = [c.name for c in at.look.columns if {"day", "time"} & set(c.kinds)]
    answers += [(f"{UPDATED}:{d}", f"they are states of one thing: the latest by {d!r} counts") for d in dates]
    what = f"{rows:,} rows share their {' and '.join(repr(h) for h in headers)} with a row that differs"
    found = at.ask(f"{name}.key", what, answers)
    if found and found[0].startswith(f"{UPDATED}:"):
        said[UPDATED] = found[0].partition(":")[2]
    elif found and found[0] != ASIDE:
        said["key"] = found[0].split("+")
