"""A worker for the tests of the pool: each handler tries one thing that a taken-over decoder would."""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from mmscontent.errors import DamagedMedia, DoesNotFit, MalformedContent
from mmscontent.message import MediaInfo
from mmscontent.rate_quality import Curve
from mmscontent.sandbox import worker_main


@dataclass(frozen=True, slots=True)
class Sight:
    """A stand-in for what a codec hands back."""

    info: MediaInfo
    curve: Curve
    tags: tuple[str, ...] = ()
    best: float | None = None


REGISTRY = (MediaInfo, Curve, Sight)


def echo(_session, *args):
    return args


def count(session, step):
    session["count"] = session.get("count", 0) + step
    return session["count"]


def sessions_held(_session):
    """How many sessions' states the worker holds, found as its main loop holds them."""
    frame = sys._getframe()
    while "sessions" not in frame.f_locals:
        frame = frame.f_back
    return len(frame.f_locals["sessions"])


def whoami(_session):
    return os.getpid()


def environment(_session):
    return dict(os.environ)


def open_descriptors(_session):
    return sum(_is_open(n) for n in range(64))


def _is_open(number):
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def read(_session, path):
    return Path(path).read_bytes()


def listing(_session, path):
    return [entry.name for entry in Path(path).iterdir()]


def write(_session, path):
    Path(path).write_bytes(b"planted")


def write_here(_session):
    Path("planted").write_bytes(b"planted")


def connect(_session, host, port):
    socket.create_connection((host, port), timeout=2).close()


def connect_by_hand(_session):
    """The calls themselves, past Python's socket module; the errno of each."""
    libc = ctypes.CDLL(None, use_errno=True)
    answers = []
    for call in (lambda: libc.socket(2, 1, 0), lambda: libc.socket(1, 1, 0), lambda: libc.connect(0, None, 0)):
        assert call() == -1
        answers.append(ctypes.get_errno())
    return answers


def fork(_session):
    return os.fork()


def execute(_session):
    os.execv(sys.executable, [sys.executable, "-c", "pass"])


def spawn(_session):
    return subprocess.run([sys.executable, "-c", "pass"], check=False).returncode


def thread(_session):
    seen = []
    one = threading.Thread(target=lambda: seen.append(threading.get_native_id()))
    one.start()
    one.join()
    return len(seen)


def signal_other(_session, pid):
    os.kill(pid, 0)


def signal_by_descriptor(_session, pid):
    """Ask that whatever arrives on a descriptor be told to another process by a signal."""
    fcntl.fcntl(1, fcntl.F_SETOWN, pid)


def attach(_session, pid):
    """ptrace(PTRACE_ATTACH): deadly."""
    ctypes.CDLL(None).ptrace(16, pid, None, None)


def bomb_bytes(session):
    session["bomb"] = [bytearray(64 << 20) for _ in range(1000)]


def bomb_malloc(_session):
    """A library that does not check what malloc gave it."""
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    libc.memset.argtypes = (ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t)
    libc.memset(libc.malloc(ctypes.c_size_t(1 << 40)), 1, 1)


def forever(_session):
    while True:
        pass


def asleep(_session, seconds):
    time.sleep(seconds)


def end_by(_session, name):
    os.kill(os.getpid(), getattr(signal, name))
    time.sleep(5)


def leave(_session, status):
    os._exit(status)


def raise_ours(_session, which):
    raise {
        "damaged": DamagedMedia("beach.jpg ends early"),
        "malformed": MalformedContent("bad octet", offset=17),
        "tight": DoesNotFit(
            "too small",
            limit_bytes=5,
            smallest_bytes=9,
            tries=("q1",),
            options=({"do": "drop", "gives": {"bytes": 1}},),
        ),
    }[which]


def raise_other(_session):
    raise KeyError("a library's own\ninside story")


def answer_odd(_session):
    return object()


def sight(_session, tags):
    info = MediaInfo("image/jpeg", "image", 1000, width_px=640, height_px=480, notes=("odd",))
    return Sight(info, Curve.through([(100, 10.0), (1000, 80.0)]), tuple(tags), 91.5)


def warn(_session, count):
    sys.stderr.write("x" * count)
    return count


def say_raw(_session, data):
    """A taken-over worker writes what it likes on the wire."""
    os.write(worker_main.WorkerState.transport._end.fileno(), data)
    time.sleep(30)


HANDLERS = {
    f.__name__: f
    for f in (
        echo, count, sessions_held, whoami, environment, open_descriptors, read, listing, write, write_here, connect,
        connect_by_hand, fork, execute, spawn, thread, signal_other, signal_by_descriptor, attach, bomb_bytes,
        bomb_malloc, forever, asleep, end_by, leave, raise_ours, raise_other, answer_odd, sight, warn, say_raw,
    )
}  # fmt: skip

if __name__ == "__main__":
    worker_main.serve(HANDLERS, classes=REGISTRY)
