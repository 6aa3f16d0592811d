"""Equal input gives equal bytes, in every process: ids and boundaries are derived from content, never from a hash."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.conftest import ROOT

CODE = """
import sys
sys.path.insert(0, sys.argv[1])
from compose_checksums import checksums
print("\\n".join(checksums(("pdu", "mime", "mm7"), (300_000,))))
"""


def checksums(hash_seed: str) -> list[str]:
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    command = [sys.executable, "-c", CODE, str(ROOT / "tools")]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_two_processes_with_other_hash_seeds_compose_the_same_bytes() -> None:
    first, second = checksums("1"), checksums("2024")

    assert first == second
    assert len(first) == 30
    assert all(len(line.split()[0]) == 64 for line in first), "every fixture fits 300,000 bytes"
