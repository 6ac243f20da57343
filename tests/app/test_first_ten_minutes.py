"""The first ten minutes: a stranger drops in a capture and knows every device, why, and what is risky."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.app.demo_cell import TARGET, made_cell
from tests.program import DEMO, ROOT, Finished, ringfence

import ringfence as package


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Finished, Path, dict[str, Any]]:
    assert DEMO, "vectors/demo holds captures"
    folder = tmp_path_factory.mktemp("demo")
    report, document = folder / "report.html", folder / "analysis.json"
    done = ringfence("analyze", *DEMO, "--html", report, "--json", document)
    assert done.code in (0, 3), done.error
    return done, report, json.loads(document.read_text(encoding="utf-8"))


def test_the_summary_goes_from_quality_to_risks(run: tuple[Finished, Path, dict[str, Any]]) -> None:
    done, report, _ = run
    text = done.out.lower()
    assert text.index("capture") < text.index("device") < text.index("nothing was sent")
    assert str(report) in done.out.replace("\n", "") or report.name in done.out


def test_the_made_cell_is_what_its_module_makes() -> None:
    assert TARGET.read_bytes() == made_cell()


def test_no_capture_lacks_its_provenance() -> None:
    told = (ROOT / "vectors" / "demo" / "README.md").read_text(encoding="utf-8")
    assert all(f"| `{path.name}` |" in told for path in DEMO)
    assert sum(path.stat().st_size for path in DEMO) < 6_000_000


def test_few_findings_tell_much(run: tuple[Finished, Path, dict[str, Any]]) -> None:
    """No finding says of one more target what another says of the same actor: those are one finding."""
    _, _, document = run
    said: dict[tuple[str, str, str | None], int] = {}
    for finding in document["findings"]:
        actors = [row["id"] for row in finding["devices"] if row["role"] == "actor"]
        if actors:
            key = (finding["rule"], finding["title"], actors[0])
            said[key] = said.get(key, 0) + 1
    assert max(said.values()) < 4, said


def test_the_plant_is_mixed(run: tuple[Finished, Path, dict[str, Any]]) -> None:
    _, _, document = run
    spoken = {row["name"] for row in document["protocols"]}
    assert len(spoken & {"modbus", "enip", "s7comm", "bacnet", "tls", "http", "dns", "mqtt", "ssdp", "mdns"}) >= 7, (
        spoken
    )
    classes = {device["class"] for device in document["devices"]} - {"unknown"}
    assert len(classes) >= 8, classes


def test_every_named_device_says_why(run: tuple[Finished, Path, dict[str, Any]]) -> None:
    _, _, document = run
    for device in document["devices"]:
        if device["class"] != "unknown":
            fields = {claim["field"] for claim in device["claims"]}
            assert "class" in fields, device["id"]
            assert all(claim["evidence"] for claim in device["claims"]), device["id"]


def test_risks_have_a_remedy_and_packets(run: tuple[Finished, Path, dict[str, Any]]) -> None:
    _, _, document = run
    assert len({finding["rule"] for finding in document["findings"]}) >= 8
    assert {finding["severity"] for finding in document["findings"]} >= {"low", "medium", "high", "critical"}
    assert all(finding["remedy"] and finding["why"] for finding in document["findings"])


def test_the_report_is_one_file(run: tuple[Finished, Path, dict[str, Any]]) -> None:
    _, report, _ = run
    text = report.read_text(encoding="utf-8")
    assert text.lstrip().lower().startswith("<!doctype html>")
    assert ' src="http' not in text
    assert "<link" not in text or 'href="http' not in text


def test_a_packet_of_a_finding_can_be_looked_at(run: tuple[Finished, Path, dict[str, Any]]) -> None:
    _, _, document = run
    finding = next(finding for finding in document["findings"] if finding["packets"])
    packet = finding["packets"][0]
    inputs = {row["digest"]: row["path"] for row in document["capture"]["inputs"]}
    done = ringfence("explain", inputs[packet["input"]], "--packet", str(packet["index"]))
    assert done.code == 0, done.error
    assert f"packet {packet['index']:,}" in done.out


def test_the_api_answers_what_the_command_answers(run: tuple[Finished, Path, dict[str, Any]]) -> None:
    _, _, document = run
    result = package.analyze(DEMO)
    assert {device.id for device in result.devices} == {device["id"] for device in document["devices"]}
    assert [device["id"] for device in result.document["devices"]] == [device["id"] for device in document["devices"]]
    assert [finding.id for finding in result.findings] == [finding["id"] for finding in document["findings"]]


def test_flows_are_arrow_for_polars_and_duckdb() -> None:
    import duckdb
    import polars

    result = package.analyze(DEMO)
    flows = polars.DataFrame(result.flows)
    assert flows.height > 10
    assert {"src_address", "dst_address", "protocol", "src_bytes"} <= set(flows.columns)
    with duckdb.connect() as database:
        database.register("flows", flows.lazy().collect())
        counted = database.execute("select count(*) from flows").fetchone()
    assert counted == (flows.height,)


def test_the_notebook_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    notebook = json.loads((ROOT / "docs" / "notebooks" / "first_look.ipynb").read_text(encoding="utf-8"))
    names: dict[str, Any] = {}
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert len(cells) >= 4
    for cell in cells:
        exec(compile("".join(cell["source"]), "first_look.ipynb", "exec"), names)  # noqa: S102 Our own notebook.
    assert names["result"].devices
