"""Names for folders that a grader makes for a while, and the removal of those whose grader was killed."""

import functools
import os
import shutil
import tempfile
import uuid
from pathlib import Path


def _began(pid: int) -> str:
    """When a process of this number began, in clock ticks since the machine did; empty where there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def _machine() -> str:
    """This machine since it was started, and the process numbers that are valid here."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text()[:8]
        return f"{boot}.{os.stat('/proc/self/ns/pid').st_ino}"
    except OSError:
        return "x.0"


def name() -> str:
    """A new name for a folder of this process: `datalab-`, the machine, the process and its beginning, and chance."""
    pid = os.getpid()
    return f"datalab-{_machine()}-{pid}.{_began(pid)}-{uuid.uuid4().hex[:12]}"


def is_left(name: str) -> bool:
    """Whether a folder of this name was made on this machine by a process that is no more."""
    parts = name.split("-")
    if len(parts) != 4 or parts[0] != "datalab" or parts[1] != _machine():
        return False
    pid, _, began = parts[2].partition(".")
    return pid.isdigit() and began.isdigit() and _began(int(pid)) != began


def folder() -> str:
    """A new, empty folder for temporary files; those of killed graders are removed first."""
    sweep_files()
    path = os.path.join(tempfile.gettempdir(), name())
    os.mkdir(path, 0o700)
    return path


@functools.cache  # once in a process is enough
def sweep_files() -> None:
    """Remove the temporary folders of this user's graders that were killed."""
    for entry in os.scandir(tempfile.gettempdir()):
        if is_left(entry.name) and entry.is_dir(follow_symlinks=False) and entry.stat().st_uid == os.geteuid():
            shutil.rmtree(entry.path, ignore_errors=True)


@functools.cache
def sweep_groups(base: Path) -> None:
    """Remove the control groups in this folder that belong to killed graders. One that still has processes stays."""
    for group in base.glob("datalab-*"):
        if is_left(group.name):
            try:
                group.rmdir()
            except OSError:
                continue
