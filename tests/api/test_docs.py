"""docs/python.md: every example runs, and every method stands there."""

import doctest
import inspect
import re
from pathlib import Path

import pytest

from headwater import Workspace

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "python.md").read_text(encoding="utf-8")


def test_every_example_prints_what_the_page_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code = "\n".join(re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL))
    examples = doctest.DocTestParser().get_doctest(code, {}, "docs/python.md", "docs/python.md", 0)
    told: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.REPORT_NDIFF)
    result = runner.run(examples, out=told.append)
    assert result.attempted > 30
    assert result.failed == 0, "".join(told)


def test_every_method_stands_on_the_page() -> None:
    methods = [name for name, _ in inspect.getmembers(Workspace, callable) if not name.startswith("_")]
    assert [name for name in methods if not re.search(rf"\b{name}\b", PAGE)] == []
