"""The short form of benchmarks/gateway_faults.py: a gateway killed twice during traffic with a misbehaving operator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.gateway.core.faults import World

if TYPE_CHECKING:
    from pathlib import Path


def test_killed_twice_nothing_is_lost_and_no_phone_gets_a_message_twice(tmp_path: Path) -> None:
    count = World(tmp_path, seed=1, validity_s=8).run(2, (0.5, 1.5))

    assert count.accepted > 20
    assert count.is_clean(), count
