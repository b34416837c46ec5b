"""A workspace on a network share is refused; whatever else a disk may be is taken."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scanner.store.shares import NETWORK, kind_of, share

ROOT = Path(__file__).parents[1]
MOUNTINFO = r"""
22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard
40 27 0:40 / /srv rw,relatime - nfs4 files.example:/srv rw,vers=4.2
41 40 0:41 / /srv/local rw,relatime - xfs /dev/vdb rw
42 27 0:42 / /mnt/two\040words rw - cifs //files.example/audit rw
43 27 0:43 / /mnt/c rw - 9p C:\134 rw
44 27 0:44 / /home/ann/remote rw - fuse.sshfs ann@files.example: rw
45 27 0:45 / /home/ann/disk rw - fuseblk /dev/sdb1 rw
46 27 0:46 / /home/ann/box rw - fuse.fuse-overlayfs fuse-overlayfs rw
47 27 0:47 / /tmp rw - tmpfs tmpfs rw
48 27 0:48 / /over rw - overlay overlay rw
49 27 0:49 / /hidden rw - nfs files.example:/old rw
50 27 0:50 / /hidden rw - ext4 /dev/vdc rw
garbage
"""
MACOS = """\
/dev/disk3s1s1 on / (apfs, sealed, local, read-only, journaled)
//ann@files.example/audit on /Volumes/audit (smbfs, nodev, nosuid, mounted by ann)
/dev/disk4s1 on /Volumes/stick on my desk (hfs, local, nodev)
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/home/ann", "ext4"), ("/srv", "nfs4"), ("/srv/audit/ws", "nfs4"), ("/srvlocal", "ext4"),
        ("/srv/local/ws", "xfs"), ("/mnt/two words/ws", "cifs"), ("/mnt/c/audit", "9p"),
        ("/home/ann/remote/ws", "fuse.sshfs"), ("/home/ann/disk", "fuseblk"),
        ("/home/ann/box", "fuse.fuse-overlayfs"), ("/tmp/ws", "tmpfs"), ("/over", "overlay"),
        ("/hidden/ws", "ext4"),
    ],
)  # fmt: skip
def test_what_holds_a_folder(folder: str, kind: str) -> None:
    """The longest mount that holds the folder counts, the last of several at one place."""
    assert kind_of(Path(folder), MOUNTINFO) == kind


@pytest.mark.parametrize(
    ("folder", "kind"),
    [("/Users/ann", "apfs"), ("/Volumes/audit/ws", "smbfs"), ("/Volumes/stick on my desk", "hfs")],
)
def test_what_holds_a_folder_on_macos(folder: str, kind: str) -> None:
    """What macOS' `mount` prints tells the same."""
    assert kind_of(Path(folder), MACOS) == kind


@pytest.mark.parametrize(
    "kind", ["ext4", "xfs", "btrfs", "tmpfs", "overlay", "fuseblk", "fuse-overlayfs", "apfs"]
)
def test_local_ones_are_no_shares(kind: str) -> None:
    """Disks, memory, layers of containers and local FUSE file systems are taken."""
    assert kind not in NETWORK


def test_here_is_no_share(tmp_path: Path) -> None:
    """The folder of this test, and one that is not there yet, lie on no share."""
    assert share(tmp_path) == share(tmp_path / "a" / "b") == ""


def test_a_workspace_on_a_share_is_refused(tmp_path: Path) -> None:
    """A scan into a folder that the system lists as a share ends with 2, and makes nothing."""
    if shutil.which("unshare") is None or os.geteuid():
        pytest.skip("needs root and Linux")
    folder = tmp_path.resolve() / "share"
    folder.mkdir()
    (tmp_path / "mail").mkdir()
    mounts = tmp_path / "mountinfo"
    lines = "27 1 254:0 / / rw - ext4 /dev/vda rw\n44 27 0:44 / {} rw - nfs4 files.example:/ rw\n"
    mounts.write_text(lines.format(folder))
    # In a namespace of its own the process is shown another list of mounts, and nothing else.
    shell = 'mount --bind "$1" /proc/$$/mountinfo || exit 77; shift; exec "$@"'
    scan = [
        sys.executable,
        "-m",
        "scanner",
        "scan",
        str(tmp_path / "mail"),
        "-w",
        str(folder / "w"),
    ]
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", shell, "sh", str(mounts), *scan],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode == 77:
        pytest.skip("needs a kernel that lets a list of mounts be covered")
    assert done.returncode == 2, done.stderr
    assert "lies on a network share (nfs4)" in done.stderr
    assert list(folder.iterdir()) == []
