"""Control groups: the kernel's own limits on memory and processes of everything in a sandbox together, and its share
of the processors."""

import os
import time
from pathlib import Path

from . import leftovers


class Cgroup:
    """A control group for one sandbox where this user may make one (as root, or where systemd delegated a branch).

    `held` tells whether it limits memory and processes. Where it cannot be had nothing happens: the limits of each
    process (rlimits) and the watch (`grading.watch`) are left. `fair` tells whether the group has one share of the
    processors, however many processes are in it: else those of one submission could take the time of all others.
    """

    def __init__(self, limits: dict):
        self.folders, self.held, self.fair = [], False, False
        name = leftovers.name()
        most = {"memory": limits["memory"] + 2**30, "pids": limits["processes"] + 3}
        try:
            for base, files in _control_groups().items():
                leftovers.sweep_groups(base)
                folder = base / name
                folder.mkdir()
                self.folders.append(folder)
                for file, key in files.items():
                    (folder / file).write_text(str(most[key]))
                sockets = folder / "memory.kmem.tcp.limit_in_bytes"  # version 1 counts them only if it is told to
                if sockets.exists():
                    sockets.write_text(str(most["memory"]))
            self.fair = bool(self.folders) and self._share(name)
            self.held = bool(self.folders)
        except OSError:
            self.close()

    def _share(self, name: str) -> bool:
        """Take a share of the processors, that of one process as nice as this one; whether there is one."""
        base, nice = _processors(), os.nice(0)
        if base is None:
            return False
        try:
            if base / name in self.folders:  # version 2: one folder for everything
                (base / name / "cpu.weight.nice").write_text(str(nice))
            else:
                leftovers.sweep_groups(base)
                (base / name).mkdir()
                self.folders.append(base / name)
                (base / name / "cpu.shares").write_text(str(round(1024 / 1.25**nice)))
        except OSError:
            return False
        return True

    def add(self, pid: int) -> None:
        """Put a process in; its children follow."""
        try:
            for folder in self.folders:
                (folder / "cgroup.procs").write_text(str(pid))
        except OSError:
            self.held = self.fair = False

    def overrun(self) -> bool:
        """Whether the kernel ended a process because the group's memory was used up."""
        for folder in self.folders:
            for file, word in {"memory.events": "oom_kill", "memory.oom_control": "oom_kill"}.items():
                try:
                    words = (folder / file).read_text().split()
                    return int(words[words.index(word) + 1]) > 0
                except (OSError, ValueError):
                    continue
        return False

    def close(self) -> None:
        for folder in self.folders:
            for _ in range(50):
                try:
                    folder.rmdir()
                    break
                except FileNotFoundError:
                    break
                except OSError:  # its last processes are still ending
                    time.sleep(0.02)
        self.folders = []


def _control_groups() -> dict[Path, dict[str, str]]:
    """The folders in which groups can be made → the files with the limits, and what each limits."""
    own = [line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines()]
    tree = Path("/sys/fs/cgroup")
    if (tree / "cgroup.controllers").exists():
        base = tree / next(path for number, _, path in own if number == "0").lstrip("/")
        offered = (base / "cgroup.subtree_control").read_text().split()
        if {"memory", "pids"} <= set(offered):
            return {base: {"memory.max": "memory", "pids.max": "pids"}}
        return {}
    folders = {}
    for controller, file in {"memory": "memory.limit_in_bytes", "pids": "pids.max"}.items():
        path = next((path for _, names, path in own if controller in names.split(",")), None)
        if path is None:
            return {}
        folders[tree / controller / path.lstrip("/")] = {file: controller}
    return folders


def _processors() -> Path | None:
    """The folder in which a group gets a share of the processors by being there; None where none does."""
    own = [line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines()]
    tree = Path("/sys/fs/cgroup")
    if (tree / "cgroup.controllers").exists():
        base = tree / next(path for number, _, path in own if number == "0").lstrip("/")
        return base if "cpu" in (base / "cgroup.subtree_control").read_text().split() else None
    return next((tree / "cpu" / path.lstrip("/") for _, names, path in own if "cpu" in names.split(",")), None)
