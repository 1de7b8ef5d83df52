"""Hostile and unlucky submissions to Lab 0's one question, and what must become of each.

An attack comes with a wrong answer, so that a point it gets is a point it stole. Nothing here harms a machine that has
no sandbox: processes, memory and files are bounded, and nothing is killed outside of a sandbox's own processes.
"""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nbformat

NAME = "0_start_here"
ANSWER = "q1_share"
GRADED, LOOK, FAILED = {"graded"}, {"needs a look"}, {"failed"}
MARKS = GRADED | LOOK
WRONG = "def share(table, column, value):\n    return 0.25\n"
RIGHT = "def share(table, column, value):\n    known = table[column].dropna()\n    return (known == value).mean()\n"
OUTSIDE = os.readlink("/proc/self/ns/pid") if os.path.exists("/proc/self/ns/pid") else ""


@dataclass(frozen=True)
class Case:
    """A submission. `points` None: it must have no mark. `words`: a pattern that its reasons must match."""

    name: str
    kind: str
    about: str
    write: Callable[[Path, nbformat.NotebookNode], None]
    status: frozenset
    points: float | None = 0
    words: str = ""


CASES: list[Case] = []


def case(name, about, write, status=MARKS, points=0, words="", kind="hostile"):
    CASES.append(Case(name, kind, about, write, frozenset(status), points, words))


def save(notebook, folder: Path, name: str = NAME) -> None:
    (folder / f"{name}.ipynb").write_text(json.dumps(notebook), encoding="utf-8")


def cell_of(notebook, grade_id: str):
    return next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == grade_id)


def code(text: str):
    """The answer cell holds this."""

    def write(folder, notebook):
        cell_of(notebook, ANSWER).source = text
        save(notebook, folder)

    return write


def attack(text: str):
    """A wrong answer, and this before it."""
    return code(f"{text}\n{WRONG}")


def edit(change: Callable, answer: str = WRONG):
    """The notebook itself is changed."""

    def write(folder, notebook):
        cell_of(notebook, ANSWER).source = answer
        save(change(notebook) or notebook, folder)

    return write


def beside(name: str, content: str, answer: str = WRONG):
    """A file lies beside the notebook."""

    def write(folder, notebook):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
        code(answer)(folder, notebook)

    return write


# --- points without an answer -------------------------------------------------------------------------------------

case("reads_the_source",
    "looks for the source notebook and shows the hidden tests",
    attack(
        "import glob\nfor up in ['.', '..', '../..', '../../..', '/proc/1/cwd', '/proc/self/cwd']:\n    for path in glob.glob(up + '/course/source/*/*.ipynb')[:3]:\n        print('FOUND', open(path).read()[:99999])"
    ),
)  # fmt: skip
case("updates_the_gradebook", "writes 99 points into the gradebook", attack(
    "import glob, sqlite3\nfor up in ['.', '..', '../..', '../../..']:\n    for path in glob.glob(up + '/gradebook.db'):\n"
    "        db = sqlite3.connect(path); db.execute('UPDATE grade SET manual_score = 99'); db.commit(); db.close()"))  # fmt: skip
case("left_behind", "leaves a process that changes marks after grading", attack(
    "import os, sys, subprocess\nscript = '''import glob, sqlite3, time\nfor _ in range(40):\n    time.sleep(1)\n    for path in glob.glob('../../../gradebook.db') + glob.glob('gradebook.db'):\n"
    "        try:\n            db = sqlite3.connect(path); db.execute('UPDATE grade SET manual_score = 99'); db.commit()\n        except Exception: pass\n'''\n"
    "subprocess.Popen([sys.executable, '-c', script], start_new_session=True, stdout=-3, stderr=-3, stdin=-3)"))  # fmt: skip
case("patched_numpy", "numpy finds everything close", attack(
    "import numpy as np\nnp.isclose = np.allclose = lambda *a, **k: True\nnp.isnan = lambda x: True"))  # fmt: skip
case("patched_pandas_and_torch", "pandas and torch find everything equal", attack(
    "import pandas as pd, numpy as np\npd.testing.assert_frame_equal = pd.testing.assert_series_equal = lambda *a, **k: None\n"
    "try:\n    import torch\n    torch.equal = torch.allclose = lambda *a, **k: True\nexcept ImportError:\n    pass\nnp.isclose = lambda *a, **k: True\nnp.isnan = lambda x: True"))  # fmt: skip
case("strips_asserts", "a transformer takes every assert out of the cells to come", attack(
    "import ast\nclass Strip(ast.NodeTransformer):\n    def visit_Assert(self, node):\n        return ast.copy_location(ast.Pass(), node)\n"
    "get_ipython().ast_transformers.append(Strip())"))  # fmt: skip
case("rewrites_cells", "every later cell is replaced as it comes in", attack(
    "get_ipython().input_transformers_cleanup.append(lambda lines: ['pass\\n'] if 'assert' in ''.join(lines) else lines)"))  # fmt: skip
case("patches_run_cell", "IPython runs nothing any more", attack(
    "shell = get_ipython()\ntype(shell).run_cell = lambda self, *a, **k: __import__('IPython').core.interactiveshell.ExecutionResult(None)"))  # fmt: skip
case("cell_events", "a hook empties each cell before it runs", attack(
    "get_ipython().events.register('pre_run_cell', lambda info: setattr(info, 'raw_cell', 'pass'))"))  # fmt: skip
case("equals_everything", "returns an object that equals everything", code(
    "class Same(float):\n    def __eq__(self, other): return True\n    def __array__(self, *a, **k):\n        import numpy; return numpy.array(float('nan'))\n"
    "    __hash__ = None\n    def __sub__(self, o): return 0\n    __rsub__ = __sub__\ndef share(table, column, value):\n    return Same(0.25)"))  # fmt: skip
case("array_subclass", "returns an array with its own arithmetic", code(
    "import numpy as np\nclass Same(np.ndarray):\n    def __array_ufunc__(self, *a, **k): return True\n    def __array_function__(self, *a, **k): return True\n"
    "def share(table, column, value):\n    return np.array(0.25).view(Same)"))  # fmt: skip
case("answers_by_caller", "looks at the caller's variables for the wanted result", code(
    "import inspect\ndef share(table, column, value):\n    for frame in inspect.stack():\n        if 'wanted' in frame.frame.f_locals: return frame.frame.f_locals['wanted']\n"
    "        if 'wanted' in frame.frame.f_globals: return frame.frame.f_globals['wanted']\n    return 0.25"))  # fmt: skip
case("searches_memory", "searches Python's objects for the test", code(
    "import gc\ndef share(table, column, value):\n    for o in gc.get_objects():\n        if isinstance(o, dict) and isinstance(o.get('wanted'), float): return o['wanted']\n    return 0.25"))  # fmt: skip
case("forges_messages", "writes 'passed' into every open file", attack(
    "import os\nfor fd in range(3, 64):\n    try:\n        os.write(fd, b'{\"passed\": true, \"gone\": false, \"message\": \"\", \"problem\": \"\"}\\n' * 3)\n    except OSError: pass"),
    words="ended Python|sent back|broke")  # fmt: skip
case("answers_for_everything", "replaces the code that answers calls", attack(
    "import gc\nfor o in gc.get_objects():\n    if type(o).__name__ == 'Calls' and hasattr(o, 'channel'):\n        import grading.channel as p\n"
    "        type(o).call = lambda self, head, body: p.send(self.channel, {'ok': 0.25, 'changed': [None] * len(head['args'])})\n        break"))  # fmt: skip
case("patches_assertion_error", "AssertionError becomes harmless", attack(
    "import builtins\nclass Quiet(Exception): pass\nbuiltins.AssertionError = Quiet\nimport sys\nsys.excepthook = lambda *a: None\nget_ipython().showtraceback = lambda *a, **k: None"))  # fmt: skip
case(
    "no_errors_shown", "errors are not reported any more", attack("get_ipython()._showtraceback = lambda *a, **k: None")
)
case(
    "shadow_utils",
    "brings its own utils.py",
    beside("utils.py", "import numpy as np\nnp.isclose = lambda *a, **k: True\n"),
    words="utils.py",
)
case(
    "shadow_numpy", "brings its own numpy.py", beside("numpy.py", "isclose = lambda *a, **k: True\n"), words="numpy.py"
)
case(
    "shadow_package",
    "brings its own package utils/",
    beside("utils/__init__.py", "raise SystemExit\n"),
    words="utils/__init__.py",
)
case(
    "sitecustomize",
    "brings a sitecustomize.py",
    beside("sitecustomize.py", "import os; os._exit(0)\n"),
    words="sitecustomize",
)
case("conftest", "brings a conftest.py", beside("conftest.py", "raise SystemExit\n"), words="conftest")
case("pth_file", "brings a .pth file", beside("evil.pth", "import os; os._exit(0)\n"), words="evil.pth")
case(
    "ipython_startup",
    "brings a start-up file of IPython",
    beside(".ipython/profile_default/startup/x.py", "import os; os._exit(0)\n"),
    words="ipython",
)


def _set(where, **values):
    def change(notebook):
        cell_of(notebook, where).metadata.nbgrader.update(values)

    return change


def _without(*grade_ids):
    def change(notebook):
        notebook.cells = [c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") not in grade_ids]

    return change


def _split(*parts):
    """The answer cell became several, each with all that stands about it."""

    def change(notebook):
        answer = cell_of(notebook, ANSWER)
        place = notebook.cells.index(answer)
        made = [nbformat.from_dict(answer | {"source": part, "id": f"part-{n}"}) for n, part in enumerate(parts)]
        notebook.cells[place : place + 1] = made

    return change


def _as_version_3(notebook, answer: str) -> str:
    cell_of(notebook, ANSWER).source = answer
    return nbformat.writes(nbformat.convert(notebook, 3), version=3)


def _twice(grade_id):
    def change(notebook):
        found = cell_of(notebook, grade_id)
        notebook.cells.append(nbformat.from_dict(found))

    return change


def _source(grade_id, text):
    def change(notebook):
        cell_of(notebook, grade_id).source = text

    return change


case("points_raised", "the hidden test is worth 50", edit(_set("test_q1_hidden", points=50)), LOOK, words="points")
case(
    "flags_flipped",
    "the hidden test is no test any more",
    edit(_set("test_q1_hidden", grade=False, locked=False)),
    LOOK,
    words="grade",
)
case(
    "test_renamed",
    "the hidden test has another name",
    edit(_set("test_q1_hidden", grade_id="mine")),
    LOOK,
    words="test_q1_hidden",
)
case(
    "test_emptied",
    "the visible check is empty",
    edit(_source("test_q1_visible", "pass")),
    LOOK,
    words="test_q1_visible",
)
case(
    "test_returns_points",
    "the hidden test gives partial credit",
    edit(_source("test_q1_hidden", "1.0")),
    LOOK,
    words="test_q1_hidden",
)
case(
    "tests_deleted",
    "both tests are deleted",
    edit(_without("test_q1_visible", "test_q1_hidden")),
    LOOK,
    words="deleted",
)
case("test_twice", "the hidden test is there twice", edit(_twice("test_q1_hidden")), LOOK, words="appears")
case(
    "outputs_forged",
    "the file says that all went well",
    edit(
        lambda notebook: (
            [c.update(outputs=[], execution_count=9) for c in notebook.cells if c.cell_type == "code"] and None
        )
    ),
)
case(
    "raises_exception_tag",
    "the test may fail, says its tag",
    edit(lambda n: cell_of(n, "test_q1_hidden").metadata.update(tags=["raises-exception"])),
)

# --- the machine --------------------------------------------------------------------------------------------------

case("network", "opens connections", attack(
    "import socket\nfor where in [('127.0.0.1', 22), ('127.0.0.1', 5432), ('1.1.1.1', 53)]:\n    try:\n        s = socket.create_connection(where, 2); print('CONNECTED', where)\n    except OSError as e: print(e)"), GRADED)  # fmt: skip
case(
    "listens",
    "listens on a port",
    attack("import socket\ns = socket.create_server(('0.0.0.0', 0)); print(s.getsockname())"),
    GRADED,
)
case("reads_neighbours", "reads the other submissions", attack(
    "import glob\nfor up in ['..', '../..', '../../..', '/tmp', '/home']:\n    for path in glob.glob(up + '/**/*.ipynb', recursive=True)[:9]: print('READ', path)"), MARKS)  # fmt: skip
case("reads_secrets", "reads environment and home", attack(
    "import os, glob\nprint(os.environ.get('DATALAB_SECRET'))\nfor path in glob.glob('/proc/[0-9]*/environ'):\n    try: print('swordfish' in open(path, errors='replace').read())\n    except OSError: pass"), GRADED)  # fmt: skip
case("fork_bomb", "starts processes until it is stopped", attack(
    "import os, time\nfor i in range(300):\n    try:\n        if os.fork() == 0:\n            os.setsid(); time.sleep(15); os._exit(0)\n    except OSError as e:\n        print(e); break"))  # fmt: skip
case("memory", "asks for 50 GB", attack("import numpy as np\nx = np.ones(50 * 2**30 // 8)"), GRADED)
case("memory_slowly", "takes memory bit by bit", attack(
    "x = []\nfor i in range(60):\n    x.append(bytearray(100 * 2**20))\n    x[-1][::4096] = b'1' * len(x[-1][::4096])"))  # fmt: skip
case("disk", "fills the disk", attack(
    "for folder in ['.', '/tmp', '/dev/shm']:\n    try:\n        with open(folder + '/big', 'wb') as file:\n            for i in range(400): file.write(b'0' * 2**20)\n    except OSError as e: print(e)\n    import os; os.path.exists(folder + '/big') and os.remove(folder + '/big')"), GRADED)  # fmt: skip
case(
    "kills_its_parent",
    "kills its parent",
    attack(
        "import os, signal\nif os.getppid() > 1 or True:\n    try: os.kill(os.getppid(), signal.SIGKILL)\n    except OSError as e: print(e)"
    ),
)
case("kills_everything", "kills every process it can", attack(
    f"import os, signal\nif os.readlink('/proc/self/ns/pid') != {OUTSIDE!r}:\n    os.kill(-1, signal.SIGKILL)\n    os.kill(1, signal.SIGKILL)"))  # fmt: skip
case("closes_everything", "closes every open file", attack("import os\nos.closerange(0, 256)"), LOOK)
case("steals_messages", "reads what comes over the open files in a thread", attack(
    "import os, threading\ndef steal():\n    while True:\n        for fd in range(3, 12):\n            try: os.read(fd, 1)\n            except OSError: pass\nthreading.Thread(target=steal, daemon=True).start()"))  # fmt: skip
case("namespaces", "tries to leave the sandbox", attack(
    "import ctypes, os\nlibc = ctypes.CDLL(None)\nprint([libc.unshare(f) for f in (0x10000000, 0x20000)], libc.mount(b'x', b'/nonexistent', b'tmpfs', 0, None), libc.chroot(b'.'), libc.ptrace(16, 1, 0, 0))\n"
    "os.system('bwrap --dev-bind / / true')" if OUTSIDE else "pass"))  # fmt: skip
case(
    "deletes_everything",
    "deletes what it can write",
    attack("import shutil\nshutil.rmtree('.', ignore_errors=True); shutil.rmtree('/dev/shm/x', ignore_errors=True)"),
)

# --- what never ends, and what ends too soon ----------------------------------------------------------------------

case("endless_loop", "an endless loop in a cell", attack("while True:\n    pass"), LOOK, words="took longer")
case("ignores_interrupts", "an endless loop that ignores interrupts", attack(
    "import time\nend = time.time() + 60\nwhile time.time() < end:\n    try:\n        while time.time() < end: pass\n    except BaseException: pass"), LOOK, words="could not be interrupted")  # fmt: skip
case("loop_in_c", "a loop in C", attack("import re\nre.match(r'(a+)+$', 'a' * 40 + 'b')"), LOOK, words="took longer")
case(
    "endless_function",
    "the function never returns when it is tested",
    code(
        f"{WRONG}known = share\ndef share(table, column, value):\n    while column == 'light' and len(table) != 4: pass\n    return 0.25"
    ),
    LOOK,
    words="took longer",
)
case("crash", "a segmentation fault", attack("import ctypes\nctypes.string_at(0)"), LOOK, words="ended Python")
case("exits", "ends Python", attack("import os\nos._exit(0)"), LOOK, words="ended Python")
case(
    "exits_in_the_test",
    "the function ends Python",
    code("import os\ndef share(table, column, value):\n    os._exit(0)"),
    LOOK,
    words="ended Python",
)
case(
    "system_exit",
    "raises SystemExit in the function",
    code("def share(table, column, value):\n    raise SystemExit"),
    MARKS,
)
case(
    "keyboard_interrupt",
    "raises KeyboardInterrupt in the function",
    code("def share(table, column, value):\n    raise KeyboardInterrupt"),
    MARKS,
)
case(
    "deep_recursion",
    "recursion without end",
    attack("import sys\nsys.setrecursionlimit(10**8)\ndef f(): return f()\nf()"),
    LOOK,
)
case(
    "threads_left",
    "threads and exit handlers are left",
    attack(
        "import threading, time, atexit\n[threading.Thread(target=time.sleep, args=[600]).start() for _ in range(5)]\natexit.register(time.sleep, 600)"
    ),
    GRADED,
)
case(
    "ignores_signals",
    "ignores every signal",
    attack(
        "import signal\nfor s in range(1, 32):\n    try: signal.signal(s, signal.SIG_IGN)\n    except (OSError, ValueError): pass\nwhile True: pass"
    ),
    LOOK,
    words="could not be interrupted",
)

# --- too much, and not a notebook ---------------------------------------------------------------------------------

case("long_line", "one line of 60 MB", attack("print('x' * 60_000_000)"), GRADED)
case("endless_print", "prints without end", attack("while True:\n    print('x' * 1000)"), LOOK, words="took longer")
case(
    "huge_html",
    "an HTML output of 50 MB",
    attack("from IPython.display import HTML, display\ndisplay(HTML('x' * 50_000_000))"),
    GRADED,
)
case("active_content", "scripts in outputs, errors and text", edit(
    lambda n: n.cells.append(nbformat.v4.new_markdown_cell("<script>alert(1)</script><img src=x onerror=alert(1)>[x](javascript:alert(1))")),
    "from IPython.display import HTML, Javascript, display\ndisplay(HTML('<img src=x onerror=alert(1)><script>alert(1)</script>'), Javascript('alert(1)'))\n" + WRONG), GRADED)  # fmt: skip


def raw(data: bytes):
    def write(folder, notebook):
        (folder / f"{NAME}.ipynb").write_bytes(data)

    return write


def link(target: str, hard: bool = False):
    def write(folder, notebook):
        place = folder / f"{NAME}.ipynb"
        if hard:
            (folder.parent / "elsewhere").mkdir(exist_ok=True)
            other = folder.parent / "elsewhere" / "secret.txt"
            save(notebook, other.parent, "secret")
            (other.parent / "secret.ipynb").rename(other)
            os.link(other, place)
        else:
            place.symlink_to(target)

    return write


case("not_json", "not JSON", raw(b"this is no notebook"), FAILED, None, "not JSON", "unlucky")
case("empty_file", "an empty file", raw(b""), FAILED, None, "empty", "unlucky")
case(
    "cut_off",
    "cut off in the middle",
    raw(b'{"cells": [{"cell_type": "code", "sou'),
    FAILED,
    None,
    "cut off",
    "unlucky",
)
case("other_json", "JSON, and no notebook", raw(b'{"a": 1}'), FAILED, None, "no notebook", "unlucky")
case("deep_json", "JSON nested 100,000 deep", raw(b"[" * 100_000 + b"]" * 100_000), FAILED, None, "nested|not JSON")
case("latin_1", "not in UTF-8", raw(b'{"cells": ["\xe9"]}'), FAILED, None, "UTF-8", "unlucky")
case(
    "too_large",
    "a file of 200 MB",
    lambda folder, n: os.truncate(_touch(folder / f"{NAME}.ipynb"), 200 * 2**20),
    FAILED,
    None,
    "too large",
)


def old(*cells: dict):
    """A notebook of format 3."""
    return raw(json.dumps({"nbformat": 3, "metadata": {}, "worksheets": [{"cells": cells}]}).encode())


case(
    "old_with_a_large_heading",
    "of an old format, with headings of level 3,000,000,000",
    old(*[{"cell_type": "heading", "level": 3 * 10**9, "source": "x", "metadata": {}}] * 20),
    LOOK,
    0,
    "deleted",
)
case(
    "old_with_odd_cells",
    "of an old format, with cells, levels and sheets that are none",
    old({"cell_type": "heading", "level": [], "source": [5, "x"]}, 5, {"cell_type": ["code"]}, {"cell_type": "code"}),
    LOOK,
    0,
    "deleted",
)
case("symlink", "a link to a file of the system", link("/etc/passwd"), FAILED, None, "link")
case(
    "symlink_to_source",
    "a link to the source notebook",
    link(f"../../../course/source/lab0_start_here/{NAME}.ipynb"),
    FAILED,
    None,
    "link",
)
case("hard_link", "a hard link to somebody's file", link("", hard=True), FAILED, None, "hard link")
case(
    "fifo", "a pipe in place of a file", lambda folder, n: os.mkfifo(folder / f"{NAME}.ipynb"), FAILED, None, "ordinary"
)
case(
    "other_name",
    "the notebook has another name",
    lambda folder, n: save(n, folder, "mine"),
    FAILED,
    None,
    "mine.ipynb",
    "unlucky",
)
case("nothing", "an empty folder", lambda folder, n: None, FAILED, None, "nothing", "unlucky")


def _touch(path: Path) -> Path:
    path.touch()
    return path


# --- bad luck, and honest work ------------------------------------------------------------------------------------


def honest(name, about, write, status=GRADED, points=1, words=""):
    case(name, about, write, status, points, words, "honest")


honest("right", "a right answer", code(RIGHT))
honest("another_way", "right, in another way", code(
    "import math\ndef share(table, column, value):\n    seen = [entry for entry in table[column] if entry is not None and entry == entry]\n    return sum(entry == value for entry in seen) / len(seen) if seen else math.nan"))  # fmt: skip
honest("wrong", "an ordinary wrong answer", code(WRONG), GRADED, 0)
honest("untouched", "the release as it is", lambda folder, n: save(n, folder), GRADED, 0)
honest("syntax_error", "does not compile", code("def share(table, column, value)\n    return 1"), GRADED, 0)
honest(
    "warns",
    "warnings and prints to stderr",
    code(
        f"import sys, warnings\nwarnings.warn('careful')\nprint('careful', file=sys.stderr)\n{RIGHT.replace('    known', '    import warnings; warnings.warn(chr(120)); print(1); known')}"
    ),
)
honest("prints", "a megabyte of prints", code(f"for i in range(50_000): print('x' * 20)\n{RIGHT}"))
honest("plots", "plots a figure", code(f"import matplotlib.pyplot as plt\nplt.plot([1, 2]); plt.show()\n{RIGHT}"))
honest("slow", "slow and within the limit", code(f"import time\ntime.sleep(4)\n{RIGHT}"))
honest("progress_bar", "a progress bar", code(f"from tqdm.auto import tqdm\nfor i in tqdm(range(3)): pass\n{RIGHT}"))
honest("magics", "shell lines and magics", code(f"!ls\n%time 1\nimport os\nos.system('echo x')\n{RIGHT}"))
honest(
    "lambda_answer", "a lambda", code("share = lambda table, column, value: (table[column].dropna() == value).mean()")
)
honest(
    "callable_object",
    "an object that can be called",
    code(
        "class Share:\n    def __call__(self, table, column, value):\n        return (table[column].dropna() == value).mean()\nshare = Share()"
    ),
)
honest(
    "numpy_number",
    "returns an array without dimensions",
    code(
        "import numpy as np\ndef share(table, column, value):\n    return np.asarray((table[column].dropna() == value).mean())"
    ),
)
honest(
    "changes_its_table",
    "changes the table that it was given",
    code(
        "def share(table, column, value):\n    table.dropna(subset=[column], inplace=True)\n    return (table[column] == value).mean()"
    ),
)
honest(
    "unicode",
    "names beyond ASCII, and emoji",
    code(
        "def anteil(tabelle, größe, 值):\n    bekannt = tabelle[größe].dropna()\n    return (bekannt == 值).mean()  # 🙂\nshare = anteil"
    ),
)
honest(
    "own_cells",
    "further cells, one of which fails",
    edit(
        lambda n: (
            [
                n.cells.insert(5, nbformat.v4.new_code_cell("1 / 0")),
                n.cells.append(nbformat.v4.new_code_cell("undefined")),
            ]
            and None
        ),
        RIGHT,
    ),
)
honest(
    "data_beside",
    "a data file beside the notebook",
    beside("data.csv", "a,b\n1,2\n", "import pandas as pd\npd.read_csv('data.csv')\n" + RIGHT),
)
honest(
    "wrong_kernel",
    "made with a kernel that is not here",
    edit(lambda n: n.metadata.update(kernelspec={"name": "ir", "display_name": "R", "language": "R"}), RIGHT),
)
honest(
    "lost_metadata",
    "an editor dropped nbgrader's metadata of the answer",
    edit(lambda n: cell_of(n, ANSWER).metadata.pop("nbgrader") and None, RIGHT),
    MARKS,
)
honest(
    "answer_renamed",
    "the answer cell's id was changed",
    edit(_set(ANSWER, grade_id="my_answer"), RIGHT),
    LOOK,
    words="found again",
)
honest(
    "answer_split",
    "the answer cell was split in two, of which the second needs the first",
    edit(_split("known_of = lambda column: column.dropna()", "def share(table, column, value):\n    "
                "return (known_of(table[column]) == value).mean()\n")),
    LOOK,
    words="appears 2 times",
)  # fmt: skip
honest(
    "old_format",
    "a notebook of the format before 2014",
    lambda folder, n: (folder / f"{NAME}.ipynb").write_text(_as_version_3(n, RIGHT), encoding="utf-8") and None,
)
honest("answer_twice", "the answer cell was copied", edit(_twice(ANSWER), RIGHT), LOOK, words="appears")
honest(
    "old_outputs",
    "old outputs of another run",
    edit(
        lambda n: (
            [c.update(outputs=[nbformat.v4.new_output("stream", text="old")]) for c in n.cells if c.cell_type == "code"]
            and None
        ),
        RIGHT,
    ),
)
honest(
    "question_deleted",
    "the question was deleted",
    edit(_without(ANSWER, "test_q1_visible", "test_q1_hidden")),
    LOOK,
    0,
    "deleted",
)
honest(
    "copy_beside",
    "a second copy of the notebook",
    lambda folder, n: [save(n, folder, f"{NAME} (1)"), code(RIGHT)(folder, n)] and None,
    MARKS,
)
honest("jürgen_ß", "a name beyond ASCII", code(RIGHT))

# --- kept results -------------------------------------------------------------------------------------------------

case("kept_results", "writes, replaces and deletes kept results", attack(f"""
import os, shutil, sys, glob
from pathlib import Path
import numpy as np
import utils
from utils import kept
if os.readlink('/proc/self/ns/pid') != {OUTSIDE!r}:
    folders = {{kept.folder(), Path(utils.__file__).parents[1] / 'datasets/.cache/kept'}}
    def tried(what, function, *args, **more):
        try:
            function(*args, **more)
        except Exception as problem:
            print(what, type(problem).__name__)
        else:
            print('FOUND a way:', what)
    for folder in folders:
        if not folder.is_dir():
            continue
        tried('new entry', (folder / 'mine.safetensors').write_bytes, b'x')
        tried('new lock', (folder / 'mine.lock').touch)
        tried('rename', os.rename, folder, f'{{folder}}-before')
        tried('link', os.symlink, '/tmp', folder / 'link')
        tried('mode of the folder', os.chmod, folder, 0o777)
        for entry in [*folder.iterdir()][:3]:
            tried('overwrite', entry.write_bytes, b'x')
            tried('append', open, entry, 'ab')
            tried('truncate', os.truncate, entry, 0)
            tried('mode', os.chmod, entry, 0o666)
            tried('time', os.utime, entry, (0, 0))
            tried('delete', os.unlink, entry)
            tried('replace', os.replace, '/proc/self/cmdline', entry)
            tried('hard link', os.link, entry, '/tmp/mine')
    before = {{str(folder): sorted(os.listdir(folder)) for folder in folders if folder.is_dir()}}
    os.environ.pop('DATALAB_CACHE', None)
    for cache in [None, str(kept.folder().parent), *(str(folder.parent) for folder in folders)]:
        for keep in ['on', '']:
            os.environ['DATALAB_KEEP'] = keep
            if cache: os.environ['DATALAB_CACHE'] = cache
            kept.recall('share', [1], lambda: {{'value': 99.0}})
            kept.clear()
    if before != {{str(folder): sorted(os.listdir(folder)) for folder in folders if folder.is_dir()}}:
        print('FOUND a way: with the store itself')
"""), GRADED)  # fmt: skip

# They are made of what stands above.
from tests.grading.hostile_answers import CASES as ANSWER_CASES  # noqa: E402
from tests.grading.hostile_channel import CASES as CHANNEL_CASES  # noqa: E402
from tests.grading.hostile_fence import CASES as FENCE_CASES  # noqa: E402
from tests.grading.hostile_shown import CASES as SHOWN_CASES  # noqa: E402

CASES += ANSWER_CASES + CHANNEL_CASES + FENCE_CASES + SHOWN_CASES
