"""The OpenAPI is true: requests made from it, right and wrong, get the answers it says and never a server error."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import uvicorn

from gateway_adapter.api.routes import endpoints
from tests.gateway.api.conftest import KEY, customers_side

if TYPE_CHECKING:
    from collections.abc import Iterator

# Beside each check that is left out, why.
LEFT_OUT = (
    "positive_data_acceptance",  # a schema can not say that a window lasts an hour or a date is within 180 days
)
# What a run says that is no fault of ours: it adds a header nobody asked for and wants the request refused for that.
NO_FAULTS = re.compile(r"in header - object with unexpected properties")
# A list with more items than allowed may be a body larger than allowed, too: 413 comes before the list is read.
CONFIG = """
[checks.negative_data_rejection]
expected-statuses = [400, 401, 403, 404, 405, 406, 409, 413, 415, 422, 428, 429, "5xx"]
"""
HANGS_S = 900  # ends a run that hangs; how much is tried is counted in cases


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The customers' side on a socket, without the rates that would end the run early; they have their own test."""
    with pytest.MonkeyPatch.context() as patch, customers_side(tmp_path_factory.mktemp("open")) as (app, _):
        patch.setattr(endpoints, "_take", lambda *_: None)
        server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error"))
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.02)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        server.should_exit = True
        thread.join()


def test_what_the_document_says_is_what_happens(address, tmp_path):
    (tmp_path / "schemathesis.toml").write_text(CONFIG, encoding="utf-8")
    command = [
        Path(sys.executable).with_name("schemathesis"), "run", f"{address}/openapi.json",
        "--header", f"Authorization: App {KEY}", "--exclude-checks", ",".join(LEFT_OUT),
        "--phases", "coverage,fuzzing", "--max-examples", "2", "--seed", "20261122", "--generation-deterministic",
        "--continue-on-failure", "--suppress-health-check", "all", "--no-color",
    ]  # fmt: skip
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=HANGS_S, check=False)

    failures = re.findall(r"^- (?:ST|.*Server error).*?(?=^Reproduce with)", run.stdout, re.MULTILINE | re.DOTALL)
    faults = [one for one in failures if not NO_FAULTS.search(one)]
    assert not faults, "\n".join(faults)[:6000]
    assert re.search(r"Tested: [1-9]", run.stdout), (run.stdout + run.stderr)[-3000:]
    assert run.returncode in {0, 1}, run.stderr[-2000:]
