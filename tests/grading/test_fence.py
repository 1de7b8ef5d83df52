"""What the sandbox is made of: the filter of system calls, users and keys of its own, signals, and what a killed
grader leaves. What a submission finds in it stands in `test_sandbox.py`."""

import ctypes
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

import nbformat
import pytest

from grading import fence, leftovers, sandbox, syscalls, watch
from grading.cgroups import Cgroup
from grading.course import GradingError
from grading.run import run_notebook
from grading.warm import close_stages
from tests.grading import ordinary_user
from tests.grading.sandboxed import needs_sandbox, on_linux

FEW = {"cell_seconds": 20, "memory": 2**30, "folder_bytes": 32 * 2**20, "file_bytes": 16 * 2**20, "processes": 40}
root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
LIBC = "import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\n"


def notebook(*cells: str) -> str:
    return nbformat.writes(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells]))


def shown(*cells: str, **more) -> tuple[list[str], dict]:
    """What each cell printed, and the whole result."""
    done = run_notebook(notebook(*cells), notebook(), None, limits=FEW | more.pop("limits", {}), **more)
    texts = [
        "".join(o.get("text") or o.get("evalue") or "" for o in done["outputs"].get(i, [])) for i in range(len(cells))
    ]
    return texts, done


@pytest.fixture(autouse=True, scope="module")
def ended():
    yield
    close_stages()


# --- the filter -----------------------------------------------------------------------------------------------------


def verdict(program: bytes, architecture: int, number: int, *arguments: int) -> int:
    """What the kernel does with a call, found by following the program by hand."""
    about = struct.pack("<iIQ6Q", number, architecture, 0, *arguments, *[0] * (6 - len(arguments)))
    lines = [struct.unpack_from("<HBBI", program, at) for at in range(0, len(program), 8)]
    at = value = 0
    while True:
        code, yes, no, k = lines[at]
        at += 1
        if code == syscalls.RETURN:
            return k
        if code == syscalls.LOAD:
            (value,) = struct.unpack_from("<I", about, k)
        else:
            holds = {syscalls.EQUAL: value == k, syscalls.AT_LEAST: value >= k, syscalls.ANY_BIT: bool(value & k)}[code]
            at += yes if holds else no


EPERM, ENOSYS, NO_FAMILY = (syscalls.ERROR | number for number in (1, 38, 97))


@pytest.mark.parametrize("machine", syscalls.MACHINES)
def test_the_filter_refuses_what_is_listed_and_nothing_else(machine):
    column, architecture = syscalls.MACHINES[machine]
    program = syscalls.program(machine)
    refused = {numbers[column] for numbers in syscalls.REFUSED.values()} - {None}
    checked = {name: numbers[column] for name, numbers in syscalls.CHECKED.items()}
    for number in range(600):
        wanted = EPERM if number in refused else syscalls.ALLOW
        if number not in checked.values():
            assert verdict(program, architecture, number) == wanted, number

    def ends(name, *arguments):
        return verdict(program, architecture, checked[name], *arguments)

    assert ends("clone3") == ENOSYS
    # A thread and a process; then a name space of users, of files, and one among other flags.
    assert [ends("clone", flags) for flags in (0x3D0F00, 17, 0x11)] == [syscalls.ALLOW] * 3
    assert [ends("clone", flags) for flags in (0x10000000, 0x20011, 0x3D0F00 | 0x40000000)] == [EPERM] * 3
    assert [ends("unshare", flags) for flags in (0x10000000, 0x80, 0x02000000)] == [EPERM] * 3
    assert ends("unshare", 0x200) == ends("unshare", 0x400) == syscalls.ALLOW
    for name in ("socket", "socketpair"):
        for family in range(50):
            assert ends(name, family) == (syscalls.ALLOW if family in (1, 2, 10) else NO_FAMILY), family
    assert ends("prctl", 4, 0) == EPERM
    assert ends("setsockopt", 9, 1, 13) == EPERM  # SO_LINGER
    assert ends("setsockopt", 13, 1, 2) == ends("setsockopt", 1, 6, 13) == syscalls.ALLOW
    assert ends("prctl", 4, 1) == ends("prctl", 15, 0) == ends("prctl", 38, 1) == syscalls.ALLOW


def test_another_convention_of_calling_ends_the_program():
    i386, x32 = 0x40000003, 0x40000000
    program, own = syscalls.program("x86_64"), syscalls.MACHINES["x86_64"][1]
    assert verdict(program, i386, 4) == verdict(program, own, x32 | 1) == syscalls.KILL
    assert verdict(syscalls.program("aarch64"), own, 63) == syscalls.KILL
    assert syscalls.program("riscv64") is None


@on_linux
def test_the_numbers_are_those_of_libseccomp():
    try:
        library = ctypes.CDLL("libseccomp.so.2")
    except OSError:
        pytest.skip("compares with libseccomp: sudo apt-get install libseccomp2")
    for column, architecture in syscalls.MACHINES.values():
        for name, numbers in {**syscalls.REFUSED, **syscalls.CHECKED}.items():
            known = library.seccomp_syscall_resolve_name_arch(ctypes.c_uint32(architecture), name.encode())
            if known != -1:  # an older library does not know the newest calls
                assert numbers[column] == (known if known >= 0 else None), name


CALLS = (
    LIBC
    + f"""
import platform
column = {{'x86_64': 0, 'aarch64': 1}}[platform.machine()]
for name, numbers in {syscalls.REFUSED!r}.items():
    if numbers[column] is not None:
        ctypes.set_errno(0)
        if libc.syscall(numbers[column], 0, 0, 0, 0, 0, 0) != -1 or ctypes.get_errno() != 1:
            print('not refused:', name, ctypes.get_errno())
print('done')
"""
)


@needs_sandbox
def test_the_filter_is_at_work_and_its_absence_is_said(monkeypatch):
    (text,), done = shown(CALLS)
    assert text == "done\n" and "a filter of system calls" in done["sandbox"]
    monkeypatch.setattr(syscalls, "program", lambda: None)
    (text,), done = shown("import os\nos.write(os.memfd_create('x'), b'y')")
    assert text == "1" or "1" in str(done["outputs"])
    assert "NO FILTER of system calls" in done["sandbox"]


# --- keys -----------------------------------------------------------------------------------------------------------


@needs_sandbox
@pytest.mark.parametrize("cold", [False, True])
def test_the_session_keyring_is_not_that_of_whoever_grades(monkeypatch, cold):
    """Without the filter, which refuses all of this."""
    if os.uname().machine not in ("x86_64", "aarch64"):
        pytest.skip("the numbers of these calls are known for x86-64 and aarch64")
    add, keyctl = {"x86_64": (248, 250), "aarch64": (217, 219)}[os.uname().machine]
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall(keyctl, 1, None)  # a session of this test's own, which is not the developer's
    key = libc.syscall(add, b"user", b"datalab", b"swordfish", 9, -3)
    if key < 0:
        pytest.skip("this kernel has no keys, or forbids them here")
    close_stages()  # a Python that waits already has the keyring of before
    monkeypatch.setattr(syscalls, "program", lambda: None)
    (text,), _ = shown(
        LIBC + f"room = ctypes.create_string_buffer(99)\n"
        f"print(libc.syscall({keyctl}, 10, -3, b'user', b'datalab', 0) >= 0, libc.syscall({keyctl}, 11, {key}, room, 99) >= 0)\n"
        f"print(libc.syscall({add}, b'user', b'left', b'x', 1, -3) >= 0, libc.syscall({keyctl}, 7, -3) == 0)",
        cold=cold,
    )
    close_stages()
    assert text == "False False\nTrue True\n"  # it has a ring of its own, and that one may be filled and cleared
    assert libc.syscall(keyctl, 10, -3, b"user", b"left", 0) < 0
    assert libc.syscall(keyctl, 10, -3, b"user", b"datalab", 0) == key


# --- users ----------------------------------------------------------------------------------------------------------

# Every path that can be opened for writing, but for plain files of a file system that says it is read-only: these are
# too many to try. Below a folder in memory all is the submission's own, and so are its open files.
WRITABLE = f"""
import os, re
found = set()
def look(folder):
    if os.access(folder, os.W_OK):
        found.add(folder)
    if folder in {sandbox.FOLDERS!r} or re.fullmatch(r'/proc/[0-9]+(/task/[0-9]+)?/fd', folder):
        return
    try:
        entries = [*os.scandir(folder)]
        read_only = os.statvfs(folder).f_flag & os.ST_RDONLY
    except OSError:
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            look(entry.path)
        elif not (read_only and entry.is_file(follow_symlinks=False)):
            try:
                os.close(os.open(entry.path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY))
                found.add(os.path.realpath(entry.path))
            except OSError:
                pass
look('/')
print(len([*os.scandir('/proc/sys')]) > 3, sorted(found))
"""
MAY_BE_WRITTEN = {
    *sandbox.FOLDERS, "/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/pts", "/dev/pts/ptmx",
    "/memfd:output (deleted)",  # what this Python itself prints
}  # fmt: skip
LOOK_AROUND = [
    WRITABLE,
    LIBC + "print(open('/proc/self/uid_map').read().split(), os.getgroups(), os.getuid(), os.getgid())\n"
    "for become in (os.setuid, os.setgid):\n    try: become(0); print('FOUND')\n    except OSError: pass\n"
    "print([libc.unshare(flag) for flag in (0x10000000, 0x20000)])\n"
    "for name in ('user', 'mnt', 'pid'):\n    try: print('FOUND' if libc.setns(os.open(f'/proc/1/ns/{name}', os.O_RDONLY), 0) == 0 else 'no')\n"
    "    except OSError: print('no')\n"
    "print([line.split()[1] for line in open('/proc/self/status') if line.startswith('Cap')])",
]


def found_nothing(texts: list[str], user: int) -> None:
    there, writable = texts[0].split(maxsplit=1)
    assert there == "True" and set(eval(writable)) <= MAY_BE_WRITTEN, set(eval(writable)) - MAY_BE_WRITTEN
    assert set(eval(writable)) >= set(sandbox.FOLDERS)
    lines = texts[1].splitlines()
    assert lines[0].endswith(f"[] {user} {user}") or os.geteuid() != 0
    assert lines[1:] == ["[-1, -1]", "no", "no", "no", str(["0" * 16] * 5)], lines


@needs_sandbox
@pytest.mark.parametrize("cold", [False, True])
def test_nothing_of_the_machine_can_be_written_and_no_right_won_whoever_grades(monkeypatch, cold):
    """Without the filter: the name spaces have to hold by themselves."""
    monkeypatch.setattr(syscalls, "program", lambda: None)
    texts, done = shown(*LOOK_AROUND, cold=cold, limits={"cell_seconds": 100})
    found_nothing(texts, sandbox.STUDENT if os.geteuid() == 0 else os.geteuid())
    assert ("a user of its own" in done["sandbox"]) == (os.geteuid() == 0)


@needs_sandbox
@root_only
def test_nor_where_an_ordinary_user_grades(tmp_path):
    code = (
        "import json, sys\nfrom grading import syscalls\nsyscalls.program = lambda: None\n"
        "from tests.grading.test_fence import LOOK_AROUND, shown\n"
        "print(json.dumps([shown(*LOOK_AROUND, cold=cold, limits={'cell_seconds': 100}) for cold in (False, True)], default=str))"
    )
    done = ordinary_user.python(code, tmp_path)
    assert done.returncode == 0, done.stderr
    for texts, result in eval(done.stdout.splitlines()[-1], {"null": None, "true": True, "false": False}):
        found_nothing(texts, ordinary_user.USER)
        assert "bubblewrap" in result["sandbox"] and "a user of its own" not in result["sandbox"]
        assert "NO LIMIT for memory files, shared memory and the kernel's own memory" in result["sandbox"]


@needs_sandbox
@root_only
def test_each_submission_has_a_user_that_nobody_else_is():
    with sandbox.Sandbox() as one, sandbox.Sandbox() as other:
        maps = [Path(f"/proc/{cage.pid}/uid_map").read_text().split() for cage in (one, other)]
    assert all(entry[:3] == ["0", "0", "1"] and entry[3] == str(sandbox.STUDENT) for entry in maps)
    users = [int(entry[4]) for entry in maps]
    assert users[0] != users[1] and all(user >= 60_000 for user in users)


@on_linux
def test_users_are_chosen_among_those_that_there_are(monkeypatch):
    monkeypatch.setattr(sandbox, "_users", lambda: 65_536)  # a container's
    users = {sandbox.user_of_its_own(process) for process in range(5000)}
    assert len(users) == 1000 and min(users) > 60_000 and max(users) < 65_534
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert sandbox.chooses_users()
    monkeypatch.setattr(sandbox, "_users", lambda: 1)  # root in a container of an ordinary user
    assert not sandbox.chooses_users()


@needs_sandbox
@root_only
def test_an_environment_that_is_closed_to_others_is_refused_with_what_to_do(monkeypatch, tmp_path):
    (tmp_path / "kept").mkdir(mode=0o700)
    monkeypatch.setenv("DATALAB_CACHE", str(tmp_path))
    with pytest.raises(GradingError, match=f"chmod -R o\\+rX {tmp_path}/kept"):
        sandbox.check()


# --- signals --------------------------------------------------------------------------------------------------------


@needs_sandbox
def test_no_signal_goes_to_a_number_that_may_be_somebody_elses(monkeypatch):
    """A submission's Python is replaced by a child of its own, and interrupted: nobody may be hit in its place."""
    monkeypatch.setattr("grading.session.GRACE", 1)
    numbers, kill = [], os.kill
    started = []
    monkeypatch.setattr(os, "kill", lambda pid, how: numbers.append(pid) or kill(pid, how))
    popen = subprocess.Popen.__init__
    monkeypatch.setattr(
        subprocess.Popen, "__init__", lambda self, *args, **more: started.append(self) or popen(self, *args, **more)
    )
    leave = "import os\nif os.fork():\n    os._exit(0)\nos.setsid()\nprint('here')"
    texts, done = shown(leave, "import time\nwhile True:\n    time.sleep(0.1)", limits={"cell_seconds": 3})
    assert texts[0] == "here\n" and any("could not be interrupted" in reason for reason in done["reasons"])
    # Only to children that were not waited for, whose numbers are nobody else's.
    assert set(numbers) <= {process.pid for process in started}


@on_linux
def test_what_stands_for_a_process_reaches_it_or_nobody():
    child = subprocess.Popen(["sleep", "60"])
    stands = sandbox._identified(child.pid, os.getpid())
    sandbox.send_signal(stands)
    assert child.wait() == -signal.SIGKILL
    sandbox.send_signal(stands)  # it has gone: nothing happens
    os.close(stands)
    with pytest.raises(OSError, match="is not bubblewrap's any more"):
        sandbox._identified(os.getppid(), os.getpid())


# --- memory ---------------------------------------------------------------------------------------------------------


@on_linux
def test_what_waits_in_sockets_and_lies_in_folders_counts(tmp_path):
    before = watch._sockets(os.getpid())
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as sender:
        receiver, _ = server.accept()
        with receiver:
            sender.sendall(bytes(500_000))
            assert watch._sockets(os.getpid()) - before >= 1_000_000
    before = watch._sockets(os.getpid())
    pairs = [socket.socketpair() for _ in range(50)]
    assert watch._sockets(os.getpid()) - before >= 50 * 2 * 212_992
    for one in (end for pair in pairs for end in pair):
        one.close()
    assert watch._files(os.getpid(), ["/nowhere"]) == 0


@needs_sandbox
def test_the_watch_counts_what_a_submission_keeps_outside_of_its_processes(monkeypatch):
    monkeypatch.setattr(Cgroup, "add", lambda self, pid: setattr(self, "held", False))
    keeps = "for name in ('/tmp/x', 'y'):\n    open(name, 'wb').write(bytes(10 * 2**20))\n"
    made, more = [], {"cell_seconds": 10}
    monkeypatch.setattr(sandbox.Sandbox, "excess", lambda self: made.append(self.usage()[1]))
    _, done = shown(keeps + "import time; time.sleep(4)", limits=more)
    before = shown("import time; time.sleep(4)", limits=more) and made[-1]
    assert max(made) - before > 15 * 2**20
    assert "NO LIMIT for the kernel's own memory" in done["sandbox"]


TERMINALS = "import os\ntaken = []\ntry:\n    while True: taken.append(os.open('/dev/ptmx', os.O_RDWR))\nexcept OSError: print(len(taken))"


@needs_sandbox
@root_only
def test_an_ordinary_users_submissions_get_few_terminals_too(tmp_path):
    done = ordinary_user.python(f"from tests.grading.test_fence import shown\nprint(shown({TERMINALS!r})[0])", tmp_path)
    assert done.stdout.strip() == str([f"{fence.TERMINALS}\n"]), (done.stdout, done.stderr)


# --- processors -----------------------------------------------------------------------------------------------------

BUSY = """
import os, time
end = time.time() + 30
for i in range(30):
    if os.fork() == 0:
        os.setsid()
        while time.time() < end: pass
        os._exit(0)
time.sleep(30)
"""


@needs_sandbox
def test_a_submission_with_many_busy_processes_takes_no_time_of_the_others():
    group = Cgroup(FEW)
    group.close()
    if not group.fair:
        pytest.skip("no control groups for processors here")
    shown("1")  # the Python that both are copied from
    busy = threading.Thread(target=shown, args=[BUSY], kwargs={"limits": {"cell_seconds": 40}})
    busy.start()
    time.sleep(2)
    works = (
        "import time\nstart, began = time.process_time(), time.time()\nwhile time.process_time() - start < 1: pass\n"
    )
    (text,), done = shown(f"{works}print(time.time() - began)", limits={"cell_seconds": 30})
    busy.join()
    assert float(text) < 8 and "FAIR" not in done["sandbox"]  # of 31 processes each would get 15 seconds for one


# --- what a killed grader leaves ------------------------------------------------------------------------------------

KILLED = """
import sys, time
from grading import leftovers
from grading.cgroups import Cgroup
folder = leftovers.folder()
open(folder + '/file', 'w').close()
print(folder, *Cgroup({'memory': 2**30, 'processes': 10}).folders, flush=True)
time.sleep(60)
"""


@on_linux
def test_folders_and_groups_of_a_killed_grader_are_removed_and_no_others():
    killed = subprocess.Popen([sys.executable, "-c", KILLED], stdout=subprocess.PIPE, text=True)
    left = [Path(word) for word in killed.stdout.readline().split()]
    for sweep in (leftovers.sweep_files, leftovers.sweep_groups):
        sweep.cache_clear()
    mine = Path(leftovers.folder())
    Cgroup({"memory": 2**30, "processes": 10}).close()
    assert all(path.exists() for path in left)  # it is still at work
    killed.kill()
    killed.wait()
    killed.stdout.close()
    for sweep in (leftovers.sweep_files, leftovers.sweep_groups):
        sweep.cache_clear()
    other = Path(leftovers.folder())
    Cgroup({"memory": 2**30, "processes": 10}).close()
    assert not any(path.exists() for path in left)
    assert mine.exists() and not leftovers.is_left("datalab-other.1-1.1-x") and not leftovers.is_left("mine")
    mine.rmdir()
    other.rmdir()
