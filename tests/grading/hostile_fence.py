"""Submissions that reach for the machine around the sandbox: its settings, keys, processes and memory.

Like all of the class they do no harm where there is no sandbox: files are opened and not written, keys and processes
are touched inside of a sandbox only, and memory is bounded. What should not work prints FOUND where it does.
"""

from tests.grading.hostile import GRADED, LOOK, MARKS, OUTSIDE, RIGHT, Case, attack, code

CASES = []
LIBC = """
import ctypes, errno, os, platform, socket
libc = ctypes.CDLL(None, use_errno=True)
LATER = platform.machine() == 'x86_64'  # the numbers of calls differ between machines
def call(on_x86, on_arm, *arguments):
    return libc.syscall(on_x86 if LATER else on_arm, *arguments)
def tried(what, result):
    print('FOUND a way:' if result >= 0 else 'refused:', what)
"""
IN_A_SANDBOX = f"if os.readlink('/proc/self/ns/pid') != {OUTSIDE!r}:\n    "


def case(name, about, write, status=GRADED, points=0, words="", kind="hostile"):
    CASES.append(Case(name, kind, about, write, frozenset(status), points, words))


def opens(paths: str):
    """An attack that opens every file of this expression for writing, and says where it could."""
    return attack(
        f"import glob, os\nfor path in {paths}:\n    try:\n        os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))\n"
        "        print('FOUND', path)\n    except OSError: pass"
    )


# --- the machine's settings ---------------------------------------------------------------------------------------

case("host_settings", "opens the machine's settings for writing", opens(
    "glob.glob('/proc/sys/**', recursive=True) + ['/proc/sysrq-trigger', '/proc/1/oom_score_adj']"))  # fmt: skip
case("host_core_pattern", "wants to be the program that the machine starts after a crash", opens(
    "['/proc/sys/kernel/core_pattern', '/proc/self/root/proc/sys/kernel/core_pattern', '/proc/1/root/proc/sys/kernel/core_pattern',"
    " '/proc/sys/kernel/modprobe', '/proc/sys/fs/binfmt_misc/register', '/sys/kernel/uevent_helper']"))  # fmt: skip
case("host_remounted", "makes /proc writable again", attack(
    LIBC + "for flags in (0x1000 | 32, 32, 0x1000):\n    tried('mount', libc.mount(b'proc', b'/proc', b'proc', flags, None))\n"
    "    tried('mount at home', libc.mount(b'proc', os.getcwd().encode(), b'proc', flags, None))\n"
    "for number in (0, 1):\n    for become in (os.setuid, os.setgid):\n        try: become(number) if number != os.getuid() else 1 / 0; print('FOUND', number)\n"
    "        except (OSError, ZeroDivisionError): pass" if OUTSIDE else "pass"))  # fmt: skip

# --- keys ---------------------------------------------------------------------------------------------------------

case("keys_read", "reads the keys of whoever grades", attack(
    LIBC + IN_A_SANDBOX + "for ring in (-3, -4, -5, -2):\n        for order in (11, 6, 0):\n"
    "            tried(f'keyring {ring}, {order}', call(250, 219, order, ring, None, 0))"))  # fmt: skip
case("keys_left", "leaves a key for the next submission", attack(
    LIBC + IN_A_SANDBOX + "for ring in (-3, -4, -5):\n        tried(f'a key in {ring}', call(248, 217, b'user', b'wanted', b'0.5', 3, ring))\n"
    "    tried('to ask for a key', call(249, 218, b'user', b'wanted', None, -3))"))  # fmt: skip
case("keys_cleared", "clears the keyring and brings it along", attack(
    LIBC + IN_A_SANDBOX + "tried('clear', call(250, 219, 7, -3))\n    tried('join', call(250, 219, 1, b'_ses'))\n"
    "    tried('to parent', call(250, 219, 18))"))  # fmt: skip

# --- doors into the kernel ----------------------------------------------------------------------------------------

case("kernel_doors", "io_uring, userfaultfd and bpf", attack(
    LIBC + IN_A_SANDBOX + "tried('io_uring', call(425, 425, 8, ctypes.create_string_buffer(200)))\n    tried('userfaultfd', call(323, 282, 1))\n"
    "    tried('bpf', call(321, 280, 0, ctypes.create_string_buffer(b'\\x01\\0\\0\\0\\x04\\0\\0\\0\\x08\\0\\0\\0\\x01\\0\\0\\0', 128), 128))"))  # fmt: skip
case("kernel_families", "sockets of the machine: netlink, vsock, crypto, packets", attack(
    LIBC + "for family in (16, 38, 40, 17, 15, 44, 29):\n    try: socket.socket(family, socket.SOCK_DGRAM if family != 38 else socket.SOCK_SEQPACKET); print('FOUND', family)\n"
    "    except OSError: pass" if OUTSIDE else "pass"))  # fmt: skip
case("kernel_namespaces", "new name spaces, by every call that makes them", attack(
    LIBC + IN_A_SANDBOX + "for flag in (0x10000000, 0x20000, 0x20000000, 0x80):\n        tried(f'unshare {flag}', libc.unshare(flag))\n"
    "        child = call(56, 220, flag | 17, 0, 0, 0, 0) if flag != 0x80 else -1\n        if child == 0: os._exit(0)\n        tried(f'clone {flag}', child)\n"
    "    for name in ('user', 'pid', 'mnt'):\n        try: tried(name, libc.setns(os.open(f'/proc/1/ns/{name}', os.O_RDONLY), 0))\n        except OSError: pass"))  # fmt: skip
case("traces", "looks into other processes", attack(
    LIBC + IN_A_SANDBOX + "child = os.fork()\n    if child == 0:\n        import time; time.sleep(5); os._exit(0)\n    room = (ctypes.c_void_p * 2)(ctypes.addressof(ctypes.create_string_buffer(8)), 8)\n"
    "    for process in (1, 2, child):\n        tried('trace', call(101, 117, 16, process, 0, 0))\n        tried('read', call(310, 270, process, room, 1, room, 1, 0))\n    os.kill(child, 9)"))  # fmt: skip

# --- another process in its place -----------------------------------------------------------------------------------

LEAVE = "import os\nif os.fork():\n    os._exit(0)\nos.setsid()\n"
case("forks_and_leaves", "goes on as a child of its own, which answers", attack(LEAVE), MARKS)
case("forks_and_loops", "goes on as a child that no interrupt reaches", attack(f"{LEAVE}while True: pass"), LOOK, words="could not be interrupted")  # fmt: skip
case("forks_in_the_test", "becomes another process whenever it is called", code(
    "import os\ndef share(table, column, value):\n    if os.fork(): os._exit(0)\n    os.setsid()\n    return 0.25"), MARKS)  # fmt: skip

# --- memory that belongs to no process ------------------------------------------------------------------------------

case("memory_files", "keeps memory in files without a name", attack(
    LIBC + IN_A_SANDBOX + "for i in range(3):\n        try: file = os.memfd_create(str(i)); print('FOUND')\n        except OSError: continue\n"
    "        for j in range(300): os.write(file, bytes(2**20))"))  # fmt: skip
case("memory_shared", "keeps memory in segments that nobody is attached to", attack(
    LIBC + IN_A_SANDBOX + "for i in range(3):\n        segment = libc.shmget(0, 2**20, 0o1600)\n        tried('segment', segment)\n        if segment >= 0: libc.shmctl(segment, 0, None)\n"
    "    tried('queue', libc.msgget(0, 0o1600))\n    tried('semaphores', libc.semget(0, 100, 0o1600))"))  # fmt: skip
case("memory_in_sockets", "keeps memory in sockets", attack(
    "import socket\nkept = []\ntry:\n    for i in range(200):\n        a, b = socket.socketpair(); kept += [a, b]; a.setblocking(False)\n"
    "        try:\n            while True: a.send(bytes(2**16))\n        except BlockingIOError: pass\nexcept OSError as e: print(e)"), MARKS)  # fmt: skip
case("memory_hidden", "hides its processes from whoever counts their memory", attack(
    LIBC + IN_A_SANDBOX + "tried('to hide', libc.prctl(4, 0, 0, 0, 0) if not libc.prctl(4, 0, 0, 0, 0) else -1)\n"
    "    tried('to hide with more bits', libc.prctl(4, ctypes.c_ulong(0), 1, 1, 1))"))  # fmt: skip

# --- what all that runs on a machine has together -------------------------------------------------------------------

case("terminals", "takes all terminals of the machine", attack(
    "import os\ntaken = []\ntry:\n    while True: taken.append(os.open('/dev/ptmx', os.O_RDWR | os.O_NOCTTY))\nexcept OSError as e: print(len(taken), e)\n"
    f"if len(taken) > 100 and os.readlink('/proc/self/ns/pid') != {OUTSIDE!r}: print('FOUND', len(taken), 'terminals')\nfor one in taken: os.close(one)"))  # fmt: skip
case("watches_and_syncs", "takes all watches on files that a user may have, and has the disks written", attack(
    LIBC + IN_A_SANDBOX + "tried('watch', call(253, 26, 0) if LATER else -1)\n    tried('watch with flags', call(294, 26, 0))\n"
    "    tried('disks', call(162, 81))\n    tried('a disk', call(306, 267, os.open('/usr', os.O_RDONLY)))"))  # fmt: skip
case("names_without_letters", "gives sockets names that are no text, and many lines of them", attack(
    "import socket, time\nkept = []\nfor name in (b'/tmp/\\xff\\xfe', b'\\0\\n\\xff\\n\\r\\n', '/tmp/\u2028ß'.encode()):\n"
    "    kept.append(socket.socket(socket.AF_UNIX)); kept[-1].bind(name)\ntime.sleep(2.5)"))  # fmt: skip
case("many_busy_processes", "computes in thirty processes, each in a session of its own", attack(
    "import os, time\nend = time.time() + 3\nfor i in range(30):\n    if os.fork() == 0:\n        os.setsid()\n        while time.time() < end: pass\n        os._exit(0)\ntime.sleep(3)"), MARKS)  # fmt: skip

# --- honest work that looks a little like it ------------------------------------------------------------------------

case("honest_processes", "computes in processes, threads and shared memory", code(
    "import subprocess, threading\nfrom multiprocessing import get_context, shared_memory\nwith get_context('fork').Pool(2) as pool:\n    print(pool.map(abs, [-1, -2]))\n"
    "room = shared_memory.SharedMemory(create=True, size=1000); room.close(); room.unlink()\nthread = threading.Thread(target=print, args=['a thread']); thread.start(); thread.join()\n"
    "print(subprocess.run(['echo', 'a program'], capture_output=True, text=True).stdout)\n" + RIGHT), points=1, kind="honest")  # fmt: skip
