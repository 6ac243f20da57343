"""A running capture is cut into captures: together they hold every packet once, wherever the bytes were cut."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.program import DEMO

from ringfence.sensor.segments import Segments
from ringfence.sensor.slice import CapturedPacket, packets

SMALL = sorted(DEMO, key=lambda path: path.stat().st_size)[:10]


def cut(data: bytes, places: list[int], most: int = 64 << 20) -> tuple[list[CapturedPacket], Segments]:
    segments, found = Segments(most), list[CapturedPacket]()
    for start, end in pairwise([0, *sorted(places), len(data)]):
        segments.feed(data[start:end])
        found += packets(segments.cut() or b"")
    return found, segments


@pytest.mark.parametrize("capture", SMALL, ids=lambda path: path.name)
def test_every_packet_comes_once(capture: Path) -> None:
    data = capture.read_bytes()
    whole = list(packets(data))
    assert whole
    for step in (1, 7, 64, 1500):
        assert cut(data, list(range(step, len(data), max(step, len(data) // 400))))[0] == whole


@given(st.lists(st.integers(0, 4000), max_size=30))
def test_any_cuts(places: list[int]) -> None:
    data = SMALL[0].read_bytes()[:4000]
    assert cut(data, [min(place, len(data)) for place in places])[0] == list(packets(data))


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=5))
def test_what_is_no_capture_is_counted_and_not_kept(data: bytes, places: list[int]) -> None:
    found, segments = cut(b"XXXX" + data, [min(place, len(data)) for place in places])
    assert found == []
    assert segments.dropped in (0, len(data) + 4)
    segments.feed(bytes(64))
    assert segments.dropped == len(data) + 68


def test_a_lying_length_ends_it() -> None:
    data = bytearray(SMALL[0].read_bytes()[:24]) + b"\0" * 8 + b"\xff\xff\xff\x7f" * 2 + bytes(100)
    found, segments = cut(bytes(data), [])
    assert found == []
    assert segments.dropped > 0


def test_what_waits_is_bounded() -> None:
    data = max(SMALL, key=lambda path: path.stat().st_size).read_bytes()
    segments = Segments(most=2000)
    segments.feed(data)
    assert segments.dropped > 0
    assert len(segments.cut() or b"") <= 2000 + 1000
