"""Tools from npm that tests run: installed beside the virtual environment's packages."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path


def installed(tool: str, files: Path, *scripts: str) -> tuple[Path, str]:
    """Return the folder of an installed tool, and why it cannot run here, empty where it can.

    `files` holds its package.json; `scripts` are copied beside what that names. The checkout stays
    as it is.
    """
    folder = Path(sys.prefix) / tool
    if not shutil.which("node") or not shutil.which("npm"):
        return folder, "node and npm are not installed"
    wanted = (files / "package.json").read_bytes()
    if not (folder / "done").is_file() or (folder / "done").read_bytes() != wanted:
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(files / "package.json", folder)
        done = subprocess.run(
            ["npm", "install", "--no-package-lock", "--no-fund", "--no-audit"],
            cwd=folder, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            return folder, f"npm could not install {tool}"
        (folder / "done").write_bytes(wanted)
    for script in scripts:
        shutil.copy(files / script, folder)
    return folder, ""
