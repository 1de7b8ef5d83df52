"""The cage a student's code runs in: bubblewrap's namespaces, and limits on what is left inside.

`Sandbox()` starts bubblewrap with a program that only sleeps; the Python that runs the notebook then joins its
namespaces (`grading.inside.enter`), or is started in it from the beginning (`cold=True`). Closing it kills every
process inside, whatever they did to be left behind.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

from .course import GradingError

CODE = Path(__file__).resolve().parents[1]
HOME = "/home/student"
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
CACHED = ("kept", "open_images")  # of the folder DATALAB_CACHE, where it lies elsewhere than in `datasets`


def environment(trusted: bool = False) -> dict[str, str]:
    """All environment variables of a Python that grading starts.

    Parameters
    ----------
    trusted : it runs only the course's own cells, and so what it trains is kept (`utils/kept.py`). In the sandbox kept
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
        **({"DATALAB_CACHE": os.path.abspath(cache)} if cache else {}),
        "DATALAB_KEEP": keep if trusted or keep == "off" else "read",
    }


def command(limits: dict, *, visible: tuple[Path, ...] = ()) -> list[str]:
    """The bubblewrap command up to the program to start.

    Inside there are: the system's programs and libraries, this Python environment, `utils`, the embedded data and the
    kept results, all read-only; and an empty home and /tmp in memory. There is no network, no other process, and
    nothing of the course besides.
    """
    size = str(limits["folder_bytes"])
    args = [
        shutil.which("bwrap") or "bwrap",
        "--unshare-all",
        "--unshare-user",
        "--disable-userns",
        "--die-with-parent",
        "--new-session",
        "--cap-drop",
        "ALL",
    ]
    args += ["--hostname", "sandbox", "--clearenv"]
    for name, value in environment().items():
        args += ["--setenv", name, value]
    args += [
        "--proc",
        "/proc",
        "--dev",
        "/dev",
        "--size",
        str(64 * 2**20),
        "--tmpfs",
        "/dev/shm",
        "--remount-ro",
        "/dev",
    ]
    args += ["--size", size, "--tmpfs", "/tmp", "--size", size, "--tmpfs", HOME]
    for folder in ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64"):
        if os.path.islink(folder):
            args += ["--symlink", os.readlink(folder), folder]
        elif os.path.isdir(folder):
            args += ["--ro-bind", folder, folder]
    for file in ("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives", "localtime", "fonts", "mime.types"):
        args += ["--ro-bind-try", f"/etc/{file}", f"/etc/{file}"]
    package = CODE / "grading"
    ours = [
        CODE / "utils",
        CODE / "datasets",
        *(package / f for f in ("__init__.py", "plain.py", "inside.py")),
        *visible,
    ]
    python = [Path(p).resolve() for p in dict.fromkeys([sys.base_prefix, sys.prefix]) if not p.startswith("/usr/")]
    cache = environment().get("DATALAB_CACHE")
    cached = [Path(cache, name) for name in CACHED if os.path.isdir(f"{cache}/{name}")] if cache else []
    for path in [*python, *ours, *cached]:
        if str(path) != "/usr":
            args += ["--ro-bind", str(path.resolve()), str(path)]
    return [*args, "--chdir", HOME, "--remount-ro", "/"]


def check() -> None:
    """Raise a GradingError that says what to do where bubblewrap is missing, or not allowed to make namespaces."""
    if sys.platform != "linux" or shutil.which("bwrap") is None:
        raise GradingError(f"There is no sandbox, and students' code is not run without one: {INSTALL}")
    done = subprocess.run(
        [*command(LIMITS), "--", "/bin/sh", "-c", "exit 0"],
        capture_output=True, text=True, stdin=subprocess.DEVNULL, env=BARE,
    )  # fmt: skip
    if done.returncode:
        raise GradingError(
            f"bubblewrap cannot make a sandbox here ({done.stderr.strip()[:300]}), and students' code is not run "
            "without one. Containers often forbid it, and so does Ubuntu from 24.04 on for programs without an "
            "AppArmor profile: grading/README.md says what to set. --unsafe-no-sandbox runs the code as you, and "
            "marks every result."
        )


class Sandbox:
    """A running cage. `pid` is a process in its namespaces, as this machine counts; None without bubblewrap.

    Parameters
    ----------
    limits : see LIMITS
    program : what to start inside, for a cold start; by default something that sleeps until it is killed
    pass_fds : file descriptors that the program keeps
    unsafe : no bubblewrap at all; only the limits hold
    """

    def __init__(self, limits: dict = LIMITS, program: list[str] | None = None, pass_fds=(), unsafe: bool = False):
        self.limits, self.pid, self.process, self.cgroup = limits, None, None, Cgroup(limits)
        if unsafe:
            if program:
                self.process = subprocess.Popen(program, pass_fds=pass_fds, env=environment() | {"HOME": os.getcwd()})
            return
        reading, writing = os.pipe()
        args = [*command(limits), "--info-fd", str(writing), "--"]
        self.process = subprocess.Popen(
            [*args, *(program or ["/bin/sh", "-c", "echo ready; exec sleep infinity"])],
            pass_fds=(writing, *pass_fds),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL if program else subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=BARE,
        )
        os.close(writing)
        with os.fdopen(reading, "rb") as file:
            try:
                self.pid = json.loads(file.read())["child-pid"]
                # The number is known before the sandbox is built. Who joined now would be in a half-furnished room.
                ready = program or self.process.stdout.readline()
            except (ValueError, KeyError):
                ready = b""
        if not ready:
            self.close()
            raise OSError("bubblewrap did not start")

    def usage(self) -> tuple[int, int]:
        """Processes inside, and the bytes of memory that they use together (what they share counts once)."""
        if self.pid is None:
            return 0, 0
        processes = memory = 0
        inside = _namespace(self.pid)
        for entry in os.listdir("/proc"):
            if entry.isdigit() and _namespace(entry) == inside:
                processes += 1
                memory += _memory(entry)
        return processes, memory

    def excess(self) -> str | None:
        """Which limit the processes inside are over, all together; None where they keep to them."""
        processes, memory = self.usage()
        if processes > self.limits["processes"] + 3:
            return f"more than {self.limits['processes']} processes at once"
        if memory > self.limits["memory"] + 2**30:
            return f"more than {self.limits['memory'] / 2**30:g} GB of memory"
        return None

    def inner(self) -> int:
        """The program inside, as this machine counts (`pid` is bubblewrap's own process, which only waits)."""
        inside = _namespace(self.pid)
        for _ in range(200):
            others = [
                int(e) for e in os.listdir("/proc") if e.isdigit() and int(e) != self.pid and _namespace(e) == inside
            ]
            if others:
                return min(others)
            time.sleep(0.02)
        raise OSError("the program did not start in the sandbox")

    def held(self) -> str:
        """In words: what holds the limits."""
        by = "cgroups" if self.cgroup.held else "rlimits and a watch on the processes"
        return f"{'bubblewrap' if self.pid else 'NO SANDBOX'}, limits by {by}"

    def close(self) -> None:
        """Kill everything inside. The kernel does it when the first process of the namespace ends."""
        if self.pid is not None:
            _kill(self.pid)
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


def _namespace(pid) -> str | None:
    try:
        return os.readlink(f"/proc/{pid}/ns/pid")
    except OSError:
        return None


def _memory(pid) -> int:
    try:
        with open(f"/proc/{pid}/smaps_rollup") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("Pss:"))
    except (OSError, StopIteration):
        return 0


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


class Cgroup:
    """A control group for one sandbox where this user may make one (as root, or where systemd delegated a branch).

    `held` tells whether it limits memory and processes. Where it cannot be had nothing happens: the limits of each
    process (rlimits) and `Sandbox.excess` are left.
    """

    def __init__(self, limits: dict):
        self.folders, self.held = [], False
        name = f"datalab-{uuid.uuid4().hex[:12]}"
        most = {"memory": limits["memory"] + 2**30, "pids": limits["processes"] + 3}
        try:
            for base, files in _control_groups().items():
                folder = base / name
                folder.mkdir()
                self.folders.append(folder)
                for file, key in files.items():
                    (folder / file).write_text(str(most[key]))
            self.held = bool(self.folders)
        except OSError:
            self.close()

    def add(self, pid: int) -> None:
        """Put a process in; its children follow."""
        try:
            for folder in self.folders:
                (folder / "cgroup.procs").write_text(str(pid))
        except OSError:
            self.held = False

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
    found = {}
    for controller, file in {"memory": "memory.limit_in_bytes", "pids": "pids.max"}.items():
        path = next((path for _, names, path in own if controller in names.split(",")), None)
        if path is None:
            return {}
        found[tree / controller / path.lstrip("/")] = {file: controller}
    return found
