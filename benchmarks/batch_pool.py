"""Why every worker of a batch is a pool of its own: one pebble pool of two workers under kills. `python batch_pool.py`.

3,000 jobs of 5 ms with results of 300 KB; a random worker is killed every 0.7 to 1.5 s. It ends when all jobs are
done or nothing has come for 25 s, and says how many came back as what.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import random
import signal
import threading
import time
from collections import Counter

from pebble import ProcessPool

JOBS, RESULT_BYTES, JOB_S, SILENCE_S = 3000, 300_000, 0.005, 25.0


def job() -> bytes:
    time.sleep(JOB_S)
    return bytes(RESULT_BYTES)


def main() -> None:
    pool = ProcessPool(2, context=multiprocessing.get_context("spawn"))
    futures = [pool.schedule(job) for _ in range(JOBS)]
    stop, killed, chance = threading.Event(), Counter[str](), random.Random(8)

    def hunt() -> None:
        while not stop.wait(chance.uniform(0.7, 1.5)):
            workers = [child.pid for child in multiprocessing.active_children() if child.pid]
            if workers:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(chance.choice(workers), signal.SIGKILL)
                    killed["kills"] += 1

    threading.Thread(target=hunt, daemon=True).start()
    done, since = 0, time.monotonic()
    while done < JOBS and time.monotonic() - since < SILENCE_S:
        now = sum(future.done() for future in futures)
        done, since = (now, time.monotonic()) if now != done else (done, since)
        time.sleep(0.2)
    stop.set()
    ends = Counter(type(f.exception()).__name__ if f.exception() else "result" for f in futures if f.done())
    print({**killed, **ends, "never": JOBS - done}, flush=True)
    os._exit(0)  # the pool would wait for workers that wait for it


if __name__ == "__main__":
    main()
