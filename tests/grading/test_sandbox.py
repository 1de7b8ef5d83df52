"""What a student's code finds in the sandbox, started warm and cold, and which limits hold."""

import json
import os
import socket
import subprocess
from pathlib import Path

import nbformat
import pytest

from grading import sandbox
from grading.course import GradingError
from grading.run import close_stages, run_notebook
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

    yield run
    close_stages()


def test_the_environment_holds_nothing_of_the_outside(inside, monkeypatch):
    monkeypatch.setenv("DATALAB_SECRET", "swordfish")
    code = "import glob\nfor f in glob.glob('/proc/[0-9]*/environ'):\n    print(open(f, errors='replace').read())"
    (shown, own), done = inside(code, "import os; print(sorted(os.environ)); print(os.getcwd())")
    assert "swordfish" not in shown and "DATALAB_SECRET" not in own
    assert set(eval(own.splitlines()[0])) == set(sandbox.environment())
    assert own.splitlines()[1] == sandbox.HOME
    assert "bubblewrap" in done["sandbox"]


def test_course_gradebook_and_neighbours_are_not_there(inside):
    looked_for = [
        ROOT / name for name in ("course", "solutions", "tests", "submitted", "gradebook.db", "nbgrader_config.py")
    ]
    looked_for += [
        ROOT / "grading/trusted.py",
        Path("/home/neighbour"),
        Path.home() / ".ssh",
        Path("/var"),
        Path("/tmp/pytest-of-root"),
    ]
    (shown,), _ = inside(f"import os\nprint([p for p in {[str(p) for p in looked_for]!r} if os.path.exists(p)])")
    assert shown.strip() == "[]"


def test_system_and_libraries_are_read_only_and_home_is_writable(inside):
    code = f"""
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
    assert inside(code)[0] == ["done\n"]


def test_there_is_no_network_and_no_abstract_socket_of_the_outside(inside):
    server = socket.create_server(("127.0.0.1", 0))
    abstract = socket.socket(socket.AF_UNIX)
    abstract.bind(f"\0datalab-{os.getpid()}")
    abstract.listen()
    code = f"""
import socket
for family, where in [(socket.AF_INET, ('127.0.0.1', {server.getsockname()[1]})), (socket.AF_INET, ('1.1.1.1', 53)), (socket.AF_UNIX, '\\0datalab-{os.getpid()}')]:
    try:
        s = socket.socket(family); s.settimeout(2); s.connect(where); print('CONNECTED', where)
    except OSError as e:
        pass
print(open('/proc/net/dev').read().count(':'))
"""
    (shown,), _ = inside(code)
    assert shown == "1\n"  # the loopback of its own
    server.close()
    abstract.close()


def test_rights_are_gone_and_cannot_be_won_back(inside):
    code = """
import ctypes, os
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
    (shown,), _ = inside(code)
    lines = shown.splitlines()
    state = eval(lines[0])
    assert state.pop("NoNewPrivs") == "1" and all(int(value, 16) == 0 for value in state.values()), state
    assert lines[1:4] == ["[-1, -1, -1, -1]", "-1 -1 -1", "no"]
    assert int(lines[4]) <= 4


def test_no_file_is_open_but_the_channel(inside):
    code = "import os\nprint([os.readlink(f'/proc/self/fd/{fd}') for fd in os.listdir('/proc/self/fd') if int(fd) > 2 and os.path.exists(f'/proc/self/fd/{fd}') or int(fd) > 2 and os.path.lexists(f'/proc/self/fd/{fd}')])"
    (shown,), _ = inside(code)
    open_files = [name for name in eval(shown) if "/proc/" not in name and not name.startswith("/dev/")]
    assert len(open_files) == 1 and open_files[0].startswith("socket:"), open_files


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("import numpy as np\nx = np.ones(50 * 2**30 // 8)", "MemoryError|Unable to allocate"),
        ("x = bytearray(50 * 2**30)", "|MemoryError"),
        ("open('x', 'wb').write(b'0' * 20 * 2**20)", "File too large|25|no more|"),
        ("for i in range(99):\n    open(f'/tmp/{i}', 'wb').write(b'0' * 2**20)", "No space left"),
        ("for i in range(999):\n    open(f'/dev/shm/{i}', 'wb').write(b'0' * 2**20)", "No space left"),
    ],
)
def test_memory_and_disk_have_an_end_and_the_notebook_goes_on(inside, code, error):
    (_, after), done = inside(code, "print('here')")
    assert after == "here\n"
    first = done["outputs"][0][-1]
    assert first["output_type"] == "error", first


def test_a_fork_bomb_ends_with_its_sandbox(inside):
    bomb = """
import os, time
for i in range(300):
    try:
        if os.fork() == 0:
            os.setsid(); time.sleep(60); os._exit(0)
    except OSError:
        print('refused at', i); break
"""
    (shown, *_), done = inside(bomb, "print('here')")
    assert "refused at" in shown or any("processes at once" in reason for reason in done["reasons"])


def test_what_is_left_behind_ends_with_the_notebook(inside, tmp_path):
    mark = f"datalab-left-{os.getpid()}"
    code = f"""
import subprocess, sys
subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(300)', {mark!r}], start_new_session=True)
import os
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execv(sys.executable, [sys.executable, '-c', 'import time; time.sleep(300)', {mark!r}])
    os._exit(0)
"""
    inside(code)
    running = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout
    assert mark not in running


def test_endless_loops_end(inside):
    polite = "while True:\n    pass"
    rude = "while True:\n    try:\n        while True:\n            pass\n    except KeyboardInterrupt:\n        pass"
    texts, done = inside("print(1)", polite, rude, "print(2)", limits={"cell_seconds": 2})
    assert texts[0] == "1\n" and texts[3] == "2\n"
    assert any("took longer than 2 s and was stopped" in reason for reason in done["reasons"])
    assert any("could not be interrupted" in reason for reason in done["reasons"])


def test_a_crash_is_named_and_the_rest_is_run_without_it(inside):
    texts, done = inside("import os; os._exit(3)", "import ctypes; ctypes.string_at(0)", "print('here')")
    assert texts[2] == "here\n"
    assert sum("ended Python" in reason for reason in done["reasons"]) == 2


def test_output_is_cut_off_with_a_note(inside):
    texts, done = inside(
        "print('x' * 60_000_000)",
        "for i in range(200_000):\n    print(i)",
        "import os; os.system('yes | head -c 20000000')",
        "from IPython.display import HTML, display\ndisplay(HTML('y' * 50_000_000))",
        "for i in range(5000):\n    display(HTML(str(i)))",
    )
    assert all("cut off here" in text for text in texts[:3])
    assert "left out" in str(done["outputs"][3])
    assert len(json.dumps(done["outputs"])) < 2_000_000


def test_garbage_on_the_channel_hurts_only_the_sender(inside):
    code = "import os\nfor fd in range(3, 60):\n    try:\n        os.write(fd, b'\\0' * 64 + b'{\"ok\": true}')\n    except OSError:\n        pass"
    _, done = inside(code, "print('here')")
    assert done["reasons"]


def test_ordinary_work_is_unharmed(inside):
    texts, done = inside(
        "import warnings; warnings.warn('careful'); print('a'); print('b')",
        "%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot([1, 2]); plt.show()",
        "import pandas as pd\npd.DataFrame({'a': [1]})",
        "!echo from the shell",
        "from tqdm.auto import tqdm\nfor i in tqdm(range(3)):\n    pass",
        "import time; time.sleep(3); print('slow')",
        "open('data.csv').read()",
        "1 / 0",
        "größe = 1; größe",
        files={"data.csv": b"a,b\n1,2\n"},
    )
    kinds = [[output["output_type"] for output in done["outputs"][place]] for place in range(9)]
    assert "a\nb\n" in texts[0] and "careful" in texts[0]
    assert "image/png" in done["outputs"][1][-1]["data"]
    assert "<table" in done["outputs"][2][0]["data"]["text/html"]
    assert texts[3].strip() == "from the shell" and texts[5] == "slow\n"
    assert kinds[6] == ["execute_result"] and kinds[7] == ["error"] and kinds[8] == ["execute_result"]
    assert done["reasons"] == []


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


@pytest.mark.skipif(os.getuid() != 0, reason="needs root, to become another user")
def test_it_works_for_an_ordinary_user_where_that_user_may_read_the_environment(tmp_path):
    """The command alone, since the environment of these tests may lie in a folder that is closed to others."""
    args = sandbox.command(sandbox.LIMITS)
    ours = [
        place
        for place, arg in enumerate(args)
        if arg == "--ro-bind" and not os.path.realpath(args[place + 1]).startswith("/usr")
    ]
    for place in reversed(ours):
        del args[place : place + 3]
    done = subprocess.run(
        [*args, "--", "/bin/sh", "-c", "id -u; touch x; ls /home"], user=12345, capture_output=True, text=True, cwd="/"
    )
    assert done.stdout.split() == ["12345", "student"], done.stderr


def test_one_submission_leaves_nothing_for_the_next(inside):
    mine = "open('/tmp/mine', 'w').close(); open('mine', 'w').close(); import numpy; numpy.mine = 1"
    inside(mine)
    (shown,), _ = inside(
        "import os, numpy\nprint(os.path.exists('/tmp/mine'), os.path.exists('mine'), hasattr(numpy, 'mine'))"
    )
    assert shown == "False False False\n"
