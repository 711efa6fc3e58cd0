"""Where the store lies, and whether that place can be trusted with it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from headwater.errors import WorkspaceError
from headwater.store.disk import refusals, replace_file

FORMAT = 1
"""The number of the stored layout. A store with a greater number was made by a newer Headwater."""

_FOLDERS = ("landing", "parts", "generations", "definitions", "scratch")
_NETWORK = {
    "acfs", "afs", "beegfs", "ceph", "cifs", "davfs", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4", "panfs",
    "smb", "smb2", "smb3", "smbfs",
    "fuse.ceph", "fuse.cifs", "fuse.curlftpfs", "fuse.davfs2", "fuse.gcsfuse", "fuse.glusterfs", "fuse.goofys",
    "fuse.nfs", "fuse.rclone", "fuse.s3fs", "fuse.smbnetfs", "fuse.sshfs",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Store:
    """A store that was opened. `network` names the network file system it lies on ('' on a local disk)."""

    root: Path
    network: str = ""

    @property
    def landing(self) -> Path:
        """The journal: one folder an entry."""
        return self.root / "landing"

    @property
    def parts(self) -> Path:
        """Immutable Parquet files, named by the hash of their bytes."""
        return self.root / "parts"

    @property
    def generations(self) -> Path:
        """One folder a generation, with its manifest."""
        return self.root / "generations"

    @property
    def definitions(self) -> Path:
        """Versions of definitions, named by the hash of their content."""
        return self.root / "definitions"

    @property
    def scratch(self) -> Path:
        """Where engines spill; each connection has its own folder here."""
        return self.root / "scratch"

    @property
    def current(self) -> Path:
        """The file that names the generation readers get."""
        return self.root / "CURRENT"

    @property
    def lock(self) -> Path:
        """The file whose lock makes a process the writer."""
        return self.root / "lock"

    @property
    def format(self) -> Path:
        """The file that holds the number of the stored layout."""
        return self.root / "format"

    @property
    def salt(self) -> Path:
        """The secret that hashes of erased subjects are made with."""
        return self.root / "salt"

    @property
    def cache(self) -> Path:
        """Beside the store: what can be thrown away at any time."""
        return self.root.parent / "cache"


def open_store(root: Path, *, create: bool = False, mounts: Path = Path("/proc/mounts")) -> Store:
    """The store at `root` (`.headwater/store` of a workspace); with `create`, whatever is missing of it is made.

    Raises WorkspaceError when it is missing, not a folder, not readable, no store, or made by a newer version. Whether
    it may be written is asked by `lock.writing`: reading also works on a read-only or a network file system.
    """
    root = root.absolute()
    if create:
        _make(root)
    if not root.exists():
        raise WorkspaceError(
            "there is no data here yet", where=str(root), do="Run 'headwater load' to bring in the first file."
        )
    if not root.is_dir():
        raise WorkspaceError(
            "this is not a folder, so no data can lie in it", where=str(root), do="Move the file away."
        )
    if not os.access(root, os.R_OK | os.X_OK):
        raise WorkspaceError(
            "this folder cannot be read", where=str(root), do="Check its permissions, or run as the user who owns it."
        )
    _check_format(root)
    return Store(root, network=_network_file_system(root, mounts))


def _make(root: Path) -> None:
    if root.exists() and not root.is_dir():
        return
    with refusals(root):
        root.mkdir(parents=True, exist_ok=True)
        for name in _FOLDERS:
            (root / name).mkdir(exist_ok=True)
        if not (root / "format").exists():
            replace_file(root / "format", f"{FORMAT}\n".encode())


def _check_format(root: Path) -> None:
    path = root / "format"
    try:
        text = path.read_text(encoding="utf-8", errors="replace").strip()
    except FileNotFoundError:
        raise WorkspaceError(
            "this folder is not a Headwater store (it has no file 'format')",
            where=str(root),
            do="Restore it from a backup, or move it away and load the files again.",
        ) from None
    except OSError as error:
        raise WorkspaceError(
            "this folder cannot be read", where=str(root), do="Check its permissions, or run as the user who owns it."
        ) from error
    number = int(text) if text.isascii() and text.isdecimal() else 0
    if number > FORMAT:
        raise WorkspaceError(
            f"this store has format {number}, which a newer Headwater made; this one reads up to {FORMAT}",
            where=str(root),
            do="Upgrade Headwater, or use another workspace.",
        )
    if number < 1:
        raise WorkspaceError(
            "the file 'format' does not hold a number", where=str(path), do="Restore the store from a backup."
        )


def _network_file_system(root: Path, mounts: Path) -> str:
    """The type of the network file system `root` lies on, or '' (also where the system does not tell)."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return ""
    place = os.path.realpath(root)
    best, kind = "", ""
    for line in lines:
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        point = _unescaped(fields[1])
        inside = place == point or place.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):  # of two on the same point, the later one is on top
            best, kind = point, fields[2]
    return kind if kind in _NETWORK else ""


def _unescaped(text: str) -> str:
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        text = text.replace(code, character)
    return text
