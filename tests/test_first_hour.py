"""docs/first-hour.md, run as it stands: each text block is found, line by line and in order, in what was printed."""

import os
import re
import subprocess
import sys
from pathlib import Path

PAGE = (Path(__file__).parent.parent / "docs" / "first-hour.md").read_text(encoding="utf-8")


def told(block: str, printed: str) -> list[str]:
    """The lines of a block that what was printed lacks, from where the one before was found."""
    at, missing = 0, []
    flat = " ".join(printed.split())
    for line in block.strip().splitlines():
        found = flat.find(" ".join(line.split()), at)
        if found < 0:
            missing.append(line)
        else:
            at = found
    return missing


def test_the_page_tells_what_happens(tmp_path: Path) -> None:
    blocks = re.findall(r"```(bash|text)\n(.*?)```", PAGE, flags=re.DOTALL)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    printed, folder = "", tmp_path
    for kind, block in blocks:
        if kind == "bash":
            run = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", block],
                cwd=folder, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False,
            )  # fmt: skip
            assert run.returncode == 0, run.stderr
            printed = run.stdout
            folder = tmp_path / "acme"
        else:
            shown = (folder / "sources" / "deals.yml").read_text() if block.startswith("path:") else printed
            assert told(block, shown) == []
