"""kill -9 of the gateway at random points during traffic, with an operator and a customer that misbehave.

    python benchmarks/gateway_faults.py [--kills 100] [--seed 1]

Traffic, processes and counting are those of tests/gateway/core/faults.py, whose short form runs with the tests.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.gateway.core.faults import World, told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        count = World(Path(folder), arguments.seed).run(arguments.kills, (0.2, 1.5))
    print(json.dumps(told(count)))
    sys.exit(0 if count.is_clean() else 1)


if __name__ == "__main__":
    main()
