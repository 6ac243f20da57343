"""The report's data: safe, bounded, complete in its counts; and the page around it."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256

import pytest
from tests.app.plant import fleet, nasty_plant, part, plant
from tests.app.test_escape import harmless

from ringfence.app.export.html import _ASSETS, _SCRIPTS, html_report
from ringfence.app.export.report_data import EMBED_LIMIT, LADDER, Limits, report_data, report_json
from ringfence.model.flow import Operation


def test_everything_of_the_plant_is_in_the_report() -> None:
    data = report_data(plant())
    assert len(data["devices"]) == data["totals"]["devices"] == 41
    assert len(data["conversations"]) == data["totals"]["conversations"] == 38
    assert len(data["findings"]) == data["totals"]["findings"] == 7
    assert data["hidden"] == {}
    assert len(data["certificates"]) == 1


def test_ends_of_conversations_are_numbers_of_devices_or_peers() -> None:
    data = report_data(plant())
    ends = {end for row in data["conversations"] for end in row[:2]}
    assert max(ends) < len(data["devices"]) + len(data["peers"])
    assert ["203.0.113.9", "other"] in data["peers"]


def kind_of(value: str) -> str:
    return "mac" if len(value) == 17 and value.count(":") == 5 else "ipv6" if ":" in value else "ipv4"


def test_peers_are_told_apart_by_what_they_are() -> None:
    whole = plant()
    ends = (
        "ff:ff:ff:ff:ff:ff",
        "01:80:c2:00:00:00",
        "239.255.255.250",
        "ff02::fb",
        "8.8.8.8",
        "255.255.255.255",
        "10.9.9.9",
    )
    talks = [replace(whole.conversations[0], destination=part(end, kind_of(end))) for end in ends]
    peers = report_data(replace(whole, conversations=tuple(talks)))["peers"]
    assert dict(peers) == {
        "ff:ff:ff:ff:ff:ff": "broadcast",
        "255.255.255.255": "broadcast",
        "01:80:c2:00:00:00": "multicast",
        "239.255.255.250": "multicast",
        "ff02::fb": "multicast",
        "8.8.8.8": "internet",
        "10.9.9.9": "other",
    }


def test_one_command_among_many_reads_is_not_left_out() -> None:
    whole = plant()
    reads = tuple(Operation("read_holding_registers", f"holding {number}", 900) for number in range(90))
    talk = replace(whole.conversations[0], operations=(*reads, Operation("write_single_coil", "coil 7", 1)))
    (row,) = report_data(replace(whole, conversations=(talk,)))["conversations"]
    assert row[11][0] == ["write_single_coil", "coil 7", 1]
    assert len(row[11]) + row[12] == 91


def test_what_is_left_out_is_counted() -> None:
    limits = Limits(30, 20, 3, 1, 2, 3, 40)
    data = report_data(plant(), limits)
    assert len(data["devices"]) == 30
    assert len(data["conversations"]) <= 20
    assert len(data["findings"]) == 3
    shown = [0] * 30
    for row in data["conversations"]:
        for end in {each for each in row[:2] if each < 30}:
            shown[end] += 1
    whole = plant()
    for number, device in enumerate(data["devices"]):
        parts = {part.id for each in whole.devices if each.id == device["id"] for part in each.parts}
        total = sum(1 for each in whole.conversations if {each.source.id, each.destination.id} & parts)
        assert shown[number] + data["hidden"].get(str(number), 0) == total
        assert shown[number] <= 3


def test_conversations_with_commands_stay_when_others_must_go() -> None:
    rows = report_data(fleet(100, 3_000), Limits(100, 500, 400, 5, 5, 5, 100))["conversations"]
    assert all(row[11] for row in rows)


@pytest.mark.parametrize("step", range(len(LADDER)))
def test_every_text_is_harmless(step: int) -> None:
    def walk(value: object) -> None:
        if isinstance(value, str):
            assert harmless(value)
            assert len(value) < 700
        elif isinstance(value, dict):
            for name, each in value.items():
                walk(name)
                walk(each)
        elif isinstance(value, list):
            for each in value:
                walk(each)

    walk(report_data(nasty_plant(), LADDER[step]))


def test_large_fleet_stays_under_the_bound() -> None:
    text = report_json(fleet())
    assert len(text) < EMBED_LIMIT
    data = json.loads(text)
    assert len(data["devices"]) == 10_000
    assert data["totals"]["conversations"] == 100_000


def test_ladder_goes_down_until_it_fits() -> None:
    whole = fleet(300, 3_000)
    full = len(report_json(whole))
    assert len(report_json(whole, full - 1)) < full


def test_page_has_one_policy_and_its_digests_are_right() -> None:
    page = html_report(plant())
    policy = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert len(policy) == 1
    style = page.split("<style>")[1].split("</style>")[0]
    script = page.split("</script>\n<script>")[1].split("</script>")[0]
    for text in (style, script):
        assert b64encode(sha256(text.encode()).digest()).decode() in policy[0]
    assert "unsafe" not in policy[0]


def test_nothing_is_fetched() -> None:
    page = html_report(plant())
    for pattern in (
        r"<link\b",
        r"\bsrc\s*=",
        r"@import",
        r"url\(",
        r"\bfetch\(",
        "XMLHttpRequest",
        "WebSocket",
        "sendBeacon",
    ):
        assert not re.search(pattern, page), pattern


def test_script_builds_with_text_only() -> None:
    script = html_report(plant()).split("</script>\n<script>")[1]
    for word in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "new Function",
        "DOMParser",
    ):
        assert word not in script


def test_nasty_texts_end_no_element() -> None:
    page = html_report(nasty_plant())
    page.encode("utf-8")
    assert page.count("</script>") == 2
    assert page.count("</style>") == 1
    assert page.count("</noscript>") == 1
    assert page.count("<script") == 2


def test_same_input_same_page() -> None:
    assert html_report(plant()) == html_report(plant())


def test_style_and_script_stay_small() -> None:
    page = html_report(plant())
    style = page.split("<style>")[1].split("</style>")[0]
    script = page.split("</script>\n<script>")[1]
    assert len(style) + len(script) < 110_000


def test_every_script_is_in_the_page() -> None:
    assert sorted(_SCRIPTS) == sorted(path.name for path in _ASSETS.glob("*.js"))
