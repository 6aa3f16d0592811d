"""What the sandbox pool promises its caller: state, errors, endings, and nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from mmscontent.errors import (
    DamagedMedia,
    DoesNotFit,
    EngineFailed,
    EngineMissing,
    EngineTimeout,
    JailKilled,
    MalformedContent,
)
from mmscontent.rate_quality import Curve
from mmscontent.sandbox.pool import SandboxPool, shared_pool
from mmscontent.sandbox.protocol import Transport
from tests.sandbox.conftest import LONG_S, MODULE, ROOT, ended, needs_linux, run_script
from tests.sandbox.worker_handlers import REGISTRY, Sight

# values and state


def test_values_come_back_as_they_went_in(session):
    value = (None, True, -5, 2.5, "ü\ud800", b"\x00\xff", {"a": (1, {"b": b""})}, "long " * 5000)

    assert session.call("echo", *value) == value


def test_a_dataclass_of_the_registry_crosses_both_ways(session):
    made = session.call("sight", ["a", "b"])

    assert made == Sight(made.info, Curve.through([(100, 10.0), (1000, 80.0)]), ("a", "b"), 91.5)
    assert session.call("echo", made) == (made,)


def test_a_session_keeps_its_state_and_shares_it_with_nobody(pool):
    with pool.open_session() as one, pool.open_session() as two, pool.open_session() as three:
        assert [s.call("count", n) for s, n in ((one, 1), (two, 10), (three, 100), (one, 1), (three, 1))] == [
            1, 10, 100, 2, 101,
        ]  # fmt: skip


def test_a_closed_session_leaves_no_state_behind(fresh):
    with fresh.open_session() as one:
        one.call("count", 5)
    with fresh.open_session() as two:
        assert two.call("count", 1) == 1


def test_sessions_go_to_the_least_busy_worker_and_workers_stay_warm(pool):
    with pool.open_session() as one, pool.open_session() as two:
        pids = {one.call("whoami"), two.call("whoami")}
    with pool.open_session() as three:
        assert len(pids) == 2
        assert three.call("whoami") in pids


def test_a_value_that_may_not_cross_is_refused_before_it_is_sent(session):
    with pytest.raises(TypeError, match=r"Path cannot be sent"):
        session.call("echo", Path("x"))
    assert session.call("echo", 1) == (1,)


# errors

DROP = {"do": "drop", "gives": {"bytes": 1}}


@pytest.mark.parametrize(
    ("which", "error", "held"),
    [
        ("damaged", DamagedMedia, {"part": "beach.jpg"}),
        ("malformed", MalformedContent, {"offset": 17}),
        ("tight", DoesNotFit, {"limit_bytes": 5, "smallest_bytes": 9, "tries": ("q1",), "options": (DROP,)}),
    ],
)  # fmt: skip
def test_our_errors_cross_with_all_they_hold(session, which, error, held):
    with pytest.raises(error) as caught:
        session.call("raise_ours", which, part="beach.jpg")

    assert {key: getattr(caught.value, key) for key in held} == held


def test_any_other_exception_becomes_engine_failed_with_its_name_and_last_line(session):
    with pytest.raises(EngineFailed, match=r"beach.jpg: KeyError") as caught:
        session.call("raise_other", part="beach.jpg")

    assert "raise_other" in caught.value.last_lines
    assert session.call("echo") == ()


@pytest.mark.parametrize(("function", "why"), [("answer_odd", "object cannot be sent"), ("nothing", "no function")])
def test_a_mistake_of_our_own_module_is_named(session, function, why):
    with pytest.raises(EngineFailed, match=why):
        session.call(function)


@pytest.mark.parametrize(
    ("module", "error"),
    [("tests.sandbox.no_such_module", EngineMissing), ("tests.sandbox.broken_worker_handlers", EngineFailed)],
)
def test_a_worker_that_cannot_start_says_why(module, error):
    pool = SandboxPool(module)
    with pytest.raises(error, match="doctor"), pool.open_session() as session:
        session.call("echo")


# ends


@needs_linux
@pytest.mark.parametrize(
    ("function", "args", "limit"),
    [
        ("bomb_bytes", (), "memory"),
        ("bomb_malloc", (), "crash"),
        ("end_by", ("SIGSEGV",), "crash"),
        ("end_by", ("SIGABRT",), "crash"),
        ("end_by", ("SIGKILL",), "memory"),
        ("end_by", ("SIGXCPU",), "cpu time"),
        ("end_by", ("SIGXFSZ",), "file size"),
        ("attach", (1,), "system call"),
        ("leave", (3,), "crash"),
        ("leave", (0,), "crash"),
    ],
)
def test_a_worker_that_dies_is_a_named_error_and_the_next_session_works(fresh, function, args, limit):
    with fresh.open_session() as session, pytest.raises(JailKilled, match=r"beach.jpg") as caught:
        session.call(function, *args, part="beach.jpg")
    with fresh.open_session() as session:
        assert session.call("echo", 1) == (1,)

    assert (caught.value.limit, caught.value.part, caught.value.retryable) == (limit, "beach.jpg", False)


@pytest.mark.parametrize(("function", "args"), [("forever", ()), ("asleep", (10 * LONG_S,))])
def test_an_endless_call_is_stopped_by_the_wall_clock(fresh, function, args):
    with fresh.open_session() as session:
        pid = session.call("whoami")
        with pytest.raises(EngineTimeout, match=r"beach.jpg took longer than 0.3 s") as caught:
            session.call(function, *args, part="beach.jpg", timeout_s=0.3)

    assert caught.value.retryable
    assert ended(pid)


def test_processor_time_is_counted_per_call_and_bounded(fresh):
    with fresh.open_session() as session, pytest.raises(JailKilled) as caught:
        session.call("forever")
    assert caught.value.limit == "cpu time"


def test_the_other_sessions_of_a_dead_worker_may_start_again(fresh):
    with fresh.open_session() as culprit, fresh.open_session() as innocent:
        innocent.call("count", 1)
        with pytest.raises(JailKilled):
            culprit.call("end_by", "SIGSEGV", part="bad.jpg")
        with pytest.raises(JailKilled, match=r"held good.jpg is gone: bad.jpg ended it \(crash\)") as caught:
            innocent.call("count", 1, part="good.jpg")

    assert (caught.value.limit, caught.value.retryable) == ("neighbour", True)


# housekeeping


def test_a_worker_that_talks_without_end_neither_stops_nor_fills_us(session):
    assert all(session.call("warn", 100_000) for _ in range(5))


def test_an_error_quotes_the_last_line_of_a_dead_worker(fresh):
    with fresh.open_session() as session, pytest.raises(JailKilled, match="its last message"):
        session.call("end_by", "SIGSEGV")


def test_close_leaves_no_process_and_no_folder_behind(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    pool = SandboxPool(MODULE, workers=2, classes=REGISTRY)
    sessions = [pool.open_session(), pool.open_session()]
    pids = [s.call("whoami") for s in sessions]
    pool.close()

    assert all(ended(pid) for pid in pids)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(JailKilled, match="the sandbox pool was closed"):
        sessions[0].call("echo")


def test_closing_a_pool_ends_a_call_that_another_thread_waits_for(fresh):
    session = fresh.open_session()
    closing = threading.Thread(target=fresh.close)
    meanwhile(session, closing.start)
    with pytest.raises(JailKilled, match="the sandbox pool was closed") as caught:
        session.call("asleep", 10 * LONG_S)
    closing.join()

    assert caught.value.retryable
    with fresh.open_session() as again:
        assert again.call("echo") == ()


def test_an_interrupted_call_ends_its_worker_so_that_no_answer_is_taken_for_another(fresh):
    session = fresh.open_session()
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where a shell runs us in its background
    meanwhile(session, lambda: signal.raise_signal(signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        session.call("echo", 1)
    signal.signal(signal.SIGINT, before)
    with pytest.raises(JailKilled, match="interrupted"):
        session.call("echo", 2)


def meanwhile(session, action):
    """Do something when the session's next call was sent and its answer is waited for."""
    session.call("echo")
    transport = session._worker._transport
    read = transport.read

    def reading(*args, **options):
        del transport.read  # once
        action()
        return read(*args, **options)

    transport.read = reading


def test_a_session_nobody_holds_is_forgotten(fresh):
    fresh.open_session().call("count", 5)
    with fresh.open_session() as keeper:
        assert keeper.call("sessions_held") == 1


def test_two_workers_work_at_the_same_time():
    with SandboxPool(MODULE, workers=2, classes=REGISTRY).open_session() as one, one._pool.open_session() as two:
        others = []
        meanwhile(one, lambda: others.append(two.call("whoami")))  # answered while the first call is under way
        assert [one.call("whoami")] != others


def test_a_forgotten_pool_ends_its_workers():
    session = SandboxPool(MODULE, classes=REGISTRY).open_session()
    pid = session._worker._process.pid
    del session

    assert ended(pid)


def test_many_sessions_from_many_threads(pool):
    failures = []

    def work(number):
        for turn in range(5):
            with pool.open_session() as session:
                payload = bytes([number]) * (1000 * turn)
                if session.call("echo", payload) != (payload,) or session.call("count", number) != number:
                    failures.append((number, turn))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(1, 9)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    assert failures == []


@needs_linux
def test_a_worker_outlives_the_thread_that_asked_for_it():
    pool = SandboxPool(MODULE, workers=1, classes=REGISTRY)
    pids = []
    asking = threading.Thread(target=lambda: pids.append(pool.open_session().call("whoami")))
    asking.start()
    asking.join()
    while Path(f"/proc/self/task/{asking.native_id}").exists():  # join() returns before the thread itself has ended
        os.sched_yield()

    with pool.open_session() as session:
        assert session.call("whoami") == pids[0]
    pool.close()


def test_shared_pool_is_one_a_module_and_process():
    assert shared_pool(MODULE, classes=REGISTRY) is shared_pool(MODULE, classes=REGISTRY)


ASK = f"""
from mmscontent.sandbox.pool import shared_pool
print("side effect")
session = shared_pool({MODULE!r}).open_session()
print(session.call("whoami"), flush=True)
"""


def test_an_unguarded_script_works_and_leaves_nothing(tmp_path):
    done = run_script(tmp_path, ASK)

    assert (done.returncode, done.stderr) == (0, "")
    first, pid = done.stdout.split("\n")[:2]
    assert first == "side effect"
    assert done.stdout.count("side effect") == 1
    assert ended(int(pid))


def test_a_module_beside_the_script_is_not_loaded_by_the_worker(tmp_path):
    (tmp_path / "runpy.py").write_text("raise SystemExit('shadowed')")

    assert run_script(tmp_path, ASK).returncode == 0


def test_after_a_fork_the_child_has_workers_of_its_own(tmp_path):
    done = run_script(
        tmp_path,
        ASK
        + f"""
import os
child = os.fork()
with shared_pool({MODULE!r}).open_session() as own:
    print(own.call("whoami"), flush=True)
if child:
    assert os.waitpid(child, 0)[1] == 0
    print(session.call("whoami"), flush=True)
""",
    )

    assert done.returncode == 0, done.stderr
    pids = done.stdout.split()[2:]
    before, *own, after = pids
    assert before == after
    assert len({before, *own}) == 3


@needs_linux
def test_no_worker_outlives_a_parent_that_is_killed(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(ASK + '\nsession.call("forever", timeout_s=100)\n')
    parent = subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    with parent:
        parent.stdout.readline()
        pid = int(parent.stdout.readline())
        os.kill(pid, 0)  # it is there
        parent.send_signal(signal.SIGKILL)

    assert ended(pid)


def test_serve_outside_a_sandbox_says_what_to_do():
    from mmscontent.sandbox import worker_main

    with pytest.raises(RuntimeError, match="SandboxPool"):
        worker_main.serve({})


def test_an_empty_call_is_one_small_frame_each_way(session, monkeypatch):
    session.call("echo")
    frames = []
    write, read = Transport.write, Transport.read

    def writing(transport, buffers, **options):
        frames.append(sum(map(len, buffers)))
        write(transport, buffers, **options)

    def reading(*args, **options):
        header, blobs = read(*args, **options)
        frames.append(len(header) + sum(map(len, blobs)))
        return header, blobs

    monkeypatch.setattr(Transport, "write", writing)
    monkeypatch.setattr(Transport, "read", reading)
    session.call("echo")

    assert len(frames) == 2
    assert max(frames) < 150
