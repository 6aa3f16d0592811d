"""What all tests share: where the real files are, and how they are named."""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
# Real files lie beside the checkout, or where the variable says; they are never part of the repository.
CORPUS = Path(os.environ.get("MMSCONTENT_CORPUS", ROOT.parent / "shared" / "corpus"))


@dataclass(frozen=True, slots=True)
class CorpusFile:
    """One row of the corpus' MANIFEST.tsv."""

    path: Path
    name: str
    kind: str
    exercises: str


def corpus_files(*kinds: str) -> list[CorpusFile]:
    """Rows of the given kinds, in the manifest's order; empty when no corpus lies beside the checkout."""
    manifest = CORPUS / "MANIFEST.tsv"
    if not manifest.is_file():
        return []
    with manifest.open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [
            CorpusFile(CORPUS / row["file"], row["file"], row["kind"], row["exercises"])
            for row in rows
            if not kinds or row["kind"] in kinds
        ]


def pytest_report_header() -> str:
    """Say in the first lines whether the real files were there."""
    count = len(corpus_files())
    return f"corpus: {count} real files" if count else f"corpus: none at {CORPUS}; tests over real files have no rows"


@pytest.fixture
def corpus() -> Path:
    """The folder of real files."""
    if not CORPUS.is_dir():
        pytest.skip(f"no corpus at {CORPUS}")
    return CORPUS
