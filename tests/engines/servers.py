"""Engines to ask in tests: a PostgreSQL cluster of our own, ClickHouse inside the process, Spark beside it."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path


def programs() -> Path | None:
    """The folder of PostgreSQL's server programs, the newest where there are several."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


def missing_for_spark() -> str:
    """What Spark lacks here, '' where nothing is missing."""
    if shutil.which("java") is None:
        return "needs Java 17 or newer (on Debian: apt install default-jre-headless), then `make setup`"
    if find_spec("pyspark") is None:
        return "needs Spark: run `make setup`"
    return ""


@contextmanager
def database(url: str) -> Iterator[str]:
    """The address of a new database, whose language sorts texts otherwise than letter by letter, for the block."""
    from adbc_driver_postgresql import dbapi

    name = f"kpi_{secrets.token_hex(4)}"
    with dbapi.connect(url, autocommit=True) as owner, owner.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name} TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US'")
    yield url.replace("/postgres?", f"/{name}?")


@contextmanager
def postgres(bin_: Path) -> Iterator[str]:
    """The address of a cluster that lives as long as the block: a socket in a folder of its own, no network. Whoever is
    called `locked` needs a password, `unwanted` is not let in, everybody else is."""
    with tempfile.TemporaryDirectory(prefix="hw-pg-", dir="/tmp") as name:  # a socket's path may not be long
        folder = Path(name)
        data = folder / "data"
        run = _as_somebody(folder)
        run(str(bin_ / "initdb"), "-D", str(data), "-A", "trust", "-U", "owner", "-E", "UTF8", "--locale=C")
        rules = data / "pg_hba.conf"
        text = f"local all locked scram-sha-256\nlocal all unwanted reject\n{rules.read_text()}"
        rules.write_text(text)
        options = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off -c timezone=America/New_York"
        run(str(bin_ / "pg_ctl"), "-D", str(data), "-o", options, "-l", str(folder / "log"), "-w", "start")
        try:
            yield f"postgresql:///postgres?host={folder}&user=owner"
        finally:
            run(str(bin_ / "pg_ctl"), "-D", str(data), "-m", "immediate", "-w", "stop")


def _as_somebody(folder: Path):  # type: ignore[no-untyped-def]
    """Runs a program, as the user `postgres` where we are root: the server refuses to be run by root."""
    user = pwd.getpwnam("postgres") if os.geteuid() == 0 else None
    if user is not None:
        os.chown(folder, user.pw_uid, user.pw_gid)

    def run(*words: str) -> None:
        subprocess.run(
            words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=folder,
            user=user.pw_uid if user else None, group=user.pw_gid if user else None,
        )  # fmt: skip

    return run
