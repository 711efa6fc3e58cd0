"""The built files: how they are served, how large they are, and that a wheel carries them."""

import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from headwater.errors import WorkspaceError
from headwater.web.assets import BUILT, FOREVER, Assets, accepted
from tests.conftest import REPOSITORY
from tests.http.client import Client
from tests.web.gallery import bare, client

MANIFEST = json.loads((BUILT / "manifest.json").read_text(encoding="utf-8"))
FILES = MANIFEST["files"]

SCRIPT_BUDGET = 30 * 1024
"""Script on first load, compressed, in bytes."""


@pytest.fixture(scope="module")
def page() -> Client:
    return client(bare())


def test_what_is_built_is_what_the_sources_say() -> None:
    sys.path.insert(0, str(REPOSITORY))
    try:
        from build_assets import digest_of
    finally:
        sys.path.pop(0)
    assert MANIFEST["digest"] == digest_of(REPOSITORY), "run `make assets`"


@pytest.mark.parametrize("name", sorted(FILES))
def test_every_file_is_kept_for_good_and_is_of_its_kind(page: Client, name: str) -> None:
    answer = page.get(f"/static/{FILES[name]}", accept_encoding="identity")
    kinds = {
        ".css": "text/css",
        ".js": "text/javascript",
        ".svg": "image/svg+xml",
        ".woff2": "font/woff2",
        ".txt": "text/plain",
    }
    assert answer.status_code == 200
    assert answer.content == (BUILT / FILES[name]).read_bytes()
    assert answer.headers["content-type"].partition(";")[0] == kinds[Path(name).suffix]
    assert answer.headers["cache-control"] == FOREVER
    assert answer.headers["vary"] == "Accept-Encoding"
    assert re.search(r"-[A-Z0-9]{8}\.", FILES[name]), "named by its content"


@pytest.mark.parametrize(
    ("wanted", "sent"),
    [("br, gzip", "br"), ("gzip", "gzip"), ("identity", None), ("gzip, br;q=0", "gzip"), ("br;q=0, gzip;q=0.0", None)],
)
def test_a_file_is_sent_as_the_browser_takes_it(page: Client, wanted: str, sent: str | None) -> None:
    answer = page.get(f"/static/{FILES['app.js']}", accept_encoding=wanted)
    assert answer.headers.get("content-encoding") == sent
    plain = (BUILT / FILES["app.js"]).read_bytes()
    match sent:
        case "gzip":
            assert answer.content == plain, "which the client has unpacked"
        case "br":
            assert answer.content == (BUILT / f"{FILES['app.js']}.br").read_bytes(), "which this client cannot unpack"
        case _:
            assert answer.content == plain
    assert (int(answer.headers["content-length"]) < len(plain) / 2) == bool(sent)


@pytest.mark.parametrize(
    "path",
    [
        "manifest.json",
        "app.js",
        f"{FILES['app.js']}.gz",
        "../app.py",
        "..%2fapp.py",
        "%2e%2e/%2e%2e/version.py",
        "..\\app.py",
        f"./{FILES['app.js']}/",
        f"{FILES['app.js']}%00",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "",
    ],
)
def test_nothing_else_is_served(page: Client, path: str) -> None:
    answer = page.get(f"/static/{path}")
    assert answer.status_code == 404
    assert "import" not in answer.text


def test_the_script_of_the_first_load_is_small() -> None:
    first = sum((BUILT / f"{name}.gz").stat().st_size for name in MANIFEST["first"])
    assert 0 < first <= SCRIPT_BUDGET
    library = (BUILT / f"{FILES['chart.js']}.gz").stat().st_size
    assert library > SCRIPT_BUDGET, "the chart library is in its own chunk"
    assert FILES["chart.js"] not in MANIFEST["first"]


def test_no_file_asks_for_anything_from_elsewhere() -> None:
    css = (BUILT / FILES["app.css"]).read_text(encoding="utf-8")
    addresses = {address.strip("\"'./") for address in re.findall(r"url\(([^)]*)\)", css)}
    assert addresses == {name for name in FILES.values() if name.endswith(".woff2")}
    assert "@import" not in css


def test_the_licences_of_what_is_inside_go_along() -> None:
    text = (BUILT / FILES["licences.txt"]).read_text(encoding="utf-8")
    for package in ("echarts", "htmx.org", "zrender", "@fontsource-variable/inter"):
        assert re.search(rf"^{re.escape(package)} \d", text, flags=re.MULTILINE)
    assert "Apache License" in text
    assert "SIL OPEN FONT LICENSE" in text.upper()


def test_a_checkout_without_built_files_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError) as raised:
        Assets(tmp_path)
    assert "make assets" in raised.value.do


def test_an_odd_accept_encoding_is_harmless() -> None:
    assert accepted("") == set()
    assert accepted(" , ;q=1, br ; q=0.5,*") >= {"br"}


def test_the_lock_names_no_address_and_pins_what_is_asked() -> None:
    lock = json.loads((REPOSITORY / "web" / "package-lock.json").read_text(encoding="utf-8"))
    package = json.loads((REPOSITORY / "web" / "package.json").read_text(encoding="utf-8"))
    assert not any("resolved" in entry for entry in lock["packages"].values())
    assert all("integrity" in entry for name, entry in lock["packages"].items() if name)
    for name, version in (package["dependencies"] | package["devDependencies"]).items():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version), "exactly one version"
        assert lock["packages"][f"node_modules/{name}"]["version"] == version


def test_a_wheel_carries_the_files_and_no_source_of_them(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=REPOSITORY, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    packed = set(zipfile.ZipFile(wheel).namelist())
    assert {f"headwater/web/static/{name}" for name in FILES.values()} <= packed
    assert {"headwater/web/static/manifest.json", "headwater/web/layout.html", "headwater/web/texts/en.yml"} <= packed
    assert not [name for name in packed if "node_modules" in name or name.endswith(".ts")]
