"""The verdict on a port: every check says good, bad and unknown where it should, with a remedy where it is not good."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ringfence.app.cli import main
from ringfence.sensor.mirror import CHECKS, MirrorFacts, State, judge

ROOT = Path(__file__).resolve().parents[2]

GOOD = MirrorFacts(
    seconds=10,
    packets=10_000,
    unicast=30,
    hosts=12,
    vlans=(5, 12),
    tagged=9_000,
    tcp=40,
    tcp_one_sided=1,
    duplicates=3,
    oversized=0,
    checksums=2_000,
    checksums_bad=1,
    dropped=0,
    backwards=0,
    last=1_760_000_000_000_000_000,
    own_frames=0,
)


def states(facts: MirrorFacts) -> dict[str, State]:
    return {judgement.code: judgement.state for judgement in judge(facts)}


def test_a_good_port_is_good_in_everything() -> None:
    assert len(judge(GOOD)) == len(CHECKS)
    assert set(states(GOOD).values()) == {State.GOOD}


@pytest.mark.parametrize(
    ("code", "facts"),
    [
        ("traffic", replace(GOOD, unicast=0)),
        ("traffic", replace(GOOD, packets=0)),
        ("directions", replace(GOOD, tcp_one_sided=20)),
        ("duplicates", replace(GOOD, duplicates=4_000)),
        ("offload", replace(GOOD, oversized=3)),
        ("offload", replace(GOOD, checksums_bad=500)),
        ("drops", replace(GOOD, dropped=1)),
        ("clock", replace(GOOD, last=86_400_000_000_000)),
        ("clock", replace(GOOD, backwards=500)),
        ("silence", replace(GOOD, own_frames=3, own_addresses=("fe80::1",))),
    ],
)
def test_each_fault_is_bad_with_a_remedy(code: str, facts: MirrorFacts) -> None:
    (found,) = (judgement for judgement in judge(facts) if judgement.code == code)
    assert found.state is State.BAD
    assert found.remedy
    others = {other: state for other, state in states(facts).items() if other != code}
    if facts.packets:
        assert set(others.values()) == {State.GOOD}


def test_what_could_not_be_seen_is_unknown_and_never_good() -> None:
    nothing = MirrorFacts(10, 0, 0, 0, (), 0, 0, 0, 0, 0, 0, 0, 0, 0, None, None)
    found = states(nothing)
    assert found.pop("traffic") is State.BAD
    assert set(found.values()) == {State.UNKNOWN}
    assert states(replace(GOOD, tcp=2, tcp_one_sided=2))["directions"] is State.UNKNOWN
    assert states(replace(GOOD, vlans=(), tagged=0))["vlans"] is State.UNKNOWN
    assert states(replace(GOOD, own_frames=None))["silence"] is State.UNKNOWN


def test_every_check_says_something_in_words() -> None:
    for facts in (GOOD, replace(GOOD, packets=0, tcp=0, vlans=(), tagged=0, own_frames=None)):
        for judgement in judge(facts):
            assert judgement.text.endswith(".")
            assert (judgement.state is State.GOOD) == (not judgement.remedy)


def test_a_file_is_judged_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sensor", "check", "--file", str(ROOT / "vectors" / "demo" / "made_cell.pcap")]) in (0, 1)
    out = capsys.readouterr().out
    assert "ok    traffic" in out
    assert "?     silence" in out
    assert main(["sensor", "check"]) == 2
    assert main(["sensor", "check", "../etc"]) == 2
    assert "(interface-not-found)" in capsys.readouterr().err
