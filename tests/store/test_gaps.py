"""Gaps between the live reads of a sensor, on both databases."""

from __future__ import annotations

from ringfence.sensor.gaps import MOST, Gap
from ringfence.store import gaps
from ringfence.store.database import Database


def test_a_gap_is_between_what_was_handed_over_and_the_next_read(database: Database) -> None:
    with database.writing() as connection:
        assert gaps.begin(connection, "tap", 100) is None, "nobody was there before"
        gaps.heard(connection, "tap", 150, ended=False)
        gaps.heard(connection, "other", 10, ended=False)
        assert gaps.begin(connection, "tap", 170) == Gap(150, 170, clean=False)
        gaps.heard(connection, "tap", 190, ended=True)
        assert gaps.begin(connection, "tap", 200) == Gap(190, 200, clean=True)
        assert gaps.begin(connection, "tap", 230) == Gap(200, 230, clean=False), "it died before its first batch"
    with database.reading() as connection:
        assert [gap.last - gap.first for gap in gaps.gaps_of(connection, "tap")] == [20, 10, 30]
        assert gaps.sums(connection, ["tap", "other"]) == {"tap": (3, 60), "other": (0, 0)}


def test_the_same_beginning_again_is_no_gap_and_a_clock_that_was_put_back_neither(database: Database) -> None:
    with database.writing() as connection:
        gaps.begin(connection, "tap", 100)
        assert gaps.begin(connection, "tap", 100) is None
        assert gaps.begin(connection, "tap", 50) is None
        assert gaps.begin(connection, "tap", 120) == Gap(100, 120, clean=False)


def test_the_newest_gaps_are_kept_and_all_are_counted(database: Database) -> None:
    with database.writing() as connection:
        for number in range(MOST + 51):
            gaps.begin(connection, "tap", number)
        assert len(gaps.gaps_of(connection, "tap")) == MOST
        assert gaps.sums(connection, ["tap"]) == {"tap": (MOST + 50, MOST + 50)}
