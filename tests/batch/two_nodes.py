"""A Ray cluster of two nodes on loopback, as a program: it reports its address, then obeys commands, line by line.

kill    the second node goes away at once, with whatever it was doing
end     everything is taken down

Its reports go to the file descriptor of its first argument, because Ray prints on standard output.
"""

from __future__ import annotations

import os
import sys

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

from ray.cluster_utils import Cluster  # the variable must be set before

# Not 127.0.0.1: Ray takes that for "this machine" and puts the machine's own address in its place.
STORE_BYTES = 100 << 20


def report(line: str) -> None:
    os.write(int(sys.argv[1]), line.encode() + b"\n")


def main() -> None:
    node = {"num_cpus": 1, "object_store_memory": STORE_BYTES}
    head = {**node, "node_ip_address": "127.0.0.2", "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    second = cluster.add_node(**node, node_ip_address="127.0.0.3")
    cluster.wait_for_nodes()
    report(cluster.address)
    for line in sys.stdin:
        if line.strip() == "kill":
            cluster.remove_node(second, allow_graceful=False)
            report("killed")
        else:
            break
    cluster.shutdown()


if __name__ == "__main__":
    main()
