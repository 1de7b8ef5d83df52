"""A class on a real JupyterHub: two students and an instructor, each with an account of this machine, over HTTP.

Who reads what rests on file permissions, so the test makes accounts (`useradd`) and removes them. That takes root.
"""

import json
import os
import pwd
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import nbformat
import psutil
import pytest
import requests
import yaml

from grading.course import GradingError
from grading.server import prepare
from grading.server.formgrader import feedback
from tests.grading.sandboxed import needs_sandbox

ROOT = Path(__file__).resolve().parents[2]
SERVER = ROOT / "grading/server"
START = "lab0_start_here"
NOTEBOOK = f"{START}/0_start_here.ipynb"
PATIENCE = 90  # seconds until something on a busy machine must have started

PROGRAMS = Path(sys.prefix) / "bin"
PROXY = shutil.which("configurable-http-proxy") or shutil.which(
    "configurable-http-proxy", path=str(Path(sys.prefix) / "node/node_modules/.bin")
)
WHY_NOT = ""
if not (PROGRAMS / "jupyterhub").exists():
    WHY_NOT = f"install JupyterHub: {sys.executable} -m pip install -r requirements.lock"
elif PROXY is None:
    WHY_NOT = f"install the proxy: npm install --prefix {Path(sys.prefix) / 'node'} configurable-http-proxy@5"
elif os.getuid() != 0 or not shutil.which("useradd") or not shutil.which("nsenter"):
    WHY_NOT = "it makes accounts for a class, which only root can: run the tests as root, in a container for instance"
needs_hub = pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT or "all is there")


# --- the class ------------------------------------------------------------------------------------------------------


class Person:
    """Someone who logged in: calls the hub and the servers behind it with a token of their own."""

    def __init__(self, name: str, address: str, password: str):
        self.name, self.address = name, address
        session = requests.Session()
        session.get(f"{address}/hub/login", timeout=30).raise_for_status()
        form = {"username": name, "password": password, "_xsrf": session.cookies.get("_xsrf", path="/hub/")}
        answer = session.post(f"{address}/hub/login", data=form, timeout=30, allow_redirects=False)
        assert answer.status_code == 302, f"{name} cannot log in: {answer.status_code} {answer.text[:300]}"
        headers = {"X-XSRFToken": session.cookies.get("_xsrf", path="/hub/"), "Referer": f"{address}/hub/token"}
        answer = session.post(f"{address}/hub/api/users/{name}/tokens", json={}, headers=headers, timeout=30)
        assert answer.status_code == 201, answer.text
        self.headers = {"Authorization": f"token {answer.json()['token']}"}

    def call(self, method: str, path: str, **more) -> requests.Response:
        return requests.request(
            method, self.address + path, headers=self.headers, timeout=180, allow_redirects=False, **more
        )

    def get(self, path: str) -> requests.Response:
        return self.call("GET", path)

    def start_server(self) -> None:
        answer = self.call("POST", f"/hub/api/users/{self.name}/server")
        assert answer.status_code in (201, 202), answer.text

    def wait_for_server(self) -> None:
        wait_until(lambda: self.get(f"/user/{self.name}/api/status").status_code == 200, f"the server of {self.name}")

    def nbgrader(self, action: str, **data) -> dict:
        """A button of the assignment list."""
        answer = self.call("POST", f"/user/{self.name}/assignments/{action}", json=data)
        assert answer.status_code == 200, answer.text
        return answer.json()


def course(folder: Path) -> Path:
    """A course folder with one small lab, as a fresh clone has it."""
    for part in ("course/source", "course/release"):
        shutil.copytree(ROOT / part / START, folder / part / START)
    shutil.copy(ROOT / "nbgrader_config.py", folder)
    return folder


def answer_cell(notebook) -> nbformat.NotebookNode:
    """The cell of the lab's only question."""
    return next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == "q1_share")


def wait_until(ready, what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not ready():
        assert time.monotonic() < end, f"{what} did not start within {PATIENCE} s"
        time.sleep(0.2)


def free_ports(count: int) -> list[int]:
    taken = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in taken]
    for one in taken:
        one.close()
    return ports


# Python or this copy of the course may lie in a folder that is closed to other accounts, such as /root. In a view of
# the file system of its own, which only the processes of the test have, such a folder (`$1`) is replaced by an empty
# open one that holds just what is needed (the others).
OPEN = """
closed=$1; stage=$2; shift 2
for needed in "$@"; do mkdir -p "$stage$needed" && mount --rbind "$needed" "$stage$needed" || exit 1; done
mount -t tmpfs -o mode=755 none "$closed" || exit 1
for needed in "$@"; do mkdir -p "$needed" && mount --rbind "$stage$needed" "$needed" || exit 1; done
"""


def closed_folders() -> dict[Path, list[Path]]:
    """The outermost folders closed to other accounts, on the way to Python and the course: folder → what is in it."""
    found = {}
    for needed in {Path(sys.base_prefix).resolve(), Path(sys.prefix).resolve(), ROOT}:
        way = [folder for folder in reversed(needed.parents) if not folder.stat().st_mode & 0o001]
        if way:
            found.setdefault(way[0], []).append(needed)
    return found


def own_view(stage: Path) -> subprocess.Popen:
    """A process that sleeps in a view of the file system in which every account reaches Python and the course."""
    sleeper = subprocess.Popen(
        ["unshare", "--mount", "--propagation", "private", "sh", "-c", "echo in; exec sleep 600"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    if sleeper.stdout.readline() != b"in\n":
        pytest.skip("run the tests where root may mount folders: this container allows no view of its own (`unshare`)")
    for closed, needed in closed_folders().items():
        done = subprocess.run(
            [*view(sleeper), "sh", "-c", OPEN, "sh", str(closed), str(stage), *map(str, needed)],
            **{"capture_output": True, "text": True},
        )
        if done.returncode != 0:
            sleeper.kill()
            pytest.skip(
                f"put Python and the course where every account can read them; {closed} is closed: {done.stderr}"
            )
    return sleeper


def view(sleeper: subprocess.Popen) -> list[str]:
    """What stands before a command to run it in the view of `own_view`."""
    return ["nsenter", f"--mount=/proc/{sleeper.pid}/ns/mnt", "--"]


def run_as(account: str, *command, cwd="/") -> subprocess.CompletedProcess:
    """Run a command as an account of this machine, with the environment's programs."""
    environment = {"PATH": f"{PROGRAMS}:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": pwd.getpwnam(account).pw_dir}
    inside = ["runuser", "-u", account, "--", "env", "-C", str(cwd), *map(str, command)]
    return subprocess.run(
        [*view(run_as.sleeper), *inside],
        **{"env": environment, "capture_output": True, "text": True, "timeout": 180},
    )


@pytest.fixture(scope="module")
def hub():
    """A class server as the README sets it up, in a folder and with accounts that are thrown away."""
    if WHY_NOT:
        pytest.skip(WHY_NOT)
    from jupyterhub import orm

    number = os.getpid()
    names = SimpleNamespace(ada=f"ada{number}", bo=f"bo{number}", teacher=f"teacher{number}", grader=f"grader{number}")
    folder = Path(tempfile.mkdtemp(prefix="class-"))
    folder.chmod(0o755)
    accounts, process, sleeper = [], None, None
    log = folder / "hub.log"
    try:
        sleeper = run_as.sleeper = own_view(folder / "stage")
        for name in vars(names).values():
            made = ["useradd", "--create-home", "--home-dir", folder / name, "--shell", "/bin/bash", name]
            subprocess.run([*map(str, made)], check=True, capture_output=True)
            accounts.append(name)
            # What adduser does on some systems, and what the server has to close.
            (folder / name).chmod(0o755)
        reached = run_as(names.ada, PROGRAMS / "python", "-c", "import jupyterhub, nbgrader")
        if reached.returncode != 0:
            pytest.skip(f"put the course where every account can read it; here: {reached.stderr.strip()[-300:]}")
        place = folder / names.grader / "course"
        place.mkdir()
        course(place)
        for part in ("grading", "utils", "datasets"):  # a clone has them; `datalab grade` runs in it
            shutil.copytree(ROOT / part, place / part, ignore=shutil.ignore_patterns("__pycache__", ".cache"))
        subprocess.run(["chown", "-R", "-h", f"{names.grader}:", str(folder / names.grader)], check=True)
        base = folder / "server"
        exchange = folder / "exchange"
        with open(place / "nbgrader_config.py", "a", encoding="utf-8") as settings:
            settings.write(f"\nc.Exchange.root = {str(exchange)!r}\n")
        prepare.prepare(base, place, names.grader, exchange=exchange)
        (base / "class/roster.csv").write_text(f"student,name\n{names.ada},Ada\n{names.bo},Bo\n")
        (base / "class/instructors.txt").write_text(f"{names.teacher}\n")

        # A hub with a past: bo was an instructor, and the course account was once let in.
        past = orm.new_session_factory(f"sqlite:///{base / 'hub/jupyterhub.sqlite'}")()
        past.add(orm.Group(name="formgrade-datalab", users=[orm.User(name=names.bo)]))
        past.add(orm.User(name=names.grader))
        past.commit()
        past.close()

        password = secrets.token_hex(16)
        public, inner, proxy, service = free_ports(4)
        config = folder / "test_config.py"
        config.write_text(
            f"load_subconfig({str(SERVER / 'jupyterhub_config.py')!r})\n"
            "c.JupyterHub.authenticator_class = 'dummy'\n"
            f"c.DummyAuthenticator.password = {password!r}\n"
            f"c.JupyterHub.bind_url = 'http://127.0.0.1:{public}'\n"
            f"c.JupyterHub.hub_bind_url = 'http://127.0.0.1:{inner}'\n"
            f"c.ConfigurableHTTPProxy.api_url = 'http://127.0.0.1:{proxy}'\n"
            f"c.ConfigurableHTTPProxy.command = [{PROXY!r}]\n"
            f"c.JupyterHub.services[0]['url'] = 'http://127.0.0.1:{service}'\n"
        )
        config.chmod(0o600)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("JUPYTER")}
        environment |= {"DATALAB_SERVER": str(base), "PATH": f"{PROGRAMS}:{os.environ['PATH']}"}
        with open(log, "wb") as out:
            process = subprocess.Popen(
                [*view(sleeper), str(PROGRAMS / "jupyterhub"), "-f", str(config)],
                **{"env": environment, "stdout": out, "stderr": out, "start_new_session": True},
            )
        address = f"http://127.0.0.1:{public}"

        def answers():
            assert process.poll() is None, f"the hub ended:\n{log.read_text()[-3000:]}"
            try:
                return requests.get(f"{address}/hub/api/", timeout=5).status_code == 200
            except requests.ConnectionError:
                return False

        wait_until(answers, "the hub")
        people = [Person(name, address, password) for name in (names.ada, names.bo, names.teacher)]
        for person in people:
            person.start_server()
        for person in people:
            person.wait_for_server()
        ada, bo, teacher = people
        wait_until(
            lambda: teacher.get("/services/datalab/formgrader/api/status").status_code == 200, "the course's server"
        )
        yield SimpleNamespace(
            **{"ada": ada, "bo": bo, "teacher": teacher, "grader": names.grader, "folder": folder, "base": base},
            **{"course": place, "exchange": exchange / "datalab", "address": address, "log": log},
            password=password,
        )
    finally:
        if process is not None:
            process.send_signal(signal.SIGTERM)  # the hub then ends the servers, the service and the proxy
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                pass
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        uids = {pwd.getpwnam(name).pw_uid for name in accounts}
        for other in psutil.process_iter(["uids"]):
            if other.info["uids"] is not None and other.info["uids"].real in uids:
                other.kill()
        for name in accounts:
            subprocess.run(["userdel", "--force", name], capture_output=True)
        if sleeper is not None:
            sleeper.kill()
            sleeper.wait()
        shutil.rmtree(folder, ignore_errors=True)


# --- a lab, from hand-out to feedback -------------------------------------------------------------------------------


def formgrader(hub, path: str) -> dict:
    """A button of the formgrader, pressed by the instructor."""
    answer = hub.teacher.call("POST", f"/services/datalab/formgrader/api/{path}")
    assert answer.status_code == 200, answer.text[:2000]
    done = answer.json()
    assert done["success"], f"{path}: {done.get('error')}\n{done.get('log')}"
    return done


def grade_class(hub) -> None:
    """Grade everyone with the button *Autograde*, which on this server runs `datalab grade`."""
    for student in (hub.ada, hub.bo):
        formgrader(hub, f"submission/{START}/{student.name}/autograde")


def pages(student: Person) -> dict[str, str]:
    """The feedback pages in a student's home, through the student's own server: path → text."""
    found, waiting = {}, [f"{START}/feedback"]
    while waiting:
        answer = student.get(f"/user/{student.name}/api/contents/{waiting.pop()}")
        if answer.status_code == 404:
            continue
        for item in answer.json()["content"]:
            if item["type"] == "directory":
                waiting.append(item["path"])
            else:
                content = student.get(f"/user/{student.name}/api/contents/{item['path']}?format=text&type=file")
                found[item["path"]] = content.json()["content"]
    return found


@pytest.fixture(scope="module")
def day(hub):
    """What happened on the lab day: validated, listed, pages of feedback by student."""
    formgrader(hub, f"assignment/{START}/release")
    seen = SimpleNamespace(validated={}, pages={}, before={})
    right = answer_cell(nbformat.read(hub.course / "course/source" / NOTEBOOK, as_version=4)).source
    for student, answer in ((hub.ada, right), (hub.bo, "def share(table, column, value):\n    return 2")):
        listed = student.nbgrader("fetch", assignment_id=START, course_id="datalab")["value"]
        assert [(one["assignment_id"], one["status"]) for one in listed] == [(START, "fetched")]
        where = f"/user/{student.name}/api/contents/{NOTEBOOK}"
        notebook = nbformat.from_dict(student.get(where).json()["content"])
        answer_cell(notebook).source = answer
        note = nbformat.v4.new_markdown_cell(f"The private words of {student.name}.")
        notebook.cells.append(note)
        saved = student.call("PUT", where, json={"type": "notebook", "format": "json", "content": notebook})
        assert saved.status_code == 200, saved.text
        seen.validated[student.name] = student.nbgrader("validate", path=NOTEBOOK)
        submitted = student.nbgrader("submit", course_id="datalab", assignment_id=START)
        assert submitted["success"], submitted
    formgrader(hub, f"assignment/{START}/collect")
    grade_class(hub)
    formgrader(hub, f"assignment/{START}/generate_feedback")
    for student in (hub.ada, hub.bo):
        student.nbgrader("fetch_feedback", course_id="datalab", assignment_id=START)
        seen.before[student.name] = pages(student)
    formgrader(hub, f"assignment/{START}/release_feedback")
    for student in (hub.ada, hub.bo):
        student.nbgrader("fetch_feedback", course_id="datalab", assignment_id=START)
        seen.pages[student.name] = pages(student)
    return seen


@needs_hub
@needs_sandbox
def test_a_lab_from_hand_out_to_feedback(hub, day):
    ada, bo = day.validated[hub.ada.name], day.validated[hub.bo.name]
    assert ada == {"success": True, "value": {}}
    assert "2 is a count" in json.dumps(bo["value"]["failed"])
    answer = hub.teacher.get(f"/services/datalab/formgrader/api/submissions/{START}").json()
    assert {one["student"]: one["score"] for one in answer} == {hub.ada.name: 1, hub.bo.name: 0}


@needs_hub
def test_the_buttons_that_would_run_strangers_code_or_show_hidden_tests_are_the_course_s_own(hub):
    buttons = [f"submission/lab99/{hub.ada.name}/autograde"]
    buttons += [f"assignment/lab99/{what}" for what in ("collect", "generate_feedback")]
    for path in buttons:
        answer = hub.teacher.call("POST", f"/services/datalab/formgrader/api/{path}").json()
        assert not answer["success"]
        assert "There is no lab named 'lab99'" in answer["error"], path


@needs_hub
@needs_sandbox
def test_each_reads_their_own_feedback_and_only_when_it_is_released(hub, day):
    for me, other in ((hub.ada, hub.bo), (hub.bo, hub.ada)):
        assert day.before[me.name] == {}
        (page,) = day.pages[me.name].values()
        assert f"private words of {me.name}" in page
        assert f"private words of {other.name}" not in page
        assert "rng.choice" not in page  # a line of the hidden test
        path = next(iter(day.pages[me.name]))
        assert me.get(f"/user/{me.name}/files/{path}").status_code == 200
        for address in (f"files/{path}", f"api/contents/{path}", "assignments?course_id=datalab", "lab"):
            assert other.get(f"/user/{me.name}/{address}").status_code in (302, 403, 404)
            assert "private words" not in other.get(f"/user/{me.name}/{address}").text


@needs_hub
@needs_sandbox
def test_what_a_student_cannot_read(hub, day):
    """Each of these is readable for the one it belongs to, so that the test does not pass for a misspelt name."""
    (inbound,) = [path for path in (hub.exchange / "inbound").iterdir() if path.name.startswith(hub.bo.name)]
    (released, *_) = (hub.exchange / "feedback").iterdir()
    of_grader = [
        hub.course / "gradebook.db",
        hub.course / "course/source" / NOTEBOOK,
        hub.course / "submitted" / hub.bo.name / NOTEBOOK,
        hub.course / "feedback" / hub.bo.name / START / "0_start_here.html",
    ]
    home = pwd.getpwnam(hub.bo.name).pw_dir
    closed = [(hub.grader, "head", "-c9", path) for path in of_grader]
    closed += [(hub.grader, "ls", inbound.parent), (hub.grader, "ls", released.parent)]
    closed += [(hub.bo.name, "head", "-c9", f"{home}/{NOTEBOOK}"), (hub.bo.name, "ls", home)]
    closed += [("root", "head", "-c9", hub.base / name) for name in ("class/roster.csv", "hub/jupyterhub.sqlite")]
    for owner, *command in closed:
        done = run_as(owner, *command)
        assert done.returncode == 0, (owner, command, done.stderr)
        refused = run_as(hub.ada.name, *command)
        assert refused.returncode != 0, command
        assert "Permission denied" in refused.stderr, (command, refused.stderr)


@needs_hub
@needs_sandbox
def test_a_student_cannot_change_what_others_handed_in_nor_stand_in_for_the_course(hub, day):
    (inbound,) = [path for path in (hub.exchange / "inbound").iterdir() if path.name.startswith(hub.bo.name)]
    for command in (
        ("mv", hub.exchange, hub.exchange.parent / "mine"),
        ("mv", inbound, f"{inbound}x"),  # even with its secret name
        ("touch", hub.exchange / "outbound/lab9"),
        ("touch", hub.exchange / "feedback/lab9"),
    ):
        refused = run_as(hub.ada.name, *command)
        assert refused.returncode != 0, command
    mine = run_as(hub.ada.name, "mkdir", hub.exchange / "inbound" / f"{hub.ada.name}+{START}+mine")
    assert mine.returncode == 0  # the same folder does take what is handed in


@needs_hub
def test_menus_and_servers_by_role(hub):
    def extensions(person, place):
        page = person.get(f"{place}/lab").text
        config = json.loads(page.split('id="jupyter-config-data" type="application/json">')[1].split("</script>")[0])
        return {name.split(":")[1] for name in config["disabledExtensions"] if name.startswith("@jupyter/nbgrader:")}

    for person, hidden in (
        (hub.ada, {"formgrader", "course-list", "create-assignment"}),
        (hub.bo, {"formgrader", "course-list", "create-assignment"}),
        (hub.teacher, {"formgrader", "create-assignment"}),
    ):
        mine = f"/user/{person.name}"
        assert extensions(person, mine) == hidden
        for address in ("/formgrader", "/formgrader/api/students", "/formgrader/api/grades"):
            assert person.get(mine + address).status_code == 404
        assert person.get(f"{mine}/assignments?course_id=datalab").status_code == 200
    assert extensions(hub.teacher, "/services/datalab") == {"assignment-list", "course-list"}
    assert hub.ada.get(f"/user/{hub.ada.name}/formgraders").status_code == 404
    (course_,) = hub.teacher.get(f"/user/{hub.teacher.name}/formgraders").json()["value"]
    assert course_["course_id"] == "datalab"
    assert hub.teacher.get("/services/datalab/formgrader/manage_assignments").status_code == 200


@needs_hub
@pytest.mark.parametrize(
    "path",
    [
        "lab",
        "formgrader",
        "formgrader/manage_assignments",
        "formgrader/api/students",
        "api/contents",
        "files/nbgrader_config.py",
    ],
)
def test_a_student_does_not_get_into_the_course_server(hub, path):
    answer = hub.teacher.get(f"/services/datalab/{path}")
    assert answer.status_code in (200, 302) and "/hub/" not in answer.headers.get("Location", "")
    for student in (hub.ada, hub.bo):  # bo was an instructor once
        assert student.get(f"/services/datalab/{path}").status_code == 403


@needs_hub
def test_a_student_sees_nobody_else_on_the_hub(hub):
    for path in ("users", f"users/{hub.bo.name}", "groups", "proxy", f"users/{hub.bo.name}/tokens"):
        assert hub.ada.get(f"/hub/api/{path}").status_code in (403, 404)
    assert hub.ada.call("POST", f"/hub/api/users/{hub.bo.name}/server").status_code in (403, 404)
    me = hub.ada.get("/hub/api/user").json()
    assert me["groups"] == ["nbgrader-datalab"] and not me["admin"]


@needs_hub
def test_who_is_not_in_the_class_cannot_log_in(hub):
    for name, password in ((hub.grader, hub.password), ("root", hub.password), (hub.ada.name, "wrong")):
        with pytest.raises(AssertionError, match="cannot log in"):
            Person(name, hub.address, password)


# --- the parts that need no hub -------------------------------------------------------------------------------------


def test_prepare_says_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    with pytest.raises(GradingError, match="sudo"):
        prepare.prepare(tmp_path / "server", tmp_path, "grader")
    monkeypatch.setattr(os, "getuid", lambda: 0)
    monkeypatch.setattr(prepare, "_exists", lambda account: True)
    with pytest.raises(GradingError, match="holds no course"):
        prepare.prepare(tmp_path / "server", tmp_path, pwd.getpwuid(os.geteuid()).pw_name)
    assert not (tmp_path / "server").exists()


def test_the_exchange_is_where_the_course_s_settings_say(tmp_path):
    root = course(tmp_path)
    assert prepare.exchange_of(root) == Path("/usr/local/share/nbgrader/exchange")
    with open(root / "nbgrader_config.py", "a", encoding="utf-8") as settings:
        settings.write("\nc.Exchange.root = '/elsewhere'\n")
    assert prepare.exchange_of(root) == Path("/elsewhere")


def test_a_course_folder_that_a_stranger_put_into_the_exchange_is_refused(tmp_path):
    mine = os.geteuid(), os.getegid()
    prepare.make_exchange(tmp_path / "exchange", "datalab", *mine)
    modes = {p: stat.S_IMODE((tmp_path / "exchange/datalab" / p).stat().st_mode) for p in prepare.COURSE_MODES}
    assert modes == prepare.COURSE_MODES
    (tmp_path / "exchange/datalab/inbound").rmdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "exchange/datalab/inbound").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(GradingError, match="made by somebody else"):
        prepare.make_exchange(tmp_path / "exchange", "datalab", *mine)


def test_the_secret_of_a_feedback_page_is_a_plain_short_line(tmp_path):
    from grading.feedback import secret_of

    good = secrets.token_hex(64)
    (tmp_path / "good").write_text(good)
    (tmp_path / "link").symlink_to(tmp_path / "good")
    (tmp_path / "path").write_text("../" * 30)
    (tmp_path / "long").write_text("a" * 5000)
    (tmp_path / "short").write_text("a")
    os.mkfifo(tmp_path / "pipe")
    assert secret_of(tmp_path / "good") == good
    others = {secret_of(tmp_path / name) for name in ("link", "path", "long", "short", "pipe", "missing")}
    assert len(others) == 6 and all(len(one) == 128 and one != good for one in others)


def test_feedback_before_grading_says_so(tmp_path):
    root = course(tmp_path)
    with pytest.raises(GradingError, match="Nothing of lab0_start_here was graded"):
        feedback(START, root=root)
    with pytest.raises(GradingError, match="There is no lab"):
        feedback("lab99", root=root)


# --- Kubernetes: what can be checked without a cluster --------------------------------------------------------------

PASSWD = """root:x:0:0:root:/root:/bin/bash
ada:x:2001:2001:student:/home/jovyan:/bin/bash
teacher:x:2002:2002:instructor:/home/jovyan:/bin/bash
grader-datalab:x:2000:2000:course:/home/jovyan:/bin/bash
"""


@pytest.fixture
def cluster(tmp_path):
    """The hub's settings of `values.yaml`, as the hub would run them: the values, and what the code set."""
    values = yaml.safe_load((SERVER / "values.yaml").read_text(encoding="utf-8"))
    (tmp_path / "passwd").write_text(PASSWD)
    given = values["hub"]["extraFiles"]["class"]["mountPath"]
    from traitlets.config import Config

    found = {"c": Config()}
    for name in sorted(values["hub"]["extraConfig"]):
        code = values["hub"]["extraConfig"][name]
        assert given in code
        exec(code.replace(given, str(tmp_path / "passwd")), found)
    return SimpleNamespace(values=values, config=found["c"])


def test_values_have_only_keys_that_the_chart_knows(cluster):
    """The chart refuses unknown keys (`additionalProperties: false`); these were read in its schema, chart 4."""
    known = {
        "hub": {"config", "extraConfig", "extraFiles"},
        "singleuser": {
            *("image", "uid", "fsGid", "defaultUrl", "extraEnv", "extraFiles", "storage", "memory", "cpu"),
            *("allowPrivilegeEscalation", "networkPolicy"),
        },
        "proxy": {"https"},
    }
    for part, content in cluster.values.items():
        assert set(content) <= known[part], part
    storage = cluster.values["singleuser"]["storage"]
    assert set(storage) <= {"type", "capacity", "homeMountPath", "extraVolumes", "extraVolumeMounts", "dynamic"}
    assert {v["name"] for v in storage["extraVolumes"]} == {m["name"] for m in storage["extraVolumeMounts"]}
    assert cluster.values["singleuser"]["fsGid"] is None  # or Kubernetes may change the groups of the whole exchange


def test_in_a_cluster_everyone_is_another_user_with_the_settings_of_their_role(cluster):
    hook = cluster.config.KubeSpawner.pre_spawn_hook
    seen = {}
    for name in ("ada", "teacher", "grader-datalab"):
        spawner = SimpleNamespace(user=SimpleNamespace(name=name), environment={}, init_containers=[], volume_mounts=[])
        spawner.image = "course"
        spawner.volume_mounts = [{"name": "home"}]
        hook(spawner)
        role = Path(spawner.environment["JUPYTER_CONFIG_PATH"]).name
        seen[name] = (spawner.uid, spawner.gid, role)
        (container,) = spawner.init_containers
        made = container["command"][2]
        assert f"chown {spawner.uid}:{spawner.gid} /home/jovyan" in made
        for folder, mode in prepare.COURSE_MODES.items():
            path = f"/usr/local/share/nbgrader/exchange/datalab/{folder}".removesuffix("/.")
            assert (f"chmod {mode:04o} {path}" in made.split(" && ")) == (role == "course")
    assert seen == {
        "ada": (2001, 2001, "student"),
        "teacher": (2002, 2002, "instructor"),
        "grader-datalab": (2000, 2000, "course"),
    }
    stranger = SimpleNamespace(user=SimpleNamespace(name="root"), environment={}, init_containers=[])
    with pytest.raises(Exception, match="not in the class"):
        hook(stranger)
    assert cluster.config.Authenticator.allowed_users == {"ada", "teacher"}
    (role,) = cluster.config.JupyterHub.load_roles.get_value([])
    assert role["users"] == ["teacher"] and role["groups"] == []
    assert set(role["scopes"]) == {"access:servers!user=grader-datalab", "servers!user=grader-datalab"}
    groups = cluster.config.JupyterHub.load_groups
    assert groups["formgrade-datalab"]["users"] == ["teacher"]
    assert groups["nbgrader-datalab"]["users"] == ["ada", "teacher"]
