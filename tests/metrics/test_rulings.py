"""identity.yml and channels.yml: what they may say, and every fault of what they may not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from headwater.api.folder import SHIPPED
from headwater.errors import DefinitionError
from headwater.metrics.catalogue import load_catalogue
from headwater.metrics.encoding import decode, encode
from headwater.metrics.rulings import (
    ChannelRuleShape,
    CompanyRuleShape,
    FactShape,
    PersonRuleShape,
    load_rulings,
)
from headwater.model.channels import FACTS
from headwater.model.identity import SEVERAL_OF
from headwater.model.table import ByChannel, ByIdentity

DOCS = Path(__file__).parents[2] / "docs"


def faults(folder: Path) -> list[str]:
    _, found = load_rulings(SHIPPED, folder)
    return [str(f) for f in found]


def test_the_shipped_rules_have_no_fault_and_lie_in_the_tables() -> None:
    rulings, found = load_rulings(SHIPPED, None)
    assert found == []
    assert [r.by for r in rulings.contacts] == ["id", "mail", "cookie"]
    assert [r.by for r in rulings.accounts] == ["id", "contact", "domain"]
    assert {"gmail.com", "web.de", "qq.com"} < set(rulings.free_mail)
    tables = load_catalogue(SHIPPED).tables
    joining = tables["contacts"].joining
    assert joining is not None and joining.rule == rulings.contacts[1]
    ruled = {
        f"{t.id}.{c.id}": c.derive
        for t in tables.values()
        for c in t.columns
        if isinstance(c.derive, ByIdentity | ByChannel) and c.derive.gives != "rule"
    }
    by_channel = {name for name, d in ruled.items() if isinstance(d, ByChannel) and d.rules == rulings.channels}
    assert by_channel == {f"{t}.channel" for t in ("web_sessions", "touches", "actions", "leads", "ad_days", "costs")}
    # a table asks only by what it has
    session = ruled["web_sessions.contact_id"]
    assert isinstance(session, ByIdentity) and [r.by for r in session.rules] == ["id", "cookie"]
    for table in tables.values():
        assert decode(encode(table)) == table


def test_own_rules_go_before_after_or_instead_of_the_shipped_ones(tmp_path: Path) -> None:
    shipped = load_rulings(SHIPPED, None)[0]
    (tmp_path / "channels.yml").write_text(
        "rules:\n- {id: mine, channel: Mine, when: {source: {in: search, is: x}}}\n- use: shipped\n", encoding="utf-8"
    )
    (tmp_path / "identity.yml").write_text(
        "contacts: [{id: mail, by: mail, several: first}]\nfree_mail: {add: [Acme.COM], but: [web.de]}\n",
        encoding="utf-8",
    )
    rulings, found = load_rulings(SHIPPED, tmp_path)
    assert found == []
    assert [r.id for r in rulings.channels] == ["mine", *(r.id for r in shipped.channels)]
    assert "google" in rulings.channels[0].when[0][0].any_of[-1].texts
    assert [(r.by, r.several) for r in rulings.contacts] == [("mail", "first")]
    assert rulings.accounts == shipped.accounts
    assert set(rulings.free_mail) ^ set(shipped.free_mail) == {"acme.com", "web.de"}
    catalogue = load_catalogue(SHIPPED, tmp_path)
    assert catalogue.hash != load_catalogue(SHIPPED).hash
    assert catalogue.kpis["leads"].hash != load_catalogue(SHIPPED).kpis["leads"].hash


def test_every_fault_is_told_at_once_with_its_line_and_the_nearest_name(tmp_path: Path) -> None:
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / "web.yml").write_text("", encoding="utf-8")
    (tmp_path / "channels.yml").write_text(
        """\
rules:
- {id: Fair, channel: Fair, when: {sorce: {is: x}}}
- {id: a, channel: A, take: delivered}
- {id: a, channel: A}
- {id: b, channel: B, when: {source: {in: serch}}, sources: [wbe]}
- {id: c, channel: (unassigned), when: [{medium: {}}, {}]}
- {id: d, take: campain}
- {id: e, channel: E, when: {medium: {iss: x}}}
""",
        encoding="utf-8",
    )
    (tmp_path / "identity.yml").write_text(
        """\
contacts:
- {id: id, by: id, several: first}
- {id: mail, by: mail, several: mergee, before: 3 days, prefer: [web, wbe]}
- {id: mail, by: mail}
- {id: cookie, by: cookie, before: soon}
accounts:
- {id: domain, by: domain, several: merge}
free_mail: {add: [nodot], but: [wep.de]}
""",
        encoding="utf-8",
    )
    with pytest.raises(DefinitionError) as error:
        load_catalogue(SHIPPED, tmp_path)
    told = [str(f) for f in error.value.faults]
    # shapes first: a file that does not have the keys of one is not read further
    assert [re.sub(r": .*", "", t) for t in told if t.startswith("channels")] == [
        "channels.yml:7 [rules[6].take]",
        "channels.yml:8 [rules[7].when.medium.iss]",
    ]
    assert "Did you mean 'campaign'" in told[0] or "campaign" in told[0]
    text = (tmp_path / "channels.yml").read_text(encoding="utf-8").splitlines()
    (tmp_path / "channels.yml").write_text("\n".join(text[:6]), encoding="utf-8")
    with pytest.raises(DefinitionError) as error:
        load_catalogue(SHIPPED, tmp_path)
    told = [str(f) for f in error.value.faults]
    wanted = [
        ("channels.yml:2 [rules[1].id]", "is not an id"),
        ("channels.yml:2 [rules[1].when.sorce]", "source"),
        ("channels.yml:3 [rules[2]]", "gives a channel, or takes one"),
        ("channels.yml:4 [rules[3]]", "does not say when"),
        ("channels.yml:4 [rules[3].id]", "already"),
        ("channels.yml:5 [rules[4].sources[1]]", "web"),
        ("channels.yml:5 [rules[4].when.source.in]", "search"),
        ("channels.yml:6 [rules[5].channel]", "what no rule knows"),
        ("channels.yml:6 [rules[5].when[1].medium]", "nothing is asked"),
        ("channels.yml:6 [rules[5].when[2]]", "nothing is asked"),
        ("identity.yml:2 [contacts[1].several]", "Leave it out"),
        ("identity.yml:3 [contacts[2].before]", "only cookies"),
        ("identity.yml:3 [contacts[2].prefer[2]]", "web"),
        ("identity.yml:3 [contacts[2].several]", "merge"),
        ("identity.yml:4 [contacts[3].by]", "already"),
        ("identity.yml:4 [contacts[3].id]", "already"),
        ("identity.yml:5 [contacts[4].before]", "no number of days"),
        ("identity.yml:7 [accounts[1].several]", "leave or first"),
        ("identity.yml:8 [free_mail.add[1]]", "no domain"),
        ("identity.yml:8 [free_mail.but[1]]", "web.de"),
    ]
    assert [t.split(": ")[0] for t in told] == [place for place, _ in wanted]
    for line, (_, words) in zip(told, wanted, strict=True):
        assert words in line


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("channels.md", [f.alias or n for s in (ChannelRuleShape, FactShape) for n, f in s.model_fields.items()]),
        ("channels.md", [fact for fact, _ in FACTS]),
        ("identity.md", [n for s in (PersonRuleShape, CompanyRuleShape) for n in s.model_fields]),
        ("identity.md", [*SEVERAL_OF, *(o for options in SEVERAL_OF.values() for o in options), "add", "but"]),
    ],
)
def test_every_key_stands_on_its_page(page: str, words: list[str]) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    assert [w for w in words if f"`{w}`" not in text and f"{w}:" not in text] == []


@pytest.mark.parametrize(("page", "name"), [("channels.md", "channels.yml"), ("identity.md", "identity.yml")])
def test_the_files_on_the_page_are_files(page: str, name: str, tmp_path: Path) -> None:
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / "web.yml").write_text("", encoding="utf-8")
    blocks = re.findall(r"```yaml\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), flags=re.DOTALL)
    assert blocks
    for block in blocks:
        (tmp_path / name).write_text(block, encoding="utf-8")
        assert faults(tmp_path) == []
    if page == "identity.md":  # the first one says what counts anyway
        (tmp_path / name).write_text(blocks[0], encoding="utf-8")
        assert load_rulings(SHIPPED, tmp_path)[0] == load_rulings(SHIPPED, None)[0]
