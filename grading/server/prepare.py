"""Prepare one Linux machine as a class server: the course account, the exchange, and who sees which menu.

    cd /opt/datalab/code && sudo /opt/datalab/venv/bin/python -m grading.server.prepare

Run again after a change of the course: it renews what it wrote, and touches no submission and no mark.
"""

import os
import pwd
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer
from nbgrader.exchange.default import Exchange

from ..course import ROOT, GradingError, configuration
from ..files import write_json, write_whole
from ..student_edition import student_edition

EXTENSIONS = "assignment_list validate_assignment course_list formgrader".split()
MENUS = "assignment-list validate-assignment course-list formgrader create-assignment".split()
# What each kind of person gets. Who may read what rests on file permissions and on the hub's scopes, not on menus:
# these only keep people from doors that are closed to them.
ROLES = {
    "student": {"assignment_list": "assignment-list", "validate_assignment": "validate-assignment"},
    "instructor": {
        "assignment_list": "assignment-list",
        "validate_assignment": "validate-assignment",
        "course_list": "course-list",
    },
    "course": {
        "validate_assignment": "validate-assignment",
        "formgrader": "formgrader",
        None: "create-assignment",  # a menu without a part in the server
    },
}
# The exchange. Everyone may write into it, which nbgrader asks for; `t` (sticky) keeps people from renaming or removing
# what is not theirs. Nobody but the course account may list what came in or the feedback that goes out.
EXCHANGE_MODE = 0o1777
COURSE_MODES = {".": 0o755, "outbound": 0o755, "inbound": 0o3733, "feedback": 0o711}
SETTINGS = ["CourseDirectory.course_id", "CourseDirectory.ignore", "Execute", "IgnorePattern"]


def prepare(base: Path, course: Path, account: str, root: Path = ROOT, exchange: Path | None = None) -> None:
    """Prepare this machine. Needs root.

    Parameters
    ----------
    base : the folder of the server: class lists, student edition, and what the hub keeps
    course : the course's folder, with sources and gradebook, owned by the course account
    account : the course account; it is made when there is none
    root : where the code lies that root runs: another copy than `course`, which instructors can change
    exchange : the folder of nbgrader's exchange; by default as `nbgrader_config.py` says, else nbgrader's own

    Raises
    ------
    GradingError : this is not root, or the course's folder is missing or belongs to somebody else
    """
    if os.getuid() != 0:
        raise GradingError("Accounts and owners can only be set by root: put `sudo` in front of the command.")
    if not _exists(account):
        made = subprocess.run(
            ["useradd", "--create-home", "--shell", "/bin/bash", account], capture_output=True, text=True
        )
        if made.returncode != 0:
            raise GradingError(f"The account {account} could not be made: {made.stderr.strip()}")
    owner = pwd.getpwnam(account)
    if not (course / "nbgrader_config.py").is_file():
        raise GradingError(
            f"{course} holds no course (no nbgrader_config.py): put a copy of this repository there, "
            f"and run `chown -R {account}: {course}`."
        )
    if course.stat().st_uid != owner.pw_uid:
        raise GradingError(f"{course} does not belong to {account}: run `chown -R {account}: {course}`.")
    # The sources with the hidden tests, the gradebook and what was handed in: for the course account alone.
    course.chmod(0o700)
    base.mkdir(parents=True, exist_ok=True)
    base.chmod(0o755)
    for name in ("hub", "class"):
        (base / name).mkdir(exist_ok=True)
        (base / name).chmod(0o700)
    for name, first_line in {"roster.csv": "student,name\n", "instructors.txt": ""}.items():
        if not (base / "class" / name).exists():
            write_whole(base / "class" / name, first_line)
    course_id = configuration(root).CourseDirectory.course_id
    exchange = exchange or exchange_of(root)
    make_exchange(exchange, course_id, owner.pw_uid, owner.pw_gid)
    write_config(base, exchange, root)
    student_edition(base / "student-edition", root)
    _open_to_read(base / "student-edition")
    machine = {"course_id": course_id, "course": str(course), "account": account, "environment": sys.prefix}
    write_json(base / "server.json", machine)
    (base / "server.json").chmod(0o644)


def exchange_of(root: Path = ROOT) -> Path:
    """The folder of nbgrader's exchange that the course's settings name."""
    return Path(Exchange(config=configuration(root)).root)


def make_exchange(exchange: Path, course_id: str, uid: int, gid: int) -> None:
    """Make nbgrader's exchange, and the course's folders in it, before anyone else could make them."""
    exchange.mkdir(parents=True, exist_ok=True)
    exchange.chmod(EXCHANGE_MODE)
    for name, mode in COURSE_MODES.items():
        folder = exchange / course_id / name
        folder.mkdir(exist_ok=True)
        if folder.is_symlink() or folder.stat().st_uid not in (0, uid):
            raise GradingError(f"{folder} was made by somebody else: look at it, remove it, and run this again.")
        os.chown(folder, uid, gid)
        folder.chmod(mode)  # after the owner: a change of owner takes the `s` away


def write_config(base: Path, exchange: Path, root: Path = ROOT) -> None:
    """Write the settings of each role to `base/config/<role>`: a folder for `JUPYTER_CONFIG_PATH`."""
    of_course = configuration(root)
    for role, parts in ROLES.items():
        folder = base / "config" / role
        shutil.rmtree(folder, ignore_errors=True)
        nbgrader = {"Exchange": {"root": str(exchange)}}
        extensions = {f"nbgrader.server_extensions.{name}": name in parts for name in EXTENSIONS}
        if role == "course":  # the rest stands in the course's own nbgrader_config.py
            extensions["grading.server.formgrader"] = True
        else:
            nbgrader["Authenticator"] = {"plugin_class": "nbgrader.auth.JupyterHubAuthPlugin"}
            for setting in SETTINGS:
                section, _, name = setting.partition(".")
                values = {name: of_course[section][name]} if name else dict(of_course[section])
                nbgrader[section] = nbgrader.get(section, {}) | values
        disabled = {f"@jupyter/nbgrader:{menu}": True for menu in MENUS if menu not in parts.values()}
        write_json(folder / "nbgrader_config.json", nbgrader)
        write_json(folder / "jupyter_server_config.d/datalab.json", {"ServerApp": {"jpserver_extensions": extensions}})
        write_json(folder / "labconfig/page_config.json", {"disabledExtensions": disabled})
    _open_to_read(base / "config")


def _open_to_read(folder: Path) -> None:
    """Let everyone read a folder of ours, whatever the umask is."""
    for path in [folder, *folder.rglob("*")]:
        if not path.is_symlink():
            mode = stat.S_IMODE(path.stat().st_mode)
            path.chmod(mode | 0o444 | (0o111 if path.is_dir() else 0))


def _exists(account: str) -> bool:
    try:
        pwd.getpwnam(account)
    except KeyError:
        return False
    return True


def main(
    course: Annotated[Path | None, typer.Option(help="The course's folder; by default course/ in its account.")] = None,
    to: Annotated[Path, typer.Option(help="The folder of the server.")] = Path("/srv/datalab"),
    account: Annotated[str, typer.Option(help="The course account.")] = "grader-datalab",
    config_only: Annotated[bool, typer.Option(help="Only what a container image needs.")] = False,
):
    """Prepare this machine as a class server; see grading/server/README.md."""
    try:
        if config_only:
            write_config(to, exchange_of())
            student_edition(to / "student-edition")
            _open_to_read(to / "student-edition")
        else:
            if ROOT.stat().st_mode & 0o007:
                raise GradingError(f"{ROOT} holds the hidden tests and is open to everyone: run `chmod 700 {ROOT}`.")
            prepare(to, course or Path(f"/home/{account}/course"), account)
    except GradingError as problem:
        sys.exit(f"{problem}")
    print(f"{to} is ready." if config_only else f"{to} is ready. Next: the class lists in {to / 'class'}.")


if __name__ == "__main__":
    typer.run(main)
