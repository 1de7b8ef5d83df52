"""For tests that run grading as an ordinary user, by root too, whose folders are closed to others."""

import os
import subprocess
import sys
from pathlib import Path

from grading.sandbox import BARE, CODE, environment

USER = 12_345  # nobody's number


def closed_to_others(path: Path) -> Path | None:
    """The outermost folder on the way to this path (and at its end) that others may not enter."""
    return next((one for one in [*reversed(path.parents), path] if not one.stat().st_mode & 0o1), None)


def command(writable: Path) -> list[str]:
    """The command up to the program that an ordinary user is to run; empty for who is one already.

    The program has no right of root's. It sees the machine as it is; but closed folders hold nothing except what has
    to be read: this Python, the course, what is kept, and `writable`, which is given to the user.
    """
    if os.geteuid() != 0:
        return []
    subprocess.run(["chown", "-R", f"{USER}:{USER}", str(writable)], check=True)
    args = ["bwrap", "--dev-bind", "/", "/"]
    needed = [Path(sys.base_prefix), Path(sys.prefix), CODE, Path(environment().get("DATALAB_CACHE", "/usr")), writable]
    needed = [path.resolve() for path in needed if path.exists()]
    closed = {path: closed_to_others(path) for path in needed}
    for folder in dict.fromkeys(one for one in closed.values() if one):
        args += ["--perms", "0755", "--tmpfs", str(folder)]
    for path, folder in closed.items():
        for inner in [] if folder is None else sorted(path.iterdir()) if path == folder else [path]:
            for parent in reversed(inner.parents):
                args += ["--dir", str(parent)]
            args += ["--bind" if path == writable else "--ro-bind", str(inner), str(inner)]
    return [*args, "--", "setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "--inh-caps=-all"]


def python(code: str, writable: Path, **more) -> subprocess.CompletedProcess:
    """Run this code as an ordinary user, whose home is the folder `writable`; see `command`."""
    names = ("DATALAB_CACHE", "DATALAB_SECRET", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    env = BARE | {name: os.environ[name] for name in names if name in os.environ}
    env |= {"HOME": str(writable), "PYTHONPATH": str(CODE), "PYTHONDONTWRITEBYTECODE": "1", "LANG": "C.UTF-8"}
    return subprocess.run(
        [*command(writable), sys.executable, "-c", code],
        cwd="/", env=env, capture_output=True, text=True, stdin=subprocess.DEVNULL, **more,
    )  # fmt: skip
