"""A worker for the tests of the jail: each handler tries one thing that a taken-over decoder would."""

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


def echo(_seat, *args):
    return args


def count(seat, step):
    seat["count"] = seat.get("count", 0) + step
    return seat["count"]


def seats_held(_seat):
    """How many seats' states the worker holds, found as its main loop holds them."""
    frame = sys._getframe()
    while "seats" not in frame.f_locals:
        frame = frame.f_back
    return len(frame.f_locals["seats"])


def whoami(_seat):
    return os.getpid()


def environment(_seat):
    return dict(os.environ)


def open_descriptors(_seat):
    return sum(_is_open(n) for n in range(64))


def _is_open(number):
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def read(_seat, path):
    return Path(path).read_bytes()


def listing(_seat, path):
    return [entry.name for entry in Path(path).iterdir()]


def write(_seat, path):
    Path(path).write_bytes(b"planted")


def write_here(_seat):
    Path("planted").write_bytes(b"planted")


def connect(_seat, host, port):
    socket.create_connection((host, port), timeout=2).close()


def connect_by_hand(_seat):
    """The calls themselves, past Python's socket module; the errno of each."""
    libc = ctypes.CDLL(None, use_errno=True)
    answers = []
    for call in (lambda: libc.socket(2, 1, 0), lambda: libc.socket(1, 1, 0), lambda: libc.connect(0, None, 0)):
        assert call() == -1
        answers.append(ctypes.get_errno())
    return answers


def fork(_seat):
    return os.fork()


def execute(_seat):
    os.execv(sys.executable, [sys.executable, "-c", "pass"])


def spawn(_seat):
    return subprocess.run([sys.executable, "-c", "pass"], check=False).returncode


def thread(_seat):
    seen = []
    one = threading.Thread(target=lambda: seen.append(threading.get_native_id()))
    one.start()
    one.join()
    return len(seen)


def signal_other(_seat, pid):
    os.kill(pid, 0)


def signal_by_descriptor(_seat, pid):
    """Ask that whatever arrives on a descriptor be told to another process by a signal."""
    fcntl.fcntl(1, fcntl.F_SETOWN, pid)


def attach(_seat, pid):
    """ptrace(PTRACE_ATTACH): deadly."""
    ctypes.CDLL(None).ptrace(16, pid, None, None)


def bomb_bytes(seat):
    seat["bomb"] = [bytearray(64 << 20) for _ in range(1000)]


def bomb_malloc(_seat):
    """A library that does not check what malloc gave it."""
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    libc.memset.argtypes = (ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t)
    libc.memset(libc.malloc(ctypes.c_size_t(1 << 40)), 1, 1)


def forever(_seat):
    while True:
        pass


def asleep(_seat, seconds):
    time.sleep(seconds)


def end_by(_seat, name):
    os.kill(os.getpid(), getattr(signal, name))
    time.sleep(5)


def leave(_seat, status):
    os._exit(status)


def raise_ours(_seat, which):
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


def raise_other(_seat):
    raise KeyError("a library's own\ninside story")


def answer_odd(_seat):
    return object()


def sight(_seat, tags):
    info = MediaInfo("image/jpeg", "image", 1000, width_px=640, height_px=480, notes=("odd",))
    return Sight(info, Curve.through([(100, 10.0), (1000, 80.0)]), tuple(tags), 91.5)


def warn(_seat, count):
    sys.stderr.write("x" * count)
    return count


def say_raw(_seat, data):
    """A taken-over worker writes what it likes on the wire."""
    os.write(worker_main._Cell.wire._end.fileno(), data)
    time.sleep(30)


HANDLERS = {
    f.__name__: f
    for f in (
        echo, count, seats_held, whoami, environment, open_descriptors, read, listing, write, write_here, connect,
        connect_by_hand, fork, execute, spawn, thread, signal_other, signal_by_descriptor, attach, bomb_bytes,
        bomb_malloc, forever, asleep, end_by, leave, raise_ours, raise_other, answer_odd, sight, warn, say_raw,
    )
}  # fmt: skip

if __name__ == "__main__":
    worker_main.serve(HANDLERS, registry=REGISTRY)
