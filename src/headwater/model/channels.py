"""Channels as data: ordered rules that tell from what a row says of its origin through which channel it came."""

from __future__ import annotations

from dataclasses import dataclass

FACTS = (
    ("source", "utm_source, or the site the visit came from as the analytics words it"),
    ("medium", "utm_medium, or the medium as the analytics words it"),
    ("campaign", "utm_campaign, or the name of the campaign"),
    ("term", "utm_term, or the keyword"),
    ("content", "utm_content"),
    ("referrer", "address or host of the page the visitor came from"),
    ("click_id", "what an ad platform hung on the address: `gclid=...`, or the whole address it stands in"),
    ("platform", "ad platform"),
    ("kind", "kind of advertising: search, display, social, video, other"),
)
"""What rules may ask a row for. A table says which of its columns holds which."""

TESTS = ("is", "contains", "begins", "ends", "site", "given")
"""How a fact is held against texts; letters in upper and lower case are the same. `site`: the host is one of these, or
lies below one (`www.google.de` below `google`, `news.google.com` below `google.com`)."""

UNASSIGNED = "(unassigned)"
"""The channel of a row that says something of its origin which no rule knows."""

NOTHING = "(nothing)"
"""The rule of a row that names nothing to go by."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One test of one fact: whether it is like any of the texts (for `given`: `true` or `false`)."""

    fact: str
    how: str
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """A fact that passes any of its tests."""

    fact: str
    any_of: tuple[Asked, ...]


@dataclass(frozen=True, slots=True)
class ChannelRule:
    """One rule. `take`: the channel that the source delivered, or that of the row's campaign, where there is one; else
    `channel`, where all the facts of one of the alternatives of `when` are so. `sources`: only their rows."""

    id: str
    channel: str = ""
    take: str = ""
    when: tuple[tuple[Told, ...], ...] = ()
    sources: tuple[str, ...] = ()
