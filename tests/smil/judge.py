"""The W3C's SMIL 1.0 DTD as a judge, where xmllint and the DTD are installed (libxml2-utils, w3c-sgml-lib)."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

__all__ = ["IS_HERE", "assert_valid"]

DTD = Path("/usr/share/xml/w3c-sgml-lib/schema/dtd/REC-smil-19980615/smil10.dtd")
IS_HERE = shutil.which("xmllint") is not None and DTD.is_file()


def assert_valid(data: bytes) -> None:
    """The document is valid; says nothing where the judge is not here, which one test reports."""
    if not IS_HERE:
        return
    done = subprocess.run(
        ["xmllint", "--nonet", "--noout", "--dtdvalid", str(DTD), "-"], input=data, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
