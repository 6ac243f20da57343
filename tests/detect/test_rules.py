"""Every rule finds its vectors and leaves the harmless neighbour alone; thresholds are the options'."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.detect.traffic import SCENES, VECTORS, capture, certificate, flood, scan, sweep, tls
from tests.plant import Plant
from tests.vector import expectations

import ringfence
from ringfence.app.library import AnalysisResult
from ringfence.app.pipeline import PipelineOptions, run
from ringfence.detect.options import DetectOptions
from ringfence.detect.rules import BUILTIN_RULES
from ringfence.inventory.knowledge import builtin
from ringfence.model.finding import Finding

CASES = [(rule, scene) for rule, scenes in SCENES.items() for scene in scenes]


def fields(finding: Finding) -> dict[str, str]:
    """What a case may expect of a finding; a role's value is the address in its label."""
    roles = {role.role: role.label.rpartition("(")[2].rstrip(")") for role in finding.devices}
    return {"rule": finding.rule, "severity": finding.severity.word, "title": finding.title, **roles}


def findings_of(result: AnalysisResult, rule: str) -> list[Finding]:
    return [finding for finding in result.findings if finding.rule == rule]


@pytest.mark.parametrize(("rule", "scene"), CASES)
def test_scene_is_judged_as_its_case_says(rule: str, scene: str) -> None:
    folder = VECTORS / rule / scene
    found = [fields(finding) for finding in ringfence.analyze(folder / "input.pcap").findings]
    expected = expectations(folder / "case.yaml")
    assert expected, "a case expects something"
    for count, wanted in expected:
        met = [row for row in found if wanted.items() <= row.items()]
        assert len(met) == count, (wanted, found)


@pytest.mark.parametrize(("rule", "scene"), CASES)
def test_vector_is_what_the_traffic_module_makes(rule: str, scene: str) -> None:
    assert (VECTORS / rule / scene / "input.pcap").read_bytes() == capture(rule, scene)


def test_every_rule_has_a_scene_where_it_fires_and_one_where_it_must_not() -> None:
    for rule in BUILTIN_RULES:
        counts = [
            count
            for folder in sorted((VECTORS / rule.NAME).iterdir())
            if folder.is_dir()
            for count, wanted in expectations(folder / "case.yaml")
            if wanted["rule"] == rule.NAME
        ]
        assert any(counts), f"{rule.NAME} has no vector in which it fires"
        assert 0 in counts, f"{rule.NAME} has no vector in which it must be silent"


@pytest.mark.parametrize("rule", [rule.NAME for rule in BUILTIN_RULES])
def test_every_folder_is_a_scene(rule: str) -> None:
    folders = {folder.name for folder in (VECTORS / rule).iterdir() if folder.is_dir()}
    assert folders == set(SCENES.get(rule, {})), "a scene that is not in SCENES is judged by nobody"


@pytest.mark.parametrize(("rule", "scene"), CASES)
def test_findings_carry_evidence(rule: str, scene: str) -> None:
    for finding in findings_of(ringfence.analyze(VECTORS / rule / scene / "input.pcap"), rule):
        assert finding.why.endswith("."), finding.why
        assert finding.expected
        assert finding.seen
        assert finding.attack
        assert finding.remedy
        assert 0 < finding.confidence <= 1
        assert finding.first <= finding.last
        assert finding.packets, "a finding shows its packets"


def judged(plant: Plant, path: Path, options: DetectOptions, rule: str) -> list[Finding]:
    analysis = run([plant.save(path)], builtin(), PipelineOptions(detect=options)).analysis
    return [finding for finding in analysis.findings if finding.rule == rule]


@pytest.mark.parametrize(("ports", "threshold", "count"), [(24, 25, 0), (25, 25, 1), (12, 10, 1), (30, 40, 0)])
def test_port_scan_threshold(tmp_path: Path, ports: int, threshold: int, count: int) -> None:
    plant = Plant()
    scan(plant, ports)
    options = replace(DetectOptions(), scan_ports=threshold)
    assert len(judged(plant, tmp_path / "scan.pcap", options, "scan_or_flood")) == count


@pytest.mark.parametrize(("addresses", "threshold", "count"), [(38, 40, 0), (40, 40, 1), (8, 8, 1)])
def test_arp_scan_threshold(tmp_path: Path, addresses: int, threshold: int, count: int) -> None:
    plant = Plant()
    sweep(plant, addresses)
    # The pair that the sweep begins with asks for one address more.
    options = replace(DetectOptions(), scan_arp_destinations=threshold)
    assert len(judged(plant, tmp_path / "sweep.pcap", options, "scan_or_flood")) == count


@pytest.mark.parametrize(("hosts", "threshold", "count"), [(49, 50, 0), (50, 50, 1)])
def test_address_scan_threshold(tmp_path: Path, hosts: int, threshold: int, count: int) -> None:
    plant = Plant()
    client = plant.station("10.0.0.9")
    router = "00:00:5e:00:53:fe"
    for host in range(1, hosts + 1):
        plant.syn(client, plant.station(f"10.1.0.{host}", router), 502)
    found = judged(
        plant, tmp_path / "scan.pcap", replace(DetectOptions(), scan_destinations=threshold), "scan_or_flood"
    )
    assert len([finding for finding in found if finding.title == "Address scan"]) == count


def test_flood_threshold(tmp_path: Path) -> None:
    plant = Plant()
    client, server = plant.station("10.0.0.9"), plant.station("10.0.0.20")
    for _ in range(300):
        plant.syn(client, server, 502)
    path = tmp_path / "flood.pcap"
    options = replace(DetectOptions(), flood_flows=300)
    assert [f.title for f in judged(plant, path, options, "scan_or_flood")] == ["Connection flood"]
    assert not judged(plant, path, DetectOptions(), "scan_or_flood")


@pytest.mark.parametrize(
    ("flows", "sources", "titles"),
    [
        (400, 20, ["Connection flood from many addresses"]),
        (399, 20, []),
        (400, 19, []),
    ],
)
def test_flood_from_many_is_one_finding_about_its_target(
    tmp_path: Path, flows: int, sources: int, titles: list[str]
) -> None:
    plant = Plant()
    flood(plant, flows, sources)
    options = replace(DetectOptions(), flood_flows=400, flood_sources=20)
    found = judged(plant, tmp_path / "flood.pcap", options, "scan_or_flood")
    assert [finding.title for finding in found] == titles
    assert all([role.role for role in finding.devices] == ["target"] for finding in found)


def test_a_talker_s_share_of_a_flood_is_told_once(tmp_path: Path) -> None:
    plant = Plant()
    flood(plant, 400, 20)
    options = replace(DetectOptions(), flood_flows=20, flood_sources=20)
    assert len(judged(plant, tmp_path / "flood.pcap", options, "scan_or_flood")) == 1


def test_scan_of_ports_of_many_addresses_is_one_finding(tmp_path: Path) -> None:
    plant = Plant()
    client = plant.station("10.0.0.9")
    for host in range(1, 7):
        for port in range(1, 9):
            plant.syn(client, plant.station(f"10.1.0.{host}", "00:00:5e:00:53:fe"), port)
    options = replace(DetectOptions(), scan_ports=8, scan_destinations=6, flood_flows=20)
    found = judged(plant, tmp_path / "scan.pcap", options, "scan_or_flood")
    assert [finding.title for finding in found] == ["Scan of addresses and ports"]


def test_a_full_port_scan_is_no_flood(tmp_path: Path) -> None:
    plant = Plant()
    scan(plant, 60)
    found = judged(plant, tmp_path / "scan.pcap", replace(DetectOptions(), flood_flows=50), "scan_or_flood")
    assert [finding.title for finding in found] == ["Port scan"]


def test_a_slow_scan_stays_below_the_threshold_of_each_window(tmp_path: Path) -> None:
    plant = Plant()
    client, server = plant.station("10.0.0.9"), plant.station("10.0.0.20")
    for port in range(1, 41):
        plant.syn(client, server, port, refused=True)
        plant.wait(60)
    assert not judged(plant, tmp_path / "slow.pcap", DetectOptions(), "scan_or_flood")


@pytest.mark.parametrize(("bits", "count"), [(224, 0), (384, 1)])
def test_elliptic_key_length_is_the_options(tmp_path: Path, bits: int, count: int) -> None:
    plant = Plant()
    tls(plant, 0x0303, 0xC02F, certificate(until_year=2040, own_authority=True))
    found = judged(plant, tmp_path / "key.pcap", replace(DetectOptions(), elliptic_bits=bits), "weak_certificate")
    assert len(found) == count


def test_evidence_is_capped_by_the_options(tmp_path: Path) -> None:
    plant = Plant()
    sweep(plant, 60)
    (finding,) = judged(plant, tmp_path / "sweep.pcap", replace(DetectOptions(), evidence_packets=3), "scan_or_flood")
    assert len(finding.packets) == 3


def test_ids_of_findings_are_the_same_for_the_same_input() -> None:
    path = VECTORS / "ot_command" / "s7_stop" / "input.pcap"
    first, second = ringfence.analyze(path), ringfence.analyze(path, workers=2)
    assert [finding.id for finding in first.findings] == [finding.id for finding in second.findings]
    assert len({finding.id for finding in first.findings}) == len(first.findings)
