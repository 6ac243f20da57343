"""The doors of ``ringfence analyze``: what goes in by them, what comes out, and which exit code wins (contract §9)."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import polars
import pytest
from tests.bundles import old
from tests.detect.traffic import VECTORS
from tests.plant import Plant
from tests.program import ringfence

CAPTURE = VECTORS / "ot_command" / "s7_stop" / "input.pcap"


def test_packed_standard_input_is_read_as_it_is() -> None:
    plain = ringfence("analyze", "-", "-q", "--json", "-", stdin=CAPTURE.read_bytes())
    packed = ringfence("analyze", "-", "-q", "--json", "-", stdin=gzip.compress(CAPTURE.read_bytes(), mtime=0))
    assert packed.code == 0, packed.error
    for part in ("devices", "conversations", "protocols"):
        assert json.loads(plain.out)[part] == json.loads(packed.out)[part]


def test_standard_input_with_many_workers_is_the_same() -> None:
    texts = {
        ringfence("analyze", "-", "-q", "--json", "-", "--workers", workers, stdin=CAPTURE.read_bytes()).out
        for workers in ("1", "3")
    }
    assert len(texts) == 1


def _halves(folder: Path) -> list[Path]:
    """One conversation, its packets in turn in two files, as two capture cards leave it."""
    plant = Plant()
    hmi, plc = plant.hmi("10.0.0.9"), plant.station("10.0.0.20")
    hmi.reads(plc, register=1, values=(7, 8))
    paths = []
    for number in (0, 1):
        half = Plant()
        half.frames = plant.frames[number::2]
        paths.append(half.save(folder / f"{number}.pcap"))
    return paths


def test_inputs_are_merged_in_the_order_of_time(tmp_path: Path) -> None:
    paths = _halves(tmp_path)
    for order in (paths, paths[::-1]):
        document = json.loads(ringfence("analyze", *order, "-q", "--json", "-").out)
        (talk,) = [row for row in document["conversations"] if row["protocol"] == "modbus"]
        assert [row["operation"] for row in talk["operations"]] == ["read_holding_registers"], "it was read in order"
        assert not document["capture"]["quality"]


def test_inputs_of_their_own_domains_give_no_common_device(tmp_path: Path) -> None:
    paths = _halves(tmp_path)
    document = json.loads(ringfence("analyze", *paths, "-q", "--json", "-", "--domains", "per-input").out)
    assert {device["domain"] for device in document["devices"]} == {"input-0", "input-1"}


def test_flows_and_transactions_are_parquet(tmp_path: Path) -> None:
    flows, transactions = tmp_path / "flows.parquet", tmp_path / "transactions.parquet"
    done = ringfence("analyze", CAPTURE, "-q", "--flows", flows, "--transactions", transactions)
    assert done.code == 0, done.error
    table = polars.read_parquet(flows)
    assert "s7comm" in table["protocol"].to_list()
    assert "stop" in " ".join(polars.read_parquet(transactions)["operation"].to_list())


def test_observations_are_lines_of_json(tmp_path: Path) -> None:
    out = tmp_path / "observations.jsonl"
    assert ringfence("analyze", CAPTURE, "-q", "--observations", out).code == 0
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert {"arp.packet", "s7comm.request"} <= {row["kind"] for row in rows}
    assert all(row["subject"]["part"].startswith("p-") and row["count"] >= 1 for row in rows)


# --- exit codes: 2 goes before 5, then 3, 4, 1 ----------------------------------------------------------------------


def _cut(folder: Path) -> Path:
    path = folder / "cut.pcap"
    path.write_bytes(CAPTURE.read_bytes()[:-7])
    return path


def test_usage_goes_before_partly_unreadable(tmp_path: Path) -> None:
    assert ringfence("analyze", _cut(tmp_path), "-q", "--json", tmp_path / "no" / "a.json").code == 2
    assert ringfence("analyze", _cut(tmp_path), "-q", "--max-age", "0").code == 2


def test_internal_goes_before_partly_unreadable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ringfence.app import cli
    from ringfence.app import document as written

    def fail(*_: object) -> None:
        raise ZeroDivisionError("made to fail")

    monkeypatch.setattr(written, "write_document", fail)
    monkeypatch.delenv("RINGFENCE_TRACEBACK", raising=False)
    words = ["analyze", str(_cut(tmp_path)), "-q", "--json", str(tmp_path / "a.json"), "--max-age", "1"]
    assert cli.main(words) == 5
    assert not (tmp_path / "a.json").exists(), "no half of a document is left"


def test_stale_knowledge_goes_before_findings(tmp_path: Path) -> None:
    environment = old(tmp_path)
    for days, code in (("1", 4), ("99999", 1)):
        words = ("-q", "--max-age", days, "--fail-on", "low")
        assert ringfence("analyze", CAPTURE, *words, environment=environment).code == code


# --- what there is, and nothing else ----------------------------------------------------------------------------------


def test_commands_are_those_that_work() -> None:
    from argparse import _SubParsersAction

    from ringfence.app.cli import parser

    (actions,) = [row for row in parser()._actions if isinstance(row, _SubParsersAction)]
    captures = {"analyze", "explain", "protocols", "rules", "clues", "bundle", "doctor"}
    platform = {"up", "config", "people", "audit", "backup", "upgrade", "support-bundle", "lake"}
    served = {"devices", "erase", "findings", "flows", "sensors", "sensor"}
    assert set(actions.choices) == captures | platform | served
    for later in ("policy", "identity", "why", "cases"):
        assert ringfence(later).code == 2
