"""Whether a folder lies on a network share, where SQLite's write-ahead log does not work."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

NETWORK = frozenset(
    [
        *("nfs", "nfs4", "cifs", "smb3", "smbfs", "afpfs", "webdav", "9p", "v9fs", "afs", "ncpfs"),
        *("ceph", "lustre", "gpfs", "beegfs", "glusterfs", "ocfs2", "gfs2", "orangefs", "vboxsf"),
        *("sshfs", "ceph-fuse", "rclone", "s3fs", "gcsfuse", "blobfuse", "blobfuse2", "davfs"),
        *("davfs2", "curlftpfs", "smbnetfs", "vmhgfs-fuse", "mount-s3", "goofys", "juicefs"),
    ]
)
"""File systems that other machines reach as well; `fuse.` before a name is left out."""

DRIVE_REMOTE = 4


def share(folder: Path) -> str:
    """Return what kind of network share a folder lies on, or would; empty where it is none.

    What cannot be told counts as local.
    """
    try:
        if sys.platform == "win32":
            return _windows(folder)
        kind = kind_of(folder.resolve(), _mounts())
    except (OSError, ValueError, RuntimeError):
        return ""
    return kind if kind.removeprefix("fuse.").removeprefix("macfuse.") in NETWORK else ""


def kind_of(folder: Path, mounts: str) -> str:
    """Return the type of the file system that holds a folder, by the system's list of mounts.

    The list is that of /proc/self/mountinfo, or what macOS' `mount` prints.
    """
    kind, longest = "", -1
    for line in mounts.splitlines():
        left, parted, right = line.partition(" - ")
        if parted:
            place = re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), left.split()[4])
            name = right.split()[0]
        elif found := re.fullmatch(r".*? on (/.*) \(([\w.]+)[,)].*", line):
            place, name = found[1], found[2]
        else:
            continue
        # Of several at one place the last one hides the others.
        if len(place) >= longest and folder.is_relative_to(place):
            kind, longest = name, len(place)
    return kind


def _mounts() -> str:
    if sys.platform == "darwin":
        import subprocess

        listed = subprocess.run(["/sbin/mount"], capture_output=True, timeout=10, check=True)
        return os.fsdecode(listed.stdout)
    return Path("/proc/self/mountinfo").read_text("utf-8", "surrogateescape")


def _windows(folder: Path) -> str:
    import ctypes

    anchor = folder.absolute().anchor
    remote = ctypes.windll.kernel32.GetDriveTypeW(anchor) == DRIVE_REMOTE  # type: ignore[attr-defined,unused-ignore]
    return "network drive" if remote or anchor.startswith("\\\\") else ""
