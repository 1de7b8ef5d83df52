"""What the processes of a sandbox use together, as far as it can be seen from outside: for where no cgroup holds it."""

import os

INODE = 1024  # bytes of the kernel's memory for a file, besides what is in it


def namespace(pid: int | str) -> str | None:
    """The process namespace that a process is in; None where it has ended or may not be looked at."""
    try:
        return os.readlink(f"/proc/{pid}/ns/pid")
    except OSError:
        return None


def processes(pid: int) -> list[int]:
    """The numbers of all processes in the namespace of this one."""
    inside = namespace(pid)
    return [int(e) for e in os.listdir("/proc") if e.isdigit() and inside is not None and namespace(e) == inside]


def usage(pid: int, folders: list[str]) -> tuple[int, int]:
    """Processes in the namespace of this one, and the bytes of memory that they use together.

    What processes share counts once. Besides their own memory there count the files in `folders`, which are in memory
    too, and what waits in sockets, with the most that it can be where the kernel does not tell.
    """
    inside = processes(pid)
    return len(inside), sum(_memory(process) for process in inside) + _files(pid, folders) + _sockets(pid)


def _memory(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/smaps_rollup") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("Pss:"))
    except (OSError, StopIteration):
        return 0


def _files(pid: int, folders: list[str]) -> int:
    used = 0
    for folder in folders:
        try:
            system = os.statvfs(f"/proc/{pid}/root{folder}")
        except OSError:
            continue
        used += (system.f_blocks - system.f_bfree) * system.f_frsize + (system.f_files - system.f_ffree) * INODE
    return used


def _sockets(pid: int) -> int:
    waiting = 0
    for name in ("tcp", "tcp6", "udp", "udp6"):
        for line in _lines(f"/proc/{pid}/net/{name}"):
            sent, _, received = line.split()[4].partition(":")
            waiting += int(sent, 16) + int(received, 16)
    most = sum(int(line) for line in _lines("/proc/sys/net/core/wmem_max", 0)) or 212_992
    # A queue may hold twice of what it is allowed to, and of a local socket the kernel does not tell its length.
    return 2 * waiting + 2 * most * len(_lines(f"/proc/{pid}/net/unix"))


def _lines(path: str, after: int = 1) -> list[str]:
    try:
        with open(path, errors="replace") as file:  # a socket may have any bytes for a name
            return file.read().splitlines()[after:]
    except OSError:
        return []
