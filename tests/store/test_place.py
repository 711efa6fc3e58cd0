from __future__ import annotations

import os
from pathlib import Path

import pytest

from headwater.errors import WorkspaceError
from headwater.store.lock import writing
from headwater.store.place import Store, open_store


def test_a_new_store_can_be_opened_again(tmp_path: Path) -> None:
    made = open_store(tmp_path / ".headwater" / "store", create=True)
    assert open_store(made.root) == made
    assert (made.root / "format").read_text() == "1\n"


def test_making_it_twice_keeps_what_is_there(store: Store) -> None:
    (store.parts / "x.parquet").write_bytes(b"x")
    open_store(store.root, create=True)
    assert (store.parts / "x.parquet").read_bytes() == b"x"


def test_a_missing_store_says_how_to_begin(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="no data here yet") as caught:
        open_store(tmp_path / "nothing")
    assert "headwater load" in caught.value.do


@pytest.mark.parametrize("create", [False, True])
def test_a_file_is_no_store(tmp_path: Path, create: bool) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(WorkspaceError, match="not a folder"):
        open_store(tmp_path / "file", create=create)


def test_any_folder_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="not a Headwater store"):
        open_store(tmp_path)


def test_a_store_of_a_newer_version_is_left_alone(store: Store) -> None:
    store.format.write_text("2\n")
    for create in (False, True):
        with pytest.raises(WorkspaceError, match="format 2, which a newer Headwater made"):
            open_store(store.root, create=create)


@pytest.mark.parametrize("content", ["", "one", "-1", "1.5", "²"])
def test_a_format_that_is_no_number_is_named(store: Store, content: str) -> None:
    store.format.write_text(content)
    with pytest.raises(WorkspaceError, match="does not hold a number"):
        open_store(store.root)


def test_an_unreadable_folder_is_named(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: not mode & os.R_OK)
    with pytest.raises(WorkspaceError, match="cannot be read"):
        open_store(store.root)


def test_a_read_only_folder_can_be_read_and_refuses_writers(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: not mode & os.W_OK)
    opened = open_store(store.root)
    with pytest.raises(WorkspaceError, match="read-only"), writing(opened):
        pass


MOUNTS = """\
/dev/sda1 / ext4 rw 0 0
server:/export {point} {kind} rw 0 0
tmpfs {point}/local tmpfs rw 0 0
"""


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "glusterfs"])
def test_a_network_file_system_can_be_read_and_refuses_writers(tmp_path: Path, kind: str) -> None:
    mounts = tmp_path / "mounts"
    share = tmp_path / "net work"
    escaped = str(share).replace(" ", "\\040")
    mounts.write_text(MOUNTS.format(point=escaped, kind=kind))
    far = open_store(share / ".headwater" / "store", create=True, mounts=mounts)
    assert far.network == kind
    with pytest.raises(WorkspaceError, match=rf"network file system \({kind}\)"), writing(far):
        pass
    near = open_store(share / "local" / ".headwater" / "store", create=True, mounts=mounts)
    assert near.network == ""
    with writing(near):
        pass


def test_a_folder_whose_name_begins_like_a_mount_is_not_on_it(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(MOUNTS.format(point=tmp_path / "net", kind="nfs"))
    assert open_store(tmp_path / "network" / "store", create=True, mounts=mounts).network == ""


def test_a_link_is_followed_to_the_network(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(MOUNTS.format(point=tmp_path / "net", kind="nfs"))
    (tmp_path / "net").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "net")
    assert open_store(tmp_path / "link" / "store", create=True, mounts=mounts).network == "nfs"


def test_a_system_that_does_not_tell_its_mounts_counts_as_local(store: Store, tmp_path: Path) -> None:
    assert open_store(store.root, mounts=tmp_path / "none").network == ""
