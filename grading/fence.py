"""The sandbox, from within: how a Python joins it, and gives up what it must not have there."""

import ctypes
import errno
import os
import platform
import resource

PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 4, 22, 24, 38
NS_GET_USERNS = 0xB701
CAPABILITIES = 41
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_BIND = 1, 2, 4, 8, 32, 4096
KEYCTL = {"x86_64": 250, "aarch64": 219}
KEYCTL_JOIN_SESSION_KEYRING = 1
TERMINALS = 32


def enter(pid: int | None) -> None:
    """Join the namespaces of a process (one that bubblewrap started): its files, processes, network and rights."""
    if pid is None:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    names = ["ipc", "uts", "net", "cgroup", "pid", "mnt", "user"]
    fds = {name: os.open(f"/proc/{pid}/ns/{name}", os.O_RDONLY) for name in names}
    # The user namespace that owns the others: bubblewrap may have made a second one inside of it. Who stayed in the
    # first one would own the second, and could win all rights there by joining it.
    owner, last = libc.ioctl(fds["mnt"], NS_GET_USERNS), fds.pop("user")
    second = os.fstat(owner).st_ino != os.fstat(last).st_ino
    for name, fd in [("user", owner), *fds.items(), *([("second user", last)] if second else [])]:
        if fd < 0 or libc.setns(fd, 0):
            raise OSError(ctypes.get_errno(), f"the {name} namespace of the sandbox cannot be joined")
        os.close(fd)
        if name == "mnt":  # while there are the rights to
            few_terminals(libc)


def few_terminals(libc: ctypes.CDLL) -> None:
    """Of terminals (pty) all of a machine together have some thousand; a sandbox gets a few. Without them `!ls` fails.

    Where the kernel does not do it, there is no such limit; bubblewrap itself sets none.
    """
    flags = MS_REMOUNT | MS_NOSUID | MS_NOEXEC
    libc.mount(None, b"/dev/pts", None, flags, b"ptmxmode=0666,mode=620,max=%d" % TERMINALS)


def give_up_rights(user: int | None = None) -> None:
    """No capability is left, and no program that is started can win one back; with `user`, become that user.

    That user is another one than whoever grades, on the outside too: files that the machine's root may write because
    they are his, such as those in `/proc/sys`, are somebody else's then.
    """
    libc = ctypes.CDLL(None, use_errno=True)

    def must(result, what):
        if result:
            raise OSError(ctypes.get_errno(), f"{what} in the sandbox")

    if user is not None:
        with open("/proc/sys/user/max_user_namespaces", "w") as file:  # as bubblewrap does for other users
            file.write("0")
        flags = MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC
        must(libc.mount(None, b"/proc", None, flags, None), "/proc could not be made read-only")
    for capability in range(CAPABILITIES):
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    if user is not None:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    must(libc.capset(header, (ctypes.c_uint32 * 6)()), "rights could not be given up")
    must(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "new privileges could not be given up")
    # After a change of user the kernel hides a process, from the watch over its limits too.
    must(libc.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0), "Python could not be made visible")


def leave_keyring() -> None:
    """Join a new session keyring: the one of whoever grades is shared by all that he starts."""
    if platform.machine() not in KEYCTL:
        return  # said in `Sandbox.held`, together with the missing filter
    libc = ctypes.CDLL(None, use_errno=True)
    joined = libc.syscall(KEYCTL[platform.machine()], KEYCTL_JOIN_SESSION_KEYRING, None)
    # A kernel without keys has none to share, and where a container forbids the call it does so to everyone in it.
    if joined < 0 and ctypes.get_errno() not in (errno.ENOSYS, errno.EPERM):
        raise OSError(ctypes.get_errno(), "the session keyring of the grader could not be left")


def refuse_calls(program: bytes) -> None:
    """Hand the kernel a filter for all system calls of this process and its children. It cannot be taken off."""

    class Program(ctypes.Structure):
        _fields_ = [("lines", ctypes.c_ushort), ("start", ctypes.c_char_p)]

    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_SECCOMP, 2, ctypes.byref(Program(len(program) // 8, program)), 0, 0):
        raise OSError(ctypes.get_errno(), "system calls could not be filtered")


def set_limits(limits: dict[str, int]) -> None:
    """Limits of this process and its children, as `grading.sandbox.LIMITS` names them."""
    limit_process(
        limits["memory"],
        {
            resource.RLIMIT_CPU: limits["cpu_seconds"],
            resource.RLIMIT_FSIZE: limits["file_bytes"],
            resource.RLIMIT_NPROC: limits["processes"],
            resource.RLIMIT_NOFILE: limits["open_files"],
            resource.RLIMIT_CORE: 0,
        },
    )


def limit_process(memory: int, others: dict[int, int]) -> None:
    """Limits of this process and its children: `memory` beside what is in use now, and others (which → most)."""
    with open("/proc/self/status") as file:
        in_use = next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmData"))
    for limit, most in {resource.RLIMIT_DATA: in_use + memory, **others}.items():
        hard = resource.getrlimit(limit)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(limit, (most, most))
