"""However loads, builds and changes of rules follow each other: the tables are those of a build of everything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.build import layout
from headwater.metrics.rulings import Rulings
from headwater.model.plan import Col, Lit, Named, Op, Project, Values
from headwater.model.types import TEXT
from tests.build.paper import PaperWorld, scalar
from tests.build.ruled import shipped, under
from tests.build.test_identity import with_rule, without
from tests.build.world import digests
from tests.effort import examples

SHIPPED = shipped()
LATER = with_rule(SHIPPED, "mail", several="merge", prefer=("mail",))
RULES: tuple[Rulings, ...] = (
    SHIPPED,
    with_rule(with_rule(SHIPPED, "mail", several="first"), "cookie", several="first"),
    replace(LATER, free_mail=(*SHIPPED.free_mail, "x.io"), channels=SHIPPED.channels[2:]),
    without(SHIPPED, "mail"),
    with_rule(with_rule(SHIPPED, "id", sources=("crm",)), "cookie", several="last", before_days=1),
)


@pytest.fixture(autouse=True, scope="module")
def _small_parts() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layout, "ROWS_IN_A_BUCKET", 2)
        yield


MAILS = st.sampled_from(["a@x.io", " A@X.io", "b@x.io", "c@gmail.com", "no mail", None])
COOKIES = st.sampled_from(["v", "w", None])
MOMENTS = st.sampled_from(["2025-12-30 10:00", "2026-01-02 10:00", "2026-01-02", "2026-01-03 09:00"])
IDS = {"crm": ("1", "2", "3"), "mail": ("m:1", "m:2"), "web": ("1", "m:1", None)}


def rows(key: str, names: tuple[str, ...], **more: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    one = st.fixed_dictionaries({key: st.sampled_from(names), **more})
    return st.lists(one, max_size=3, unique_by=lambda r: r[key])


def contacts(source: str) -> st.SearchStrategy[Any]:
    merged = st.sampled_from([None] * 4 + [i for i in IDS[source] if i])
    return st.tuples(
        st.just(source),
        st.booleans(),
        st.fixed_dictionaries(
            {
                "contacts": rows(
                    "contact_id", tuple(i for i in IDS[source] if i), email=MAILS,
                    title=st.sampled_from(["Dr.", None]), merged=merged, deleted=st.sampled_from([False] * 4 + [True]),
                )
            }
        ),
    )  # fmt: skip


WEB = st.tuples(
    st.just("web"),
    st.just(False),
    st.fixed_dictionaries(
        {
            "leads": rows("lead_id", ("k", "l"), created_at=MOMENTS, email=MAILS, visitor_id=COOKIES,
                          contact_id=st.sampled_from(IDS["web"])),
            "actions": rows("action_id", ("a", "b"), occurred_at=MOMENTS, email=MAILS, visitor_id=COOKIES,
                            kind=st.just("form"), step=st.sampled_from(["completed", "opened"])),
            "web_sessions": rows("session_id", ("s", "t", "u"), started_at=MOMENTS, visitor_id=COOKIES,
                                 contact_id=st.sampled_from(IDS["web"]), medium=st.sampled_from(["cpc", "email", None]),
                                 channel=st.sampled_from(["Own", None]), campaign_id=st.sampled_from(["c", None])),
        }
    ),
)  # fmt: skip
COMPANY = st.tuples(
    st.just("crm"),
    st.just(False),
    st.fixed_dictionaries(
        {
            "accounts": rows("account_id", ("A", "B"), domain=st.sampled_from(["www.x.io", "gmail.com", None])),
            "campaigns": rows("campaign_id", ("c",), channel=st.sampled_from(["Spring", None])),
        }
    ),
)
STEPS = st.lists(
    st.tuples(st.just("load"), contacts("crm") | contacts("mail") | WEB | COMPANY)
    | st.tuples(st.just("rules"), st.sampled_from(range(len(RULES))))
    | st.tuples(st.just("build"), st.none()),
    min_size=3,
    max_size=9,
)


def version(number: int) -> str:
    """How a build is called under these rules: of identity and of channels, which only some differ in."""
    return f"1.{number}.{int(RULES[number].channels != SHIPPED.channels)}"


@settings(max_examples=examples(25, 2_000))
@given(steps=STEPS)
def test_step_by_step_equals_a_build_of_everything(steps: list[tuple[str, Any]]) -> None:
    world = PaperWorld(under(SHIPPED))
    world.build_hash = version(0)
    for kind, what in [*steps, ("build", None)]:
        match kind:
            case "load":
                source, full, tables = what
                filled = {name: some for name, some in tables.items() if some}
                if filled:
                    world.load(source, full=full, system="m" if source == "mail" else "", **filled)
            case "rules":
                world.tables, world.build_hash = under(RULES[what]), version(what)
            case _:
                built = world.build()
                assert digests(built) == digests(world.build(anew=True, publishing=False))


TEXTS = st.text("aA@.:/?#w -_x", max_size=12) | st.sampled_from(
    ["https://www.google.de/a", "WWW.x.io:80", "a@b@c", "@b", "a@", "news.google.com", "notgoogle.com", "google"]
)


@settings(max_examples=examples(60, 2_000))
@given(texts=st.lists(TEXTS, min_size=1, max_size=20))
def test_the_engine_compares_texts_as_they_are_compared_by_hand(texts: list[str]) -> None:
    import duckdb

    from headwater.metrics.render import render

    lower = Op("lower", (Op("trim", (Col("t"),)),))
    ops = [Op(name, (lower,)) for name in ("mail_of", "mail_domain_of", "host_of")]
    ops += [Op("labelled", (Op("host_of", (lower,)), Lit("google"), Lit("x.io"), Lit("a")))]
    ops += [Op(name, (lower, Lit("a"))) for name in ("contains", "begins", "ends")]
    names = tuple(Named(f"c{i}", op) for i, op in enumerate(ops))
    rows_ = tuple((t,) for t in texts)
    found = duckdb.sql(render(Project(Values((("t", TEXT),), rows_), names)).text).fetchall()
    assert sorted(map(repr, found)) == sorted(repr(tuple(scalar(op, {"t": t}) for op in ops)) for t in texts)
