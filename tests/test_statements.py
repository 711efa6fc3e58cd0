"""No statement is built from text: nodes are spelled by one module, and what runs is checked by the engine's parser."""

import ast
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import sqlglot
from hypothesis import given
from hypothesis import strategies as st
from sqlglot import exp

from headwater.metrics.render import render
from headwater.metrics.spellings import spelling_of
from headwater.model.measure import At
from headwater.model.plan import Col, Lit, Named, Op, Project, Scan
from tests.metrics.tiny import measure, world

SOURCE = Path(__file__).parent.parent / "src" / "headwater"
RUNNING = {"execute", "executemany", "from_query", "query", "sql", "extract_statements", "table_function"}
PARSING = {"parse_one", "parse", "maybe_parse", "transpile", "from_substrait"}
WORDS = re.compile(r"\s*(select|insert|update|delete|create|drop|copy|attach|with|pragma|install|load)\b.*\s", re.I)
SETTINGS = re.compile(
    r"(SET|RESET) [a-z_]+( = (\$[a-z]+|true|false|'[a-z_]+'))?|SELECT json_serialize_sql\(\$text::VARCHAR\)"
)


def trees() -> Iterator[tuple[Path, ast.Module]]:
    """Every module of the package, parsed."""
    for path in sorted(SOURCE.rglob("*.py")):
        yield path.relative_to(SOURCE), ast.parse(path.read_text(encoding="utf-8"))


def docstrings(tree: ast.Module) -> set[int]:
    """The ids of string nodes that stand alone as documentation."""
    return {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }


def called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def test_statements_are_made_by_the_renderer_alone() -> None:
    makers = {
        path for path, tree in trees() for n in ast.walk(tree) if isinstance(n, ast.Call) and called(n) == "Statement"
    }
    assert makers == {Path("metrics/render.py")}


def test_only_the_engines_run_statements_and_none_is_pasted_together() -> None:
    wrong = []
    for path, tree in trees():
        engine = path.parts[:2] == ("store", "engines")
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in RUNNING):
                continue
            if node.func.attr == "sql" and node.args and getattr(node.args[0], "value", "") == "duckdb":
                continue  # a node that spells itself
            if path == Path("metrics/spellings/writing.py") and node.func.attr == "sql":
                continue  # the generator spelling a node inside another
            pasted = any(isinstance(a, ast.JoinedStr | ast.BinOp) for a in node.args)
            if not engine or pasted:
                wrong.append(f"{path}:{node.lineno}")
    assert not wrong


def test_nothing_parses_statement_text_into_nodes() -> None:
    wrong = []
    for path, tree in trees():
        if "sqlglot" not in (SOURCE / path).read_text(encoding="utf-8"):
            continue
        wrong += [f"{path}:{n.lineno}" for n in ast.walk(tree) if isinstance(n, ast.Call) and called(n) in PARSING]
    assert not wrong


def test_no_text_in_the_source_reads_like_a_statement_but_the_engines_settings() -> None:
    wrong = []
    for path, tree in trees():
        known = docstrings(tree)
        for node in ast.walk(tree):
            if not isinstance(node, ast.Constant) or not isinstance(node.value, str) or id(node) in known:
                continue
            statement = WORDS.match(node.value) and (" from " in node.value.lower() or node.value.isupper())
            if statement and not SETTINGS.fullmatch(node.value):
                wrong.append(f"{path}:{node.lineno}: {node.value[:60]!r}")
    assert not wrong


def test_reserved_words_are_those_of_the_engine() -> None:
    rows = duckdb.connect().execute(
        "select keyword_name from duckdb_keywords() where keyword_category in ('reserved', 'type_function')"
    )
    assert {r[0] for r in rows.fetchall()} == spelling_of("duckdb").reserved


@given(st.text(max_size=60))
def test_a_hostile_text_stays_one_literal(text: str) -> None:
    text = text.replace("\0", "")  # no text of a file holds NUL: the readers refuse it
    statement = render(Project(Scan("leads"), (Named("x", Lit(text)),), Op("eq", (Col("channel"), Lit(text)))))
    tree = sqlglot.parse_one(statement.text, read="duckdb")
    assert [table.name for table in tree.find_all(exp.Table)] == ["leads"]
    assert [literal.this for literal in tree.find_all(exp.Literal)] == [text, text]
    connection = duckdb.connect()
    connection.execute("create table leads as select $1 as channel", [text])
    assert connection.execute(statement.text).fetchall() == [(text,)]


def test_a_hostile_filter_value_finds_nothing_and_breaks_nothing() -> None:
    tiny = world(
        [measure("deals", clock=At("created_at"))],
        {"deals": [{"deal_id": "a", "channel": "x", "created_at": date(2025, 1, 1)}]},
    )
    for text in ("x' or '1'='1", "'; drop table deals; --", "x\\' or 1=1 --"):
        quoted = '"' + text + '"'
        assert tiny.values("deals", filter=f"channel = {quoted}") == [0], text
    assert tiny.values("deals") == [1]
