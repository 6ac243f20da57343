"""Every capture of the corpus through the whole analysis: a document by the schema, or an error that names the file."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from tests.program import missing

import ringfence
from ringfence.app.schema import schema
from ringfence.model.errors import RingfenceError

LARGEST = 64 << 20  # bytes
LARGEST_DOCUMENT = 4 << 20  # bytes; the validator is slow, and what is long repeats itself


def captures() -> list[Path]:
    root = Path(os.environ.get("RINGFENCE_CORPUS", "/nonexistent")) / "captures"
    index = root / "index.tsv"
    if not index.is_file():
        missing("RINGFENCE_CORPUS names no folder with captures/index.tsv")
    return [root / line.partition("\t")[0] for line in index.read_text(encoding="utf-8").splitlines()[1:]]


@pytest.mark.slow
def test_every_capture_of_the_corpus() -> None:
    validator = Draft202012Validator(schema())
    refused, wrong = [], []
    paths = captures()
    for path in paths:
        if path.stat().st_size > LARGEST:
            continue
        try:
            result = ringfence.analyze(path, keep_flows=False)
        except RingfenceError as error:
            refused.append((path.name, error.code.code))
            continue
        text = json.dumps(result.document, allow_nan=False)
        if len(text) <= LARGEST_DOCUMENT:
            wrong += [f"{path}: {fault.message[:200]}" for fault in validator.iter_errors(json.loads(text))][:3]
        told = {note["code"] for note in result.document["capture"]["quality"]}
        if any(row.problems for row in result.analysis.capture.inputs) and "unreadable" not in told:
            wrong.append(f"{path}: problems, and nothing is said")
    assert not wrong, "\n".join(wrong)
    assert all(code == "input-not-a-capture" for _, code in refused), refused
    assert len(refused) < len(paths) // 100, refused
