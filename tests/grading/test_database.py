"""Marks in a PostgreSQL gradebook: a real server on loopback, made for the test and thrown away."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest

from grading import gradebook as book
from grading.course import GradingError, configuration
from grading.marks import grade
from tests.grading.sandboxed import needs_sandbox
from tests.grading.test_marks import START, course, solution_cells, submit

PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
INITDB = str(PROGRAMS[-1]) if PROGRAMS else shutil.which("initdb")


@pytest.fixture(scope="module")
def server():
    """The address of an empty database. PostgreSQL refuses to run as root, so its own user runs it then."""
    if INITDB is None:
        pytest.skip("install a PostgreSQL server: sudo apt-get install postgresql")
    with tempfile.TemporaryDirectory(prefix="datalab-postgres-") as folder:  # pytest's own is closed to other users
        yield from _server(Path(folder))


def _server(folder: Path):
    as_user = {}
    if os.getuid() == 0:
        user = next(name for name in ("postgres", "nobody") if name in {entry.pw_name for entry in pwd.getpwall()})
        as_user = {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}
        shutil.chown(folder, user)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    bin_ = Path(INITDB).parent

    def run(*args):
        done = subprocess.run([str(arg) for arg in args], cwd="/", capture_output=True, text=True, **as_user)
        assert done.returncode == 0, done.stdout + done.stderr

    data = folder / "data"
    run(bin_ / "initdb", "--auth=trust", "--username=teacher", "--encoding=UTF8", "--no-sync", "-D", data)
    settings = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
    run(bin_ / "pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", settings, "start")
    try:
        run(bin_ / "createdb", "-h", "127.0.0.1", "-p", port, "-U", "teacher", "marks")
        yield f"postgresql+psycopg://teacher@127.0.0.1:{port}/marks"
    finally:
        run(bin_ / "pg_ctl", "-D", data, "-m", "immediate", "stop")


@needs_sandbox
def test_the_same_marks_as_in_sqlite_and_twice_the_same(server, tmp_path):
    rows = {}
    for name, db in {"sqlite": None, "postgres": server}.items():
        (tmp_path / name).mkdir()
        root = course(tmp_path / name, START)
        submit(root, "ada", START, solution_cells(root, START))
        submit(root, "bo", START)
        rows[name] = grade(START, root, say=lambda line: None, db=db, workers=1)
        assert grade(START, root, say=lambda line: None, db=db, workers=1) == rows[name]
    assert rows["postgres"] == rows["sqlite"]
    assert [row["total"] for row in rows["postgres"]] == [1, 0]
    config = configuration(root)
    config.CourseDirectory.db_url = server
    assert {key[1] for key in book.marks(config, START)} == {"ada", "bo"}
    assert not (root / "gradebook.db").exists()
    assert len(list((root / "marks/backups").glob("*-marks.csv.gz"))) == 2


def test_a_server_that_is_not_there_is_named_without_its_password(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = configuration(course(tmp_path, START))
    config.CourseDirectory.db_url = f"postgresql+psycopg://teacher:swordfish@127.0.0.1:{port}/marks"
    with pytest.raises(GradingError, match="cannot be opened") as error:
        book.marks(config)
    assert "swordfish" not in str(error.value)
