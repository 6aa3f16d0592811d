"""The layers of the sandbox, tried from inside by a worker that does what a taken-over decoder would."""

from __future__ import annotations

import errno
import os
import socket
import struct
from pathlib import Path

import pytest

from mmscontent.errors import EngineFailed, EngineTimeout, JailKilled
from mmscontent.sandbox.pool import SandboxPool
from tests.sandbox.conftest import MODULE, ROOT, SMALL, ended, needs_linux, run_script
from tests.sandbox.worker_handlers import REGISTRY

# layers


@needs_linux
def test_every_layer_is_in_force_here_or_says_why_not(pool):
    layers = pool.layers()

    assert len({layer.name for layer in layers}) == len(layers) >= 13
    assert all(layer.detail for layer in layers)
    assert {"system calls", "no new privileges", "memory limit"} <= {x.name for x in layers if x.in_force}


@needs_linux
def test_no_connection_leaves_the_sandbox(session):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        with pytest.raises(EngineFailed, match="PermissionError"):
            session.call("connect", *listener.getsockname())
        with pytest.raises(BlockingIOError):  # nobody connected
            listener.accept()
    assert session.call("connect_by_hand") == (errno.EPERM,) * 3


@needs_linux
@pytest.mark.parametrize("function", ["read", "write"])
def test_no_file_outside_is_read_or_written(session, tmp_path, function):
    secret = tmp_path / "secret"
    secret.write_bytes(b"the key")

    with pytest.raises(EngineFailed, match="PermissionError"):
        session.call(function, str(secret))
    assert secret.read_bytes() == b"the key"


@needs_linux
@pytest.mark.parametrize(
    "path", ["/", "/proc", "/etc", "/tmp", str(Path.home()), str(ROOT), str(ROOT / "tests" / "..")]
)
def test_no_folder_outside_is_listed(session, path):
    with pytest.raises(EngineFailed, match="PermissionError"):
        session.call("listing", path)


@needs_linux
@pytest.mark.parametrize("path", ["/etc/passwd", "/proc/self/environ", "/proc/self/mem", "/proc/{parent}/environ"])
def test_no_secret_of_the_system_is_read(session, path):
    with pytest.raises(EngineFailed, match=r"PermissionError|FileNotFoundError"):
        session.call("read", path.format(parent=os.getpid()))


@needs_linux
def test_nothing_is_written_even_in_its_own_folder(session):
    with pytest.raises(EngineFailed, match=r"PermissionError|FileNotFoundError"):
        session.call("write_here")


def test_nothing_of_our_environment_or_descriptors_is_inherited(monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "x")
    with open(__file__, "rb"), SandboxPool(MODULE, classes=REGISTRY).open_session() as other:  # noqa: PTH123
        environment = other.call("environment")
        count = other.call("open_descriptors")

    assert "SECRET_TOKEN" not in environment
    assert environment.keys() <= {
        "LC_ALL",
        "MALLOC_ARENA_MAX",
        "OPENBLAS_NUM_THREADS",
        "OMP_NUM_THREADS",
        "LD_LIBRARY_PATH",
    }
    assert count == 4  # stdin, stdout, stderr, the wire


@needs_linux
@pytest.mark.parametrize("function", ["fork", "execute", "spawn"])
def test_no_process_and_no_program_is_started(session, function):
    with pytest.raises(EngineFailed, match="PermissionError"):
        session.call(function)


def test_threads_are_allowed(session):
    assert session.call("thread") == 1


@needs_linux
@pytest.mark.parametrize("function", ["signal_other", "signal_by_descriptor"])
def test_other_processes_cannot_be_signalled(session, function):
    with pytest.raises(EngineFailed, match="PermissionError"):
        session.call(function, os.getpid())


# hostile replies


def value(text: str) -> bytes:
    return frame(f'{{"d":{{"value":{text}}}}}'.encode())


def error(name: str, attributes: str = "") -> bytes:
    held = f'{{"class":"{name}","message":"x","attributes":{{"d":{{{attributes}}}}},"retryable":false}}'
    return frame(f'{{"d":{{"error":{{"d":{held}}}}}}}'.encode())


def frame(header: bytes, *lengths: int) -> bytes:
    return (
        struct.pack(">4sII", b"MMSJ", len(header), len(lengths)) + struct.pack(f">{len(lengths)}Q", *lengths) + header
    )


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (b"garbage, not a frame at all", "begins with"),
        (b"\x80\x04\x95" + bytes(40), "begins with"),
        (struct.pack(">4sII", b"MMSJ", 1 << 31, 0), "over its limits"),
        (struct.pack(">4sII", b"MMSJ", 10, 1 << 31), "over its limits"),
        (frame(b"{}", 1 << 62), "at most"),
        (frame(b"{}", *([1 << 30] * 4)), "at most"),
        (frame(b"not json"), "cannot be read"),
        (frame(b"[" * 100_000), "cannot be read"),
        (frame(b"[" * 40 + b"]" * 40), "deeper"),
        (value('{"b":7}'), "cannot be read"),
        (value('{"c":"Popen","f":{"d":{}},"x":1}'), "do not know"),
        (value('{"c":"Popen","f":{}}'), "not registered"),
        (value('{"c":"Sight","f":{}}'), "other fields"),
        (value('{"c":"Curve","f":{"sizes_bytes":[1],"qualities":["x"]}}'), "Curve.qualities is of the wrong type"),
        (value('{"c":"Curve","f":{"sizes_bytes":[true],"qualities":[1.0]}}'), "Curve.sizes_bytes is of the wrong type"),
        (value('{"c":"Curve","f":{"sizes_bytes":[2,1],"qualities":[1,2]}}'), "not rising"),
        (value('{"c":"Curve","f":{"sizes_bytes":[1],"qualities":[NaN]}}'), "do not know"),
        (value("1e999"), "do not know"),
        (value("9" * 30), "do not know"),
        (frame(b'{"d":{"other":1}}'), "class, message and attributes"),
        (error("SystemExit"), "none of ours"),
        (error("MalformedContent"), "none of ours"),
        (error("MalformedContent", '"part":"","offset":"1"'), "MalformedContent.offset of an error is of the wrong"),
    ],
)  # fmt: skip
def test_a_hostile_reply_is_a_named_error_and_ends_the_worker(fresh, reply, why):
    with fresh.open_session() as session:
        pid = session.call("whoami")
        with pytest.raises(JailKilled, match=f"broke the protocol.*({why})") as caught:
            session.call("say_raw", reply, part="beach.jpg")

    assert caught.value.limit == "reply"
    assert ended(pid)


def test_a_reply_that_drips_is_stopped_by_the_wall_clock(fresh):
    with fresh.open_session() as session, pytest.raises(EngineTimeout):
        session.call("say_raw", frame(b"{}", 1000) + b"x", timeout_s=0.3)


def test_a_result_over_its_bound_is_refused(fresh):
    with fresh.open_session() as session, pytest.raises(JailKilled, match="at most 1048576"):
        session.call("echo", bytes(SMALL.result_bytes + 1))


WITHOUT_LANDLOCK_AND_NAMESPACES = f"""
import ctypes, os, struct
from mmscontent.sandbox import hardening
from mmscontent.sandbox.pool import SandboxPool
refuse = {{"x86_64": (272, 444), "aarch64": (97, 444)}}[os.uname().machine]  # unshare, landlock_create_ruleset
lines = [hardening._load(0)]
for number in refuse:
    lines += [hardening._jump(0x15, number, 0, 1), hardening._return(hardening._RET_ERRNO | 1)]
code = ctypes.create_string_buffer(b"".join([*lines, hardening._return(hardening._RET_ALLOW)]))
libc = ctypes.CDLL(None)
assert libc.prctl(38, ctypes.c_ulong(1), ctypes.c_ulong(0), ctypes.c_ulong(0), ctypes.c_ulong(0)) == 0
assert libc.prctl(22, ctypes.c_ulong(2), struct.pack("@HP", len(lines) + 1, ctypes.addressof(code))) == 0
pool = SandboxPool({MODULE!r})
print(sorted(layer.name for layer in pool.layers() if not layer.in_force))
for attempt in (("connect", "127.0.0.1", 9), ("write", "/tmp/planted"), ("fork",), ("listing", "/tmp")):
    try:
        print(attempt[0], "got", bool(pool.open_session().call(*attempt)))
    except Exception as error:
        print(attempt[0], type(error).__name__, "PermissionError" in str(error))
"""


@needs_linux
def test_a_system_without_landlock_and_namespaces_says_so_and_the_other_layers_hold(tmp_path):
    done = run_script(tmp_path, WITHOUT_LANDLOCK_AND_NAMESPACES)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "['landlock', 'threads limit', 'user and network namespace']",
        "connect EngineFailed True",
        "write EngineFailed True",
        "fork EngineFailed True",
        "listing got True",
    ]
