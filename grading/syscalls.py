"""The system calls that a student's code may not make, as a program for the kernel (seccomp, in classic BPF).

What stands in `REFUSED` is what no notebook needs, and what the name spaces and limits do not hold: keys, which are
shared by everything that one user starts; memory that belongs to no process; ways to look into other processes; and the
parts of the kernel in which ways out were found most often. Who calls one of them gets an error, as on a machine that
does not have it.
"""

import ctypes
import errno
import platform
import struct

# Names → numbers on x86-64 and on aarch64; None where the machine has no such call. From the kernel's tables
# arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h, which never change what they have.
REFUSED = {
    # the session keyring of whoever grades, and all others
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
    # memory that no process has to keep mapped, so that no limit of a process counts it
    "memfd_create": (319, 279), "memfd_secret": (447, 447),
    "shmget": (29, 194), "shmat": (30, 196), "shmctl": (31, 195), "semget": (64, 190), "msgget": (68, 186),
    "mq_open": (240, 180),
    # other processes
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "kcmp": (312, 272),
    "pidfd_getfd": (438, 438), "process_madvise": (440, 440), "perf_event_open": (298, 241),
    # large parts of the kernel that a notebook has no use for
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "userfaultfd": (323, 282), "bpf": (321, 280), "fanotify_init": (300, 262), "modify_ldt": (154, None),
    # what acts on the whole machine, or is counted for all that one user starts
    "sync": (162, 81), "syncfs": (306, 267), "inotify_init": (253, None), "inotify_init1": (294, 26),
    # name spaces, file systems and the machine: without rights they fail already, but for holes
    "setns": (308, 268), "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51),
    "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430), "fsconfig": (431, 431),
    "fsmount": (432, 432), "fspick": (433, 433), "mount_setattr": (442, 442),
    "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265), "quotactl": (179, 60), "quotactl_fd": (443, 443),
    "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106), "kexec_load": (246, 104),
    "kexec_file_load": (320, 294), "reboot": (169, 142), "swapon": (167, 224), "swapoff": (168, 225), "acct": (163, 89),
    "settimeofday": (164, 170), "clock_settime": (227, 112), "syslog": (103, 116), "vhangup": (153, 58),
    "iopl": (172, None), "ioperm": (173, None),
}  # fmt: skip
# Calls of which only some are refused, by an argument; see `program`.
CHECKED = {
    "clone": (56, 220), "clone3": (435, 435), "unshare": (272, 97), "socket": (41, 198), "socketpair": (53, 199),
    "prctl": (157, 167), "setsockopt": (54, 208),
}  # fmt: skip
NEW_NAMESPACES = 0x7E020080
FAMILIES = (1, 2, 10)  # AF_UNIX, AF_INET, AF_INET6; not AF_NETLINK, AF_VSOCK, AF_ALG and thirty others
PR_SET_DUMPABLE, PR_GET_SECCOMP = 4, 21
SOL_SOCKET, SO_LINGER = 1, 13
MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}  # column of the tables, AUDIT_ARCH_…
X32 = 0x40000000  # x86-64's other calling convention, with numbers of its own
LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
ALLOW, ERROR, KILL = 0x7FFF0000, 0x00050000, 0x80000000
NUMBER, ARCHITECTURE, FIRST, SECOND, THIRD = 0, 4, 16, 24, 32  # places in what the kernel hands to the program


def _line(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("<HBBI", code, yes, no, value)


def _error(number: int) -> bytes:
    return _line(RETURN, ERROR | number)


def _unless(name: str, column: int, lines: list[bytes]) -> list[bytes]:
    """For the call of this name: these lines, the last of which returns. For others: what follows."""
    number = {**REFUSED, **CHECKED}[name][column]
    return [] if number is None else [_line(EQUAL, number, 0, len(lines)), *lines]


def program(machine: str = "") -> bytes | None:
    """The filter, to be handed to the kernel; None where there is none for this kind of machine.

    Besides what is in `REFUSED`, these get an error: new name spaces (`clone3`, whose arguments a filter cannot see,
    as if the kernel did not have it: the C library then calls `clone`), sockets of families but `FAMILIES`, hiding
    from who watches the limits (`PR_SET_DUMPABLE`), and sockets whose end is waited for (`SO_LINGER`): a file that is
    sent over the channel is closed by the one who reads there, and closing must not take as long as its maker likes.
    A call by another convention than the machine's own ends Python.
    """
    machine = machine or platform.machine()
    if machine not in MACHINES:
        return None
    column, architecture = MACHINES[machine]
    allow = _line(RETURN, ALLOW)
    lines = [_line(LOAD, ARCHITECTURE), _line(EQUAL, architecture, 1, 0), _line(RETURN, KILL), _line(LOAD, NUMBER)]
    if machine == "x86_64":
        lines += [_line(AT_LEAST, X32, 0, 1), _line(RETURN, KILL)]
    for name in REFUSED:
        lines += _unless(name, column, [_error(errno.EPERM)])
    lines += _unless("clone3", column, [_error(errno.ENOSYS)])
    for name in ("clone", "unshare"):
        flags = [_line(LOAD, FIRST), _line(ANY_BIT, NEW_NAMESPACES & ~(0x80 * (name == "clone")), 0, 1)]
        lines += _unless(name, column, [*flags, _error(errno.EPERM), allow])
    for name in ("socket", "socketpair"):
        known = [_line(EQUAL, family, len(FAMILIES) - place) for place, family in enumerate(FAMILIES)]
        lines += _unless(name, column, [_line(LOAD, FIRST), *known, _error(errno.EAFNOSUPPORT), allow])
    hides = [_line(LOAD, FIRST), _line(EQUAL, PR_SET_DUMPABLE, 0, 3), _line(LOAD, SECOND), _line(EQUAL, 0, 0, 1)]
    lines += _unless("prctl", column, [*hides, _error(errno.EPERM), allow])
    lingers = [_line(LOAD, SECOND), _line(EQUAL, SOL_SOCKET, 0, 3), _line(LOAD, THIRD), _line(EQUAL, SO_LINGER, 0, 1)]
    lines += _unless("setsockopt", column, [*lingers, _error(errno.EPERM), allow])
    return b"".join([*lines, allow])


def filtered() -> bool:
    """Whether students' system calls are filtered on this machine: there is a filter, and its kernel takes one."""
    return program() is not None and ctypes.CDLL(None).prctl(PR_GET_SECCOMP, 0, 0, 0, 0) >= 0
