"""The build of the browser's files: from a bare checkout, in a wheel, and when the packages cannot be had."""

import json
import os
import re
import shutil
import subprocess
import sys
import urllib.request
from http.cookiejar import CookieJar
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

SOURCES = ("package.json", "package-lock.json", "build.mjs", "tsconfig.json", ".npmrc")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of what the build reads, without packages and without what was built."""
    (tmp_path / "web").mkdir()
    for name in SOURCES:
        shutil.copy(REPOSITORY / "web" / name, tmp_path / "web")
    shutil.copytree(REPOSITORY / "web" / "src", tmp_path / "web" / "src")
    package = Path("src") / "headwater" / "web"
    shutil.copytree(REPOSITORY / package / "components", tmp_path / package / "components")
    shutil.copy(REPOSITORY / "build_assets.py", tmp_path)
    return tmp_path


def build(tree: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(tree / "build_assets.py")]
    return subprocess.run(command, env=os.environ | environment, check=False, capture_output=True, text=True)


def packages_of_this_checkout(tree: Path) -> None:
    (tree / "web" / "node_modules").symlink_to(REPOSITORY / "web" / "node_modules")


def test_the_build_is_the_same_each_time_and_skipped_when_nothing_changed(tree: Path) -> None:
    packages_of_this_checkout(tree)
    built = tree / "src" / "headwater" / "web" / "static"
    assert "nothing to build" not in build(tree).stderr
    first = {path.name: path.read_bytes() for path in built.iterdir()}
    assert first == {path.name: path.read_bytes() for path in (REPOSITORY / built.relative_to(tree)).iterdir()}
    assert "nothing to build" in build(tree).stderr

    tokens = tree / "web" / "src" / "tokens.css"
    changed = tokens.read_text(encoding="utf-8").replace("--space-1: .25rem", "--space-1: .3rem")
    tokens.write_text(changed, encoding="utf-8")
    assert "nothing to build" not in build(tree).stderr
    second = {path.name for path in built.iterdir()}
    names = json.loads((built / "manifest.json").read_text(encoding="utf-8"))["files"]
    assert names["app.css"] not in first, "another content has another name"
    assert second == {"manifest.json", *names.values(), *(n for n in second if n.endswith((".br", ".gz")))}
    assert len([name for name in second if name.endswith(".css")]) == 1, "what was built before is gone"


def test_without_network_and_cache_it_says_what_it_needs(tree: Path, tmp_path: Path) -> None:
    ran = build(
        tree,
        npm_config_registry="http://127.0.0.1:9/",
        npm_config_cache=str(tmp_path / "cache"),
        npm_config_fetch_retries="0",
    )
    assert ran.returncode != 0
    assert "The page's assets need npm packages: no network and no cache" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_component_without_a_style_is_told(tree: Path) -> None:
    packages_of_this_checkout(tree)
    (tree / "src" / "headwater" / "web" / "components" / "bare.html").write_text("{% macro bare() %}{% endmacro %}\n")
    ran = build(tree)
    assert ran.returncode != 0
    assert "bare.html has 0 <style> blocks" in ran.stderr


@pytest.mark.verify
@pytest.mark.timeout(900)
def test_a_bare_checkout_makes_a_wheel_that_serves_without_node(tmp_path: Path) -> None:
    """In an isolated build and a new environment, with no program but Python's on the path."""
    files = subprocess.run(["git", "ls-files", "-z"], cwd=REPOSITORY, check=True, capture_output=True).stdout.decode()
    bare = tmp_path / "bare"
    for name in filter(None, files.split("\0")):
        (bare / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / name, bare / name)
    made = tmp_path / "made"
    subprocess.run([sys.executable, "-m", "venv", made], check=True)
    alone = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "HEADWATER"))}
    alone["PATH"] = str(made / "bin")
    pip = [made / "bin" / "python", "-m", "pip"]
    subprocess.run([*pip, "wheel", "-q", "--no-deps", "-w", tmp_path / "wheels", bare], env=alone, check=True)
    (wheel,) = (tmp_path / "wheels").glob("headwater-*.whl")
    subprocess.run([*pip, "install", "-q", wheel], env=alone, check=True)

    headwater = str(made / "bin" / "headwater")
    subprocess.run([headwater, "-w", str(tmp_path / "company"), "init"], env=alone, check=True)
    command = [headwater, "-w", str(tmp_path / "company"), "serve", "--port", "0", "--no-open"]
    with subprocess.Popen(command, env=alone, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            link = next(found[0] for line in server.stdout if (found := re.findall(r"http://\S+", line)))
            client = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
            with client.open(link) as answer:
                page = answer.read().decode()
            (sheet,) = re.findall(r'<link rel="stylesheet" href="([^"]+)"', page)
            with client.open(link.split("/?")[0] + sheet) as answer:
                assert answer.headers["content-type"].startswith("text/css")
                assert b".tile" in answer.read()
        finally:
            server.terminate()
