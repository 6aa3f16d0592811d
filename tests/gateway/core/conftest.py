"""One running gateway and one customer's system for all tests that only talk to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.gateway.core.process import Customer, Running, gateway

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def customer() -> Iterator[Customer]:
    made = Customer()
    yield made
    made.close()


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with gateway(tmp_path_factory.mktemp("gateway")) as running:
        yield running


@pytest.fixture
def running(served: Running) -> Running:
    served.behave()
    return served
