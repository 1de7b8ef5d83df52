"""Hostile and honest submissions about what passes between a student's Python and the one with the tests.

See `tests/grading/hostile.py`, which runs them with the others.
"""

import nbformat

from tests.grading.hostile import ANSWER, GRADED, LOOK, MARKS, RIGHT, WRONG, Case, cell_of, code, edit

CASES: list[Case] = []


def case(name, about, write, status, points=0, words="", kind="hostile"):
    CASES.append(Case(name, kind, about, write, frozenset(status), points, words))


# --- what cannot be written down ----------------------------------------------------------------------------------

HALF = "'\\ud800'"  # half of a pair of signs: no file and no page can hold it

case("half_a_sign_printed", "prints half a sign", code(f"{RIGHT}print({HALF})"), GRADED, 1)
case("half_a_sign_in_html", "shows half a sign as HTML and as a picture's metadata", code(
    f"{RIGHT}from IPython.display import HTML, display\ndisplay(HTML({HALF}))\n"
    f"display({{'text/plain': {HALF}, {HALF}: 'x'}}, raw=True, metadata={{'text/plain': {{{HALF}: {HALF}}}}})"), GRADED, 1)  # fmt: skip
case("half_a_sign_raised", "raises half a sign in a cell", code(f"{RIGHT}raise ValueError({HALF})"), GRADED, 1)
case(
    "half_a_sign_in_the_test",
    "raises half a sign when it is tested",
    code(f"def share(table, column, value):\n    raise ValueError({HALF} + str(len(table)))"),
    GRADED,
)
case(
    "half_a_sign_returned",
    "returns half a sign",
    code(f"def share(table, column, value):\n    return {HALF}"),
    GRADED,
)
case("deep_brackets_in_css", "1,500 brackets in the style of an HTML output", code(
    f"{RIGHT}from IPython.display import HTML, display\ndisplay(HTML('<p style=\"color:' + '(' * 1500 + '\">x</p>'))"), MARKS, 1)  # fmt: skip
case("deep_html", "an HTML output nested 20,000 deep", code(
    f"{RIGHT}from IPython.display import HTML, display\ndisplay(HTML('<b>' * 20_000))"), MARKS, 1)  # fmt: skip


def _nested(depth: int):
    def change(notebook):
        inner = []
        for _ in range(depth):
            inner = [inner]
        notebook.metadata["deep"] = inner
        notebook.cells[0].metadata["deep"] = inner

    return change


case("deep_metadata", "metadata nested 500 deep", edit(_nested(500), RIGHT), GRADED, 1)


def _nested_for_nbgrader(depth: int):
    def change(notebook):
        inner = []
        for _ in range(depth):
            inner = [inner]
        cell_of(notebook, ANSWER).metadata.nbgrader["points"] = inner

    return change


case("deeper_points", "points nested 900 deep", edit(_nested_for_nbgrader(900), RIGHT), LOOK, 1, "points of q1_share")

# --- a channel that is kept busy ----------------------------------------------------------------------------------

CHANNEL = """
import gc, json, os, socket, struct, sys, time
from grading.channel import receive, send
from grading.shell import run_cell
calls = next(o for o in gc.get_objects() if type(o).__name__ == 'Calls' and hasattr(o, 'channel'))
channel = calls.channel
def for_ever():
    while True:
        try: time.sleep(600)
        except BaseException: pass
def asked_by_a_test():
    frame = sys._getframe()
    while frame and frame.f_code is not type(calls).call.__code__: frame = frame.f_back
    return frame is not None
"""


def _then(*sources: str):
    """These cells behind the answer."""

    def change(notebook):
        place = notebook.cells.index(cell_of(notebook, ANSWER)) + 1
        notebook.cells[place:place] = [nbformat.v4.new_code_cell(source) for source in sources]

    return change


# Of the orders that come it does the short ones, so that the grader meets nothing odd but the one that is not read.
NEVER_READS = f"""{CHANNEL}
send(channel, {{'outputs': [], 'count': 1}})
while True:
    first = channel.recv(16, socket.MSG_PEEK | socket.MSG_WAITALL)
    if len(first) < 16: os._exit(0)
    if struct.unpack('<QQ', first)[0] > 1_000_000: for_ever()
    order, body = receive(channel)
    if order['do'] == 'call': calls.call(order, body)
    else: send(channel, run_cell(get_ipython(), order['code']) | {{'count': 1}})
"""
case(
    "answers_and_never_reads",
    "answers in advance and never reads again; then a cell of 2 MB",
    edit(_then(NEVER_READS, "#" * 2_000_000)),
    LOOK,
    words="took longer than \\d+ s and could not be interrupted",
)
case(
    "one_byte_a_second",
    "sends its answer byte by byte",
    edit(
        _then(
            CHANNEL + "channel.sendall(struct.pack('<QQ', 90, 0))\nwhile True:\n"
            "    try:\n        channel.sendall(b' '); time.sleep(1)\n    except KeyboardInterrupt: pass"
        )
    ),
    LOOK,
    words="took longer than \\d+ s and could not be interrupted",
)
case(
    "stops_in_the_middle",
    "sends half of its answer",
    edit(_then(CHANNEL + "channel.sendall(struct.pack('<QQ', 3_000_000, 0) + b'[' * 1_000_000)\nfor_ever()")),
    LOOK,
    words="took longer than \\d+ s and could not be interrupted",
)
case("byte_by_byte_in_the_test", "sends its result byte by byte", code(
    f"{CHANNEL}def share(table, column, value):\n    if not asked_by_a_test(): return 0.25\n"
    "    channel.sendall(struct.pack('<QQ', 90, 0))\n    while True:\n        channel.sendall(b' '); time.sleep(1)"), LOOK, words="took longer than \\d+ s")  # fmt: skip

# A file that comes over the channel is closed where it arrives, and closing may wait for what is still to be sent.
LINGERS = f"""{CHANNEL}
server = socket.create_server(('127.0.0.1', 0))
sender = socket.create_connection(server.getsockname())
receiver, _ = server.accept()
sender.setblocking(False)
try:
    while True: sender.send(bytes(2**16))
except BlockingIOError: pass
try:
    sender.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 600))
    print('FOUND a way to make closing wait')
except OSError as problem: print(problem)
"""
case(
    "sends_what_closes_slowly",
    "sends a connection along that would be closed for ten minutes",
    edit(
        _then(
            LINGERS,
            "socket.send_fds(channel, [struct.pack('<Q', 90)], [sender.fileno(), receiver.fileno()])\n"
            "sender.close(); receiver.close()\nfor_ever()",
        )
    ),
    LOOK,
    words="took longer than \\d+ s and could not be interrupted",
)
case(
    "sends_what_closes_slowly_in_the_test",
    "sends such a connection along with a result, inside of a socket that is sent",
    code(
        f"{LINGERS}def share(table, column, value):\n    if asked_by_a_test():\n"
        "        one, other = socket.socketpair()\n        socket.send_fds(one, [b'.'], [sender.fileno()])\n"
        "        socket.send_fds(channel, [struct.pack('<Q', 90)], [other.fileno()])\n"
        "        sender.close(); one.close(); other.close()\n        for_ever()\n    return 0.25"
    ),
    LOOK,
    words="took longer than \\d+ s",
)

# --- more than anybody decodes ------------------------------------------------------------------------------------


def frame(data: str):
    """A cell that sends this head as its answer."""
    return edit(_then(f"{CHANNEL}data = {data}\nchannel.sendall(struct.pack('<QQ', len(data), 0) + data)\nfor_ever()"))


case("nested_answer", "30 MB of nested brackets", frame("b'[' * 15_000_000 + b']' * 15_000_000"), LOOK,
     words="sent back something that no cell gives")  # fmt: skip
case("many_values", "10 million empty lists", frame("b'[' + b'[],' * 10_000_000 + b'[]]'"), LOOK,
     words="sent back something that no cell gives")  # fmt: skip
case("brackets_in_utf_16", "nested brackets that look like text", frame("b'\"\\0[\\0' * 3_000_000"), LOOK,
     words="sent back something that no cell gives")  # fmt: skip
case("many_outputs", "100,000 outputs for one cell", frame(
    "json.dumps({'outputs': [{'output_type': 'stream', 'name': 'stdout', 'text': 'x'}] * 100_000, 'count': 1}).encode()"), LOOK,
    words="sent back something that no cell gives")  # fmt: skip


def result(head: str, body: str = "b''"):
    """A function whose result is this head, with this body."""
    return code(
        f"{CHANNEL}def share(table, column, value):\n    if asked_by_a_test():\n"
        f"        send(channel, {{'ok': {head}, 'changed': [None, None, None]}}, {body})\n    return 0.25"
    )


case("nested_result", "a result of 60 MB of nested brackets", code(
    f"{CHANNEL}def share(table, column, value):\n    if not asked_by_a_test(): return 0.25\n    data = b'[' * 30_000_000 + b']' * 30_000_000\n"
    "    channel.sendall(struct.pack('<QQ', len(data), 0) + data)\n    for_ever()"), LOOK, words="broke the connection")  # fmt: skip
case("one_array_a_thousand_times", "one array of 32 MB a thousand times in a result",
     result("['list', [['array', '|u1', [2**25], 0, 2**25]] * 1000]", "bytes(2**25)"), MARKS)  # fmt: skip
case("type_that_opens_a_file", "a data type with the name of a file",
     result("['series', ['index', ['array', '<i8', [1], 0, 8], None], None, "
            "['typed', 'datetime64[ns, dateutil//etc/passwd]', ['2026-01-01']]]", "bytes(8)"), MARKS)  # fmt: skip
case("zone_that_opens_a_file", "a time zone with the name of a file",
     result("['time', '2026-01-01T00:00:00+00:00', 'dateutil//etc/passwd']"), MARKS)  # fmt: skip
case("generator_beyond_its_end", "a generator whose place lies outside of its state", result(
    "['generator', ['dict', [['bit_generator', 'MT19937'], ['state', ['dict', "
    "[['key', ['array', '<u4', [624], 0, 2496]], ['pos', 10**9]]]]]]]", "bytes(2496)"), MARKS)  # fmt: skip

# --- honest work that adds to the table it was given --------------------------------------------------------------

ADDED = {
    "intervals": "pd.cut(range(len(table)), 2) if len(table) > 1 else 0",
    "days": "datetime.date(2026, 11, 27)",
    "periods": "pd.period_range('2026-01', periods=len(table), freq='M')",
    "zoned_times": "pd.date_range('2026-01-01', periods=len(table), tz='Europe/Zurich')",
    "complex_numbers": "np.arange(len(table)) * 1j",
    "objects": "[object() for _ in range(len(table))]",
    "functions": "[len] * len(table)",
}
for kind, values in ADDED.items():
    case(f"adds_{kind}", f"adds a column of {kind.replace('_', ' ')} to the table that it was given", code(
        RIGHT.replace("    known", f"    table['more'] = {values}\n    known")
        .replace("def ", "import datetime\nimport numpy as np\nimport pandas as pd\ndef ", 1)), GRADED, 1, kind="honest")  # fmt: skip
case(
    "wrong_and_adds_objects",
    "a wrong answer, and a column of objects in the table that it was given",
    code(WRONG.replace("    return", "    table['more'] = [object()] * len(table)\n    return")),
    GRADED,
)
