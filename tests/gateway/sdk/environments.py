"""Environments with one real client each, made when first asked for and kept beside other caches of the user."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

__all__ = ["CLIENTS", "Client", "Unreachable", "python_of"]

_INSTALL_S = 180


class Unreachable(Exception):
    """A client can not be had from the package index."""


@dataclass(frozen=True, slots=True)
class Client:
    """A client, what it needs, and the script that drives it.

    Attributes:
        packages: Installed with their dependencies, in this order.
        alone: Installed without them: the client names versions that have no wheels for this Python.
        is_told: Its driver names a URL for the reports of a message that is due now.
    """

    name: str
    driver: str
    packages: tuple[str, ...]
    alone: tuple[str, ...] = ()
    is_told: bool = True


CLIENTS = (
    Client(
        "infobip-api-python-sdk 5.0.1",
        "drive_community.py",
        (
            "pydantic[email]>=1.10.8,<2",
            "requests>=2.31",
            "regex>=2022.3.15",
            "setuptools<81",  # the client imports pkg_resources
        ),
        ("infobip-api-python-sdk==5.0.1",),
        is_told=False,  # the one message it names a URL for is for tomorrow
    ),
    Client("infobip-cpaasx 0.0.2", "drive_cpaasx.py", ("pydantic<2", "infobip-cpaasx==0.0.2")),
    Client("infobip-api-python-client 6.0.0", "drive_client.py", ("infobip-api-python-client==6.0.0",)),
)


def python_of(client: Client) -> Path:
    """The Python of the client's environment.

    Raises:
        Unreachable: It had to be made, and the package index did not answer or has no such package.
    """
    asked = repr((sys.version_info[:2], client.packages, client.alone)).encode()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    name = f"{client.driver.removesuffix('.py')}-{hashlib.sha256(asked).hexdigest()[:12]}"
    home = cache / "mmscontent" / "sdk" / name
    python = home / "bin" / "python"
    home.parent.mkdir(parents=True, exist_ok=True)
    with home.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another run may be making it
        if not (home / "done").is_file():
            shutil.rmtree(home, ignore_errors=True)
            venv.create(home, with_pip=False)  # the pip at hand installs into it
            _install(python, client.packages)
            _install(python, client.alone, "--no-deps")
            (home / "done").touch()
    return python


def _install(python: Path, packages: tuple[str, ...], *options: str) -> None:
    if not packages:
        return
    pip = [sys.executable, "-m", "pip", "--python", python, "--quiet", "--disable-pip-version-check"]
    command = [*pip, "install", *options, *packages]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_INSTALL_S, check=False)
    except subprocess.TimeoutExpired as exc:
        raise Unreachable(f"the package index took longer than {_INSTALL_S} s") from exc
    if done.returncode:
        raise Unreachable(f"pip could not install {' '.join(packages)}: {done.stderr.strip()[-400:]}")
