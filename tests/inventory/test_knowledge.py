"""The built-in knowledge: small, signed, free of test captures' own names."""

from __future__ import annotations

import csv
import time
from pathlib import Path

import pytest

from ringfence._core import Patterns
from ringfence.inventory.knowledge import Knowledge
from ringfence.inventory.knowledge.loader import builtin

ROOT = Path(__file__).parents[2]
# Host names and serial numbers with a part of their own, from the captures that judge identification.
NAMES_IN_CAPTURES = ("gainspanca9152", "keq0817541", "esp_06d902", "dch0d60", "2476ff", "szvbdyxx017685", "kbrnae")


def test_it_is_small_and_every_entry_says_where_it_is_from(knowledge: Knowledge) -> None:
    assert (ROOT / "src/ringfence/inventory/knowledge/builtin.bundle").stat().st_size <= 3 << 20
    for entry in knowledge.bundle.entries.values():
        assert entry.source
        assert entry.licence
        assert entry.date
        knowledge.bundle.read(entry.name)


def test_makers_have_one_name(knowledge: Knowledge) -> None:
    for spelling in ("Siemens AG", "SIEMENS AG", "Siemens Schweiz AG (Formerly: Cerberus AG)", "siemens"):
        assert knowledge.canonical(spelling) == "Siemens"
    assert knowledge.canonical("D-Link International") == knowledge.canonical("D-Link Corporation") == "D-Link"
    assert knowledge.canonical("Nobody Knows Me Co., Ltd.") == "Nobody Knows Me"
    assert knowledge.canonical("Hello Kitty") == "Hello Kitty"


def test_the_longest_prefix_wins(knowledge: Knowledge) -> None:
    assert knowledge.oui("00:17:88:00:00:01") == "Signify"
    assert knowledge.oui("zz") is None


def test_no_name_of_a_test_capture_is_known(knowledge: Knowledge) -> None:
    with (ROOT / "bench/truth/devices.tsv").open(encoding="utf-8") as lines:
        macs = [row["mac"] for row in csv.DictReader(lines, delimiter="\t")]
    words = [*NAMES_IN_CAPTURES]
    for mac in macs:
        words += [mac, mac.replace(":", "-"), mac.replace(":", "")]
    for name in knowledge.bundle.entries:
        if name.endswith(".bin"):
            continue
        content = knowledge.bundle.read(name).decode().lower()
        assert [word for word in words if word in content] == [], name


def test_patterns_take_linear_time() -> None:
    patterns = Patterns([("^(a+)+$", False), ("(?=x)x", False), (r"(a)\1", False)])
    assert patterns.refused == [1, 2]
    begun = time.perf_counter()
    assert patterns.first("a" * 4000 + "!") is None
    assert time.perf_counter() - begun < 1


def test_patterns_agree_with_and_without_the_prefilter() -> None:
    patterns = Patterns([("^Foo/([0-9.]+)", False), ("(?i)bar|baz", False), ("^.$", False), ("foo", True)])
    assert patterns.first("Foo/1.2") == (0, ["1.2"])
    assert patterns.first("a BAZ") == (1, [])
    assert patterns.first("é") == (2, [])
    assert [position for position, _ in patterns.every("Foo/1 bar", 9)] == [0, 1, 3]
    assert len(patterns) == 4


def test_start_is_fast() -> None:
    begun = time.process_time()
    builtin.__wrapped__()
    assert time.process_time() - begun < 0.2


@pytest.mark.parametrize("text", ["", "\0", "é" * 5000, "a" * 100_000, "\ud800"])
def test_any_text_is_survived(knowledge: Knowledge, text: str) -> None:
    usable = text.encode("utf-8", "replace").decode()
    for where in ("product", "banner", "certificate"):
        knowledge.text(where, usable)
    knowledge.recog("telnet_banners", usable)
    knowledge.domain(usable)
    knowledge.canonical(usable)
