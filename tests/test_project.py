"""The project around the package: the lock, the wheel, and the rule about skips."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

REPOSITORY = Path(__file__).resolve().parent.parent
LOCK = (REPOSITORY / "requirements" / "dev.txt").read_text(encoding="utf-8")
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]

SPARK_LOCKS = [
    (REPOSITORY / "requirements" / name).read_text(encoding="utf-8") for name in ("spark.txt", "spark-build.txt")
]
PINS = re.findall(r"^([a-z0-9][a-z0-9._-]*)==([^ ;\\]+)", LOCK, flags=re.MULTILINE)


@pytest.mark.parametrize("lock", [LOCK, *SPARK_LOCKS], ids=["dev", "spark", "spark-build"])
def test_the_lock_names_no_address(lock: str) -> None:
    assert "://" not in lock
    assert not re.search(r"^\s*-(-index|-extra-index|-find-links|i |f )", lock, flags=re.MULTILINE)


def test_the_locked_spark_answers_the_project() -> None:
    (wanted,) = map(Requirement, PROJECT["optional-dependencies"]["spark"])
    found = re.findall(r"^pyspark==(\S+) .*\n +--hash=sha256:[0-9a-f]{64}$", SPARK_LOCKS[0], flags=re.MULTILINE)
    assert [Version(version) in wanted.specifier for version in found] == [True]


def test_every_locked_package_has_a_hash() -> None:
    blocks = re.split(r"\n(?=[a-z0-9])", LOCK)[1:]
    assert len(blocks) == len(PINS)
    assert [block.split()[0] for block in blocks if "--hash=sha256:" not in block] == []


WANTED = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["pandas"]]


@pytest.mark.parametrize("wanted", WANTED, ids=lambda text: Requirement(text).name)
def test_the_lock_answers_the_project(wanted: str) -> None:
    requirement = Requirement(wanted)
    versions = [Version(version) for name, version in PINS if name == requirement.name]
    assert versions, f"{requirement.name} is not locked; run `make lock`"
    assert all(version in requirement.specifier for version in versions), "run `make lock`"


def test_the_wheel_holds_every_file_of_the_package(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("headwater/")}
    source = REPOSITORY / "src"
    there = {
        path.relative_to(source).as_posix()
        for path in (source / "headwater").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert packed == there
    assert "headwater/py.typed" in packed


@pytest.mark.parametrize(("rule", "code"), [("0", 0), ("1", 1)])
def test_a_skip_fails_the_run_where_none_are_allowed(tmp_path: Path, rule: str, code: int) -> None:
    shutil.copy(REPOSITORY / "tests" / "conftest.py", tmp_path)
    (tmp_path / "test_it.py").write_text(
        "import pytest\ndef test_runs(): pass\ndef test_waits(): pytest.skip('the reason why')\n",
        encoding="utf-8",
    )
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-ra", "-n", "1", "-p", "no:cacheprovider", "."],
        cwd=tmp_path,
        env=os.environ | {"HEADWATER_NO_SKIPS": rule},
        check=False,
        capture_output=True,
        text=True,
    )
    assert run.returncode == code, run.stdout
    assert "the reason why" in run.stdout
    assert "1 passed, 1 skipped" in run.stdout.splitlines()[-1]
