"""The cage a student's code runs in: bubblewrap's namespaces, and limits on what is left inside.

`Sandbox()` starts bubblewrap with a program that only sleeps; the Python that runs the notebook then joins its
namespaces (`grading.fence.enter`), or is started in it from the beginning (`cold=True`). Closing it kills every
process inside, whatever they did to be left behind.
"""

import base64
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import BinaryIO

from . import syscalls, watch
from .cgroups import Cgroup
from .course import GradingError

CODE = Path(__file__).resolve().parents[1]
HOME = "/home/student"
STUDENT = 1000  # the user that student's code runs as in the sandbox, where whoever grades may choose one
INSTALL = (
    "install bubblewrap (Debian and Ubuntu: sudo apt-get install bubblewrap; Fedora: sudo dnf install bubblewrap). "
    "On macOS, Windows and in containers see grading/README.md."
)
# What one submission of one notebook may use. Bytes, seconds, numbers.
LIMITS = {
    "wall_seconds": 1200,
    "cell_seconds": 120,
    "cpu_seconds": 900,
    "memory": 4 * 2**30,
    "processes": 128,
    "open_files": 512,
    "file_bytes": 256 * 2**20,
    "folder_bytes": 256 * 2**20,
    "output_bytes": 16 * 2**20,
}
# The environment of bubblewrap itself, which its first process inside shows to everyone there (/proc/1/environ).
BARE = {"PATH": "/usr/local/bin:/usr/bin:/bin"}
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
# What steers the matrix libraries has to be the same in all Pythons of a grading: kept results are found by it.
PASSED_ON = ("OPENBLAS_CORETYPE", "ATEN_CPU_CAPABILITY", "MKL_CBWR", "DATALAB_KEEP_MB")
# Of this package: what runs a student's cells, and nothing that knows of tests.
INSIDE = ("__init__", "calls", "channel", "fence", "generators", "inside", "plain", "shell")
FOLDERS = ["/dev/shm", "/tmp", HOME]  # where a student's code may write; in memory
CACHED = ("kept", "open_images")  # of the folder DATALAB_CACHE, where it lies elsewhere than in `datasets`


def environment(trusted: bool = False) -> dict[str, str]:
    """All environment variables of a Python that grading starts.

    Parameters
    ----------
    trusted : it runs only the course's own cells, and so what it trains is kept (`utils/kept`). In the sandbox kept
        results are read; what a submission computes is kept for nobody.
    """
    keep = os.environ.get("DATALAB_KEEP") or "on"
    cache = os.environ.get("DATALAB_CACHE")
    return {
        "HOME": HOME,
        "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(CODE),
        "PYTHONSAFEPATH": "1",  # a file beside the notebook is not imported in place of a library
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "MPLCONFIGDIR": "/tmp/matplotlib",
        "IPYTHONDIR": "/tmp/ipython",
        **dict.fromkeys(THREADS, "1"),
        **{name: os.environ[name] for name in PASSED_ON if name in os.environ},
        **({"DATALAB_CACHE": os.path.abspath(os.path.expanduser(cache))} if cache else {}),
        "DATALAB_KEEP": keep if trusted or keep == "off" else "read",
    }


def chooses_users() -> bool:
    """Whether this process may run programs as other users (it is root), so that student's code gets one of its own."""
    return os.geteuid() == 0 and _users() >= 2000


def _users() -> int:
    """How many users root has here: all of them on a machine, often 65,536 in a container."""
    ranges = [line.split() for line in Path("/proc/self/uid_map").read_text().splitlines()]
    return max((int(first) + int(count) for first, _, count in ranges if int(first) < 65_536), default=0)


def user_of_its_own(process: int) -> int:
    """A user that nothing and nobody else on this machine has: of a range that no system hands out, by the number of
    the sandbox's process, or among the last of the container's."""
    if _users() > 2_100_000_000:
        return 2_000_000_000 + process
    return _users() - 1010 + process % 1000  # the very last are `nobody` on many systems


def seen() -> list[tuple[Path, Path]]:
    """Folders and files of this Python and the course that are in the sandbox: where they lie, where they are there."""
    ours = [CODE / "utils", CODE / "datasets", *(CODE / "grading" / f"{name}.py" for name in INSIDE)]
    python = [Path(p).resolve() for p in dict.fromkeys([sys.base_prefix, sys.prefix]) if not p.startswith("/usr/")]
    cache = environment().get("DATALAB_CACHE")
    cached = [Path(cache, name) for name in CACHED if os.path.isdir(f"{cache}/{name}")] if cache else []
    return [(path.resolve(), path) for path in [*python, *ours, *cached] if str(path) != "/usr"]


def command(limits: dict, *, cold: bool = False) -> list[str]:
    """The bubblewrap command up to the program to start.

    Inside there are: the system's programs and libraries, this Python environment, `utils`, the embedded data and the
    kept results, all read-only, as /proc is; and an empty home and /tmp in memory. There is no network, no other
    process, and nothing of the course besides.

    Run by root, bubblewrap waits for a map of users (`Sandbox`), and the Python inside does what is left to do before
    it becomes another user (`grading.fence.give_up_rights`): for a `cold` start it needs the rights to do so.
    """
    size = str(limits["folder_bytes"])
    args = [
        shutil.which("bwrap") or "bwrap",
        "--unshare-all",
        "--unshare-user",
        "--die-with-parent",
        "--new-session",
        "--cap-drop",
        "ALL",
    ]
    if not chooses_users():
        args += ["--disable-userns"]
    elif cold:
        args += ["--cap-add", "ALL"]
    args += ["--hostname", "sandbox", "--clearenv"]
    for name, value in environment().items():
        args += ["--setenv", name, value]
    args += ["--proc", "/proc", "--dev", "/dev", "--remount-ro", "/dev"]
    for folder, most in zip(FOLDERS, (64 * 2**20, size, size), strict=True):
        args += ["--perms", "0777", "--size", str(most), "--tmpfs", folder]
    for folder in ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64"):
        if os.path.islink(folder):
            args += ["--symlink", os.readlink(folder), folder]
        elif os.path.isdir(folder):
            args += ["--ro-bind", folder, folder]
    args += ["--dir", "/etc"]
    for file in ("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives", "localtime", "fonts", "mime.types"):
        args += ["--ro-bind-try", f"/etc/{file}", f"/etc/{file}"]
    for place, there in seen():
        for parent in reversed(there.parents):  # bubblewrap itself would close them to all but root
            args += ["--dir", str(parent)]
        args += ["--ro-bind", str(place), str(there)]
    if not chooses_users():
        args += ["--remount-ro", "/proc"]
    return [*args, "--chdir", HOME, "--remount-ro", "/"]


def check() -> None:
    """Raise a GradingError that says what to do where bubblewrap is missing, or not allowed to make namespaces."""
    if sys.platform != "linux" or shutil.which("bwrap") is None:
        raise GradingError(f"There is no sandbox, and students' code is not run without one: {INSTALL}")
    if chooses_users():
        for place, _ in seen():
            if not place.stat().st_mode & 0o4 or (place.is_dir() and not place.stat().st_mode & 0o1):
                raise GradingError(
                    "Graded by root, students' code runs as a user of its own, and that one may not read "
                    f"{place}. Let others read it: chmod -R o+rX {place}"
                )
    try:
        Sandbox().close()
    except OSError as problem:
        raise GradingError(
            f"bubblewrap cannot make a sandbox here ({str(problem)[:300]}), and students' code is not run "
            "without one. Containers often forbid it, and so does Ubuntu from 24.04 on for programs without an "
            "AppArmor profile: grading/README.md says what to set. --unsafe-no-sandbox runs the code as you, and "
            "marks every result."
        ) from None


class Sandbox:
    """A running cage. `pid` is a process in its namespaces, as this machine counts; None without bubblewrap.

    `user` is the number that a student's code has to take on inside (None: it stays who whoever grades is).

    Parameters
    ----------
    limits : see LIMITS
    program : what to start inside, for a cold start; by default something that sleeps until it is killed
    pass_fds : file descriptors that the program keeps
    unsafe : no bubblewrap at all; only the limits hold

    Raises
    ------
    OSError : there is no sandbox; in bubblewrap's words, why
    """

    def __init__(
        self,
        limits: dict = LIMITS,
        program: list[str] | None = None,
        pass_fds: tuple[int, ...] = (),
        unsafe: bool = False,
    ):
        self.limits, self.pid, self.process, self.cgroup = limits, None, None, Cgroup(limits)
        self.first = None  # stands for the first process inside, whose end is the end of all; see `_identified`
        self.user = STUDENT if chooses_users() and not unsafe else None
        if unsafe:
            if program:
                self.process = subprocess.Popen(program, pass_fds=pass_fds, env=environment() | {"HOME": os.getcwd()})
            return
        with tempfile.TemporaryFile() as words:
            try:
                self._start(program, pass_fds, words)
            except (OSError, ValueError, KeyError) as problem:
                self.close()
                words.seek(0)
                why = words.read(1000).decode("utf-8", "replace").strip()
                raise OSError(why or f"bubblewrap did not start: {problem}") from None

    def _start(self, program: list[str] | None, pass_fds: tuple[int, ...], words: BinaryIO) -> None:
        reading, writing = os.pipe()
        mapped, go = os.pipe()
        waits = ["--userns-block-fd", str(mapped)] if self.user is not None else []
        args = [*command(self.limits, cold=program is not None), *waits, "--info-fd", str(writing), "--"]
        try:
            self.process = subprocess.Popen(
                [*args, *(program or ["/bin/sh", "-c", "echo ready; exec sleep infinity"])],
                pass_fds=(writing, *([mapped] if waits else []), *pass_fds),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL if program else subprocess.PIPE,
                stderr=words,
                env=BARE,
            )
            os.close(writing)
            with os.fdopen(reading, "rb") as file:
                first = json.loads(file.read())["child-pid"]
            self.first = _identified(first, self.process.pid)
            self.pid = first
            if waits:
                for kind in ("uid_map", "gid_map"):
                    Path(f"/proc/{first}/{kind}").write_text(f"0 0 1\n{STUDENT} {user_of_its_own(first)} 1\n")
                os.write(go, b"x")
        finally:
            os.close(mapped)
            os.close(go)
        # The number is known before the sandbox is built. Who joined now would be in a half-furnished room.
        if not program and not self.process.stdout.readline():
            raise OSError("it ended before it was ready")

    def order(self) -> dict:
        """What the Python inside has to know to give up its rights; see `grading.inside.begin`."""
        program = syscalls.program() if syscalls.filtered() else None
        return {"user": self.user, "filter": program and base64.b64encode(program).decode()}

    def usage(self) -> tuple[int, int]:
        """Processes inside, and the bytes of memory that they use together (what they share counts once)."""
        return (0, 0) if self.pid is None else watch.usage(self.pid, FOLDERS)

    def excess(self) -> str | None:
        """Which limit the processes inside are over, all together; None where they keep to them."""
        processes, memory = self.usage()
        if processes > self.limits["processes"] + 3:
            return f"more than {self.limits['processes']} processes at once"
        if memory > self.limits["memory"] + 2**30:
            return f"more than {self.limits['memory'] / 2**30:g} GB of memory"
        return None

    def inner(self) -> tuple[int, int]:
        """The program inside, as this machine counts, and a file that stands for it (`pid` is bubblewrap's own
        process, which only waits)."""
        for _ in range(200):
            others = [pid for pid in watch.processes(self.pid) if pid != self.pid]
            if others:
                stands = os.pidfd_open(min(others))
                if watch.namespace(min(others)) == watch.namespace(self.pid):  # it is still who it was
                    return min(others), stands
                os.close(stands)
            time.sleep(0.02)
        raise OSError("the program did not start in the sandbox")

    def held(self) -> str:
        """In words: what holds, and what does not."""
        words = ["bubblewrap" if self.pid else "NO SANDBOX"]
        if self.user is not None:
            words.append("a user of its own")
        filtered = syscalls.filtered()
        words.append("a filter of system calls" if filtered else "NO FILTER of system calls (keys are shared)")
        words.append(f"limits by {'cgroups' if self.cgroup.held else 'rlimits and a watch on the processes'}")
        if not self.cgroup.fair:
            words.append("NO FAIR SHARE of the processors")
        if not self.cgroup.held:
            more = "" if filtered else "memory files, shared memory and "
            words.append(f"NO LIMIT for {more}the kernel's own memory")
        return ", ".join(words)

    def close(self) -> None:
        """Kill everything inside. The kernel does it when the first process of the namespace ends."""
        if self.first is not None:
            send_signal(self.first)
            os.close(self.first)
            self.first = None
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            if self.process.stdout:
                self.process.stdout.close()
        self.cgroup.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def _identified(child: int, parent: int) -> int:
    """A file that stands for a process (pidfd), which must be a child of the other. Its number may be somebody else's
    once it has ended; what is sent to this file reaches it or nobody."""
    stands = os.pidfd_open(child)
    status = Path(f"/proc/{child}/status").read_text()
    if f"PPid:\t{parent}\n" not in status:
        os.close(stands)
        raise OSError(f"process {child} is not bubblewrap's any more")
    return stands


def send_signal(stands: int, how: int = signal.SIGKILL) -> None:
    """Send a signal to the process that a file stands for (pidfd); nothing happens where it has ended."""
    try:
        signal.pidfd_send_signal(stands, how)
    except ProcessLookupError:
        pass
