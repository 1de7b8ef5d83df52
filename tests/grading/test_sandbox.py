"""What a student's code finds in the sandbox, started warm and cold, and which limits hold."""

import json
import os
import re
import socket
import subprocess
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest

from grading import sandbox
from grading.course import GradingError
from grading.run import run_notebook
from grading.warm import close_stages
from tests.grading.sandboxed import needs_sandbox

pytestmark = needs_sandbox
FEW = {"cell_seconds": 10, "memory": 2**30, "folder_bytes": 32 * 2**20, "file_bytes": 16 * 2**20, "processes": 40}
ROOT = Path(__file__).resolve().parents[2]


def notebook(*cells: str) -> str:
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    return nbformat.writes(made)


@pytest.fixture(scope="module", params=[False, True], ids=["warm", "cold"])
def inside(request):
    """Run cells in the sandbox; what each printed, and the result as a whole."""

    def run(*cells, **more):
        made = notebook(*cells)
        done = run_notebook(made, notebook(), None, limits=FEW | more.pop("limits", {}), cold=request.param, **more)
        texts = []
        for place in range(len(cells)):
            outputs = done["outputs"].get(place, [])
            texts.append("".join(o.get("text") or o.get("evalue") or "" for o in outputs))
        return texts, done

    run.cold = request.param
    yield run
    close_stages()


# Each start of a cold Python takes more than a second, so cells that do not disturb each other share one: those that
# look around, those that reach for too much, and those after which Python is gone. Name → code, in this order.
LOOKS, TOO_MUCH, LOSSES = {}, {}, {}
MARK = f"datalab-left-{os.getpid()}"


def several(inside, cells, **more):
    texts, done = inside(*cells.values(), **more)
    outputs = {name: done["outputs"].get(place, []) for place, name in enumerate(cells)}
    return SimpleNamespace(text=dict(zip(cells, texts, strict=True)), outputs=outputs, done=done)


@pytest.fixture(scope="module")
def looked(inside):
    """What the cells of LOOKS showed. They know the port of a server on this machine, and an abstract socket."""
    with pytest.MonkeyPatch.context() as patch, socket.create_server(("127.0.0.1", 0)) as server:
        patch.setenv("DATALAB_SECRET", "swordfish")
        with socket.socket(socket.AF_UNIX) as abstract:
            abstract.bind(f"\0datalab-{os.getpid()}")
            abstract.listen()
            known = f"PORT, ABSTRACT, MARK = {server.getsockname()[1]}, '\\0datalab-{os.getpid()}', {MARK!r}"
            return several(inside, {"known": known} | LOOKS, files={"data.csv": b"a,b\n1,2\n"})


@pytest.fixture(scope="module")
def overdone(inside, looked):
    """What the cells of TOO_MUCH showed: another submission's Python, after that of `looked`."""
    return several(inside, TOO_MUCH)


@pytest.fixture(scope="module")
def lost(inside):
    """What the cells of LOSSES showed."""
    return several(inside, LOSSES)


LOOKS["environments"] = (
    "import glob\nfor f in glob.glob('/proc/[0-9]*/environ'):\n    try: print(open(f, errors='replace').read())\n"
    "    except PermissionError: pass  # where root grades, bubblewrap's own process is another user's"
)
LOOKS["environment"] = "import os; print(sorted(os.environ)); print(os.getcwd())"


def test_the_environment_holds_nothing_of_the_outside(looked):
    shown, own = looked.text["environments"], looked.text["environment"]
    assert "swordfish" not in shown and "DATALAB_SECRET" not in own
    assert "PYTHONSAFEPATH" in shown  # or nothing was looked at
    assert set(eval(own.splitlines()[0])) == set(sandbox.environment())
    assert own.splitlines()[1] == sandbox.HOME
    assert "bubblewrap" in looked.done["sandbox"]


LOOKED_FOR = [
    *(ROOT / name for name in ("course", "solutions", "tests", "submitted", "gradebook.db", "nbgrader_config.py")),
    *(ROOT / "grading" / name for name in ("trusted.py", "stand_ins.py", "stage.py", "run.py")),
    Path("/home/neighbour"),
    Path.home() / ".ssh",
    Path("/var"),
    Path("/tmp/pytest-of-root"),
]
LOOKS["neighbours"] = f"print([p for p in {[str(p) for p in LOOKED_FOR]!r} if os.path.exists(p)])"


def test_course_gradebook_and_neighbours_are_not_there(looked):
    assert looked.text["neighbours"].strip() == "[]"


LOOKS["writing"] = f"""
import numpy
for path in ['/usr/x', '/etc/x', '/x', '/dev/x', {str(ROOT / "utils/x")!r}, numpy.__file__, {str(ROOT / "datasets/x")!r}]:
    try:
        open(path, 'a').close(); print('WRITABLE', path)
    except OSError:
        pass
for path in ['x', '/tmp/x', '/dev/shm/x']:
    open(path, 'w').write('y')
print('done')
"""


def test_system_and_libraries_are_read_only_and_home_is_writable(looked):
    assert looked.text["writing"] == "done\n"


LOOKS["network"] = """
import socket
for family, where in [(socket.AF_INET, ('127.0.0.1', PORT)), (socket.AF_INET, ('1.1.1.1', 53)), (socket.AF_UNIX, ABSTRACT)]:
    try:
        s = socket.socket(family); s.settimeout(2); s.connect(where); print('CONNECTED', where)
    except OSError as e:
        pass
print(open('/proc/net/dev').read().count(':'))
"""


def test_there_is_no_network_and_no_abstract_socket_of_the_outside(looked):
    assert looked.text["known"] == ""  # no error: PORT and ABSTRACT were known
    assert looked.text["network"] == "1\n"  # the loopback of its own


LOOKS["rights"] = """
import ctypes
status = dict(line.split(':', 1) for line in open('/proc/self/status').read().splitlines())
print({k: status[k].strip() for k in ('CapEff', 'CapPrm', 'CapBnd', 'CapAmb', 'NoNewPrivs')})
libc = ctypes.CDLL(None, use_errno=True)
print([libc.unshare(flag) for flag in (0x10000000, 0x20000000, 0x20000, 0x40000000)])
print(libc.mount(b'none', b'/tmp', b'tmpfs', 0, None), libc.chroot(b'/tmp'), libc.sethostname(b'x', 1))
try:
    os.setuid(12345); print('SETUID')
except OSError:
    print('no')
print(len([p for p in os.listdir('/proc') if p.isdigit()]))
"""


def test_rights_are_gone_and_cannot_be_won_back(looked):
    lines = looked.text["rights"].splitlines()
    state = eval(lines[0])
    assert state.pop("NoNewPrivs") == "1" and all(int(value, 16) == 0 for value in state.values()), state
    assert lines[1:4] == ["[-1, -1, -1, -1]", "-1 -1 -1", "no"]
    assert int(lines[4]) <= 4


LOOKS["open files"] = """
del s
places = [f'/proc/self/fd/{fd}' for fd in os.listdir('/proc/self/fd') if int(fd) > 2]
print([os.readlink(place) for place in places if os.path.lexists(place)])
"""


def test_no_file_is_open_but_the_channel(looked):
    files = eval(looked.text["open files"])
    open_files = [name for name in files if "/proc/" not in name and not name.startswith("/dev/")]
    assert len(open_files) == 1 and open_files[0].startswith("socket:"), open_files


LOOKS |= {
    "warning": "import warnings; warnings.warn('careful'); print('a'); print('b')",
    "plot": "%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot([1, 2]); plt.show()",
    "table": "import pandas as pd\npd.DataFrame({'a': [1]})",
    "shell": "!echo from the shell",
    "progress": "from tqdm.auto import tqdm\nfor i in tqdm(range(3)):\n    pass",
    "slow": "import time; time.sleep(1.5); print('slow')",
    "file": "open('data.csv').read()",
    "error": "1 / 0",
    "unicode": "größe = 1; größe",
}


def test_ordinary_work_is_unharmed(looked):
    kinds = {name: [output["output_type"] for output in outputs] for name, outputs in looked.outputs.items()}
    assert "a\nb\n" in looked.text["warning"] and "careful" in looked.text["warning"]
    assert "image/png" in looked.outputs["plot"][-1]["data"]
    assert "<table" in looked.outputs["table"][0]["data"]["text/html"]
    assert looked.text["shell"].strip() == "from the shell" and looked.text["slow"] == "slow\n"
    assert (
        kinds["file"] == ["execute_result"] and kinds["error"] == ["error"] and kinds["unicode"] == ["execute_result"]
    )
    assert looked.done["reasons"] == []


LOOKS["mine"] = "open('/tmp/mine', 'w').close(); open('mine', 'w').close(); numpy.mine = 1; print('left')"
TOO_MUCH["yours"] = (
    "import os, numpy\nprint(os.path.exists('/tmp/mine'), os.path.exists('mine'), hasattr(numpy, 'mine'))"
)


def test_one_submission_leaves_nothing_for_the_next(looked, overdone):
    assert looked.text["mine"] == "left\n"
    assert overdone.text["yours"] == "False False False\n"


LOOKS["left behind"] = """
import subprocess, sys
subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(300)', MARK], start_new_session=True)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execv(sys.executable, [sys.executable, '-c', 'import time; time.sleep(300)', MARK])
    os._exit(0)
time.sleep(0.3)
running = [open(f'/proc/{p}/cmdline').read() for p in os.listdir('/proc') if p.isdigit()]
print(sum(MARK in line for line in running))
"""


def test_what_is_left_behind_ends_with_the_notebook(looked):
    assert looked.text["left behind"] == "2\n"
    running = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout
    assert MARK not in running


# A little more than FEW allows: far more would be refused by a machine that has not as much, limit or not.
REACHES = {
    "array": ("import numpy as np\nx = np.ones(3 * 2**29 // 8)", "Unable to allocate"),
    "bytes": ("x = bytearray(3 * 2**29)", "MemoryError"),
    "file": ("open('x', 'wb').write(b'0' * 20 * 2**20)", "File too large"),
    "/tmp": ("for i in range(99):\n    open(f'/tmp/{i}', 'wb').write(b'0' * 2**20)", "No space left"),
    "/dev/shm": ("for i in range(999):\n    open(f'/dev/shm/{i}', 'wb').write(b'0' * 2**20)", "No space left"),
}
for what, (code, _) in REACHES.items():
    TOO_MUCH |= {what: code, f"after {what}": "print('here')"}


@pytest.mark.parametrize("what", REACHES)
def test_memory_and_disk_have_an_end_and_the_notebook_goes_on(overdone, what):
    assert overdone.text[f"after {what}"] == "here\n"
    last = overdone.outputs[what][-1]
    assert last["output_type"] == "error" and re.search(REACHES[what][1], f"{last['ename']}: {last['evalue']}"), last


PRINTS = {
    "line": "print('x' * 60_000_000)",
    "lines": "for i in range(200_000):\n    print(i)",
    "program": "import os; os.system('yes | head -c 20000000')",
    "page": "from IPython.display import HTML, display\ndisplay(HTML('y' * 50_000_000))",
    "pages": "for i in range(5000):\n    display(HTML(str(i)))",
}
TOO_MUCH |= PRINTS


def test_output_is_cut_off_with_a_note(overdone):
    assert all("cut off here" in overdone.text[name] for name in ("line", "lines", "program"))
    assert "left out" in str(overdone.outputs["page"])
    *pages, note = overdone.outputs["pages"]
    assert len(pages) == 200 and "left out here" in note["text"]
    assert len(json.dumps([overdone.outputs[name] for name in PRINTS])) < 2_000_000


LOSSES["garbage"] = """
import os
for fd in range(3, 60):
    try:
        os.write(fd, b'\\0' * 64 + b'{"ok": true}')
    except OSError:
        pass
"""
LOSSES["exit"] = "import os; os._exit(3)"
LOSSES["crash"] = "import ctypes; ctypes.string_at(0)"
LOSSES["after"] = "print('here')"
LOSSES["bomb"] = """
import os, time
for i in range(300):
    try:
        if os.fork() == 0:
            os.setsid(); time.sleep(60); os._exit(0)
    except OSError:
        print('refused at', i); break
"""


def test_garbage_on_the_channel_hurts_only_the_sender(lost):
    assert any("'number 1'" in reason for reason in lost.done["reasons"]), lost.done["reasons"]


def test_a_crash_is_named_and_the_rest_is_run_without_it(lost):
    assert lost.text["after"] == "here\n"
    for number in (2, 3):
        assert f"The cell 'number {number}' ended Python." in lost.done["reasons"]


def test_a_fork_bomb_ends_with_its_sandbox(lost):
    refused = "refused at" in lost.text["bomb"]
    assert refused or any("processes at once" in reason for reason in lost.done["reasons"])


def test_endless_loops_end(inside, monkeypatch):
    """The cold Python's first cell waits until it has started, so the limit is longer; its loops do not work meanwhile."""
    monkeypatch.setattr("grading.session.GRACE", 2)
    seconds, body = (4, "time.sleep(0.1)") if inside.cold else (1, "pass")
    polite = f"import time\nwhile True:\n    {body}"
    rude = f"import time\nwhile True:\n    try:\n        while True:\n            {body}\n    except KeyboardInterrupt:\n        pass"
    # The rude one first: after it the others are run once more.
    texts, done = inside("print(1)", rude, polite, "print(2)", limits={"cell_seconds": seconds})
    assert texts[0] == "1\n" and texts[3] == "2\n"
    assert done["reasons"] == [
        f"The cell 'number 2' took longer than {seconds} s and could not be interrupted.",
        f"The cell 'number 3' took longer than {seconds} s and was stopped.",
    ]


def test_missing_or_refused_bubblewrap_stops_with_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GradingError, match="apt-get install bubblewrap"):
        sandbox.check()
    (tmp_path / "bwrap").write_text("#!/bin/sh\necho 'No permissions to create new namespace' >&2\nexit 1\n")
    (tmp_path / "bwrap").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(GradingError, match="No permissions to create.*--unsafe-no-sandbox"):
        sandbox.check()


def test_without_a_sandbox_every_result_says_so():
    done = run_notebook(notebook("print(1)"), notebook(), None, unsafe=True)
    close_stages()
    assert "NO SANDBOX" in done["sandbox"] and done["outputs"][0][0]["text"] == "1\n"
