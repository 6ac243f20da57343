"""The second oracle: Zeek's logs of the OT captures and nDPI's names agree with ours, or it is said why not."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest
from bench import ndpi_names, second_oracle, zeek_logs
from tests.program import missing

RECALL = 0.95  # of Zeek's values of each protocol
MACRO = 0.97  # mean of the protocols
PRECISION = 0.95
AGREED = {"dns": 140, "tls": 80, "http": 35, "snmp": 17, "ssdp": 11, "mqtt": 6, "dhcp": 5, "ssh": 4, "enip": 4}


@pytest.fixture(scope="module")
def captures() -> Path:
    corpus = os.environ.get("RINGFENCE_CORPUS")
    if not corpus or not (Path(corpus) / "captures").is_dir():
        missing("no corpus: set RINGFENCE_CORPUS")
    return Path(str(corpus)) / "captures"


@pytest.fixture(scope="module")
def scores(captures: Path) -> list[zeek_logs.Score]:
    return zeek_logs.compare(captures)


@pytest.fixture(scope="module")
def named(captures: Path) -> ndpi_names.Comparison:
    return ndpi_names.compare(captures)


@pytest.mark.slow
def test_every_column_of_the_logs_is_mapped_or_said_to_be_left_out(captures: Path) -> None:
    assert len(list(zeek_logs.cases(captures))) == 9
    assert zeek_logs.unmapped(captures) == []
    assert [row for row in zeek_logs.mapping() if not row.kind and not row.note] == []


@pytest.mark.slow
def test_we_say_what_zeek_says(scores: list[zeek_logs.Score]) -> None:
    totals = second_oracle.totals(scores)
    assert {"bacnet", "cip", "enip", "modbus", "s7comm"} <= totals.keys()
    assert all(total.zeek >= 4 for total in totals.values())
    low = {name: total.recall for name, total in totals.items() if total.recall < RECALL}
    assert low == {}
    assert sum(total.recall for total in totals.values()) / len(totals) >= MACRO
    assert {name: total.precision for name, total in totals.items() if total.precision < PRECISION} == {}


@pytest.mark.slow
def test_every_difference_to_zeek_is_explained(scores: list[zeek_logs.Score]) -> None:
    assert second_oracle.unexplained_columns(scores) == []
    found = {(score.log, score.column): score for score in scores}
    for row in zeek_logs.table("zeek_differences.tsv"):
        score = found[row["log"], row["column"]]
        counts = (score.missed.total(), score.extra.total())
        assert (int(row["missed"]), int(row["extra"])) == counts, f"{row['log']}.{row['column']}: stale explanation"
        assert row["reason"]


@pytest.mark.slow
def test_flows_have_ndpis_names(named: ndpi_names.Comparison) -> None:
    assert named.flows > 1_500
    assert named.absent < 20
    short = {name: named.agreed[name] for name, least in AGREED.items() if named.agreed[name] < least}
    assert short == {}
    assert second_oracle.unexplained_names(named) == []


@pytest.mark.slow
def test_explained_names_still_differ(named: ndpi_names.Comparison) -> None:
    explained = {
        ndpi_names.Difference(row["capture"], row["ndpi"], row["ours"]): int(row["flows"])
        for row in zeek_logs.table("ndpi_differences.tsv")
    }
    assert dict(named.differences) == explained


def test_values_are_matched_between_the_same_addresses_only() -> None:
    """What one pair of addresses said must not count for another pair."""
    score = zeek_logs.Score("log", "column")
    theirs: dict[zeek_logs.Key, Counter[str]] = {(("a", "b"), ""): Counter("x"), (("a", "c"), ""): Counter("y")}
    mine: dict[zeek_logs.Key, Counter[str]] = {(("a", "b"), ""): Counter("y"), (("a",), ""): Counter("y")}
    zeek_logs.count(score, theirs, mine, ordered=True)
    assert (score.zeek, score.ours, score.both) == (2, 2, 1)
    assert score.missed == Counter("x")
    assert score.extra == Counter("y")
