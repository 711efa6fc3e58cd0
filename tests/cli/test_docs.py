"""docs/cli.md says what the program says."""

import runpy
from pathlib import Path

from headwater.cli import VERBS

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_the_page_is_that_of_the_program() -> None:
    generator = runpy.run_path(str(DOCS / "generate_cli.py"))
    assert (DOCS / "cli.md").read_text(encoding="utf-8") == generator["page"](), "run: python docs/generate_cli.py"


def test_every_verb_has_a_section() -> None:
    text = (DOCS / "cli.md").read_text(encoding="utf-8")
    assert [verb for verb in VERBS if f"\n### headwater {verb}\n" not in text] == []
