"""What nobody watched is told for a day, with how long it was and why."""

from __future__ import annotations

from ringfence.sensor.gaps import GAP, MOST, Gap, note_on

SECOND = 1_000_000_000
NOW = 1_780_000_000 * SECOND
DAY = 86_400 * SECOND


def test_gaps_of_the_last_day_are_added_up() -> None:
    gaps = [
        Gap(NOW - 3 * DAY, NOW - 2 * DAY, clean=True),
        Gap(NOW - 100 * SECOND, NOW - 98 * SECOND, clean=True),
        Gap(NOW - 9 * SECOND, NOW - 8 * SECOND, clean=False),
    ]
    note = note_on(gaps, NOW)
    assert note is not None
    assert (note.code, note.severity, note.weakens, note.remedy) == (GAP.code, "medium", GAP.weakens, GAP.remedy)
    assert "3.0 s in all, 2 times" in note.text
    assert "the sensor died" in note.text
    assert "2026-05-28T20:26:31" in note.text


def test_one_gap_says_whether_anything_was_lost_that_was_seen() -> None:
    note = note_on([Gap(NOW - 2 * SECOND, NOW - SECOND, clean=True)], NOW)
    assert note is not None
    assert "once" in note.text
    assert "was stopped" in note.text


def test_nothing_is_told_of_no_gap_or_an_old_one() -> None:
    assert note_on([], NOW) is None
    assert note_on([Gap(NOW - 3 * DAY, NOW - DAY, clean=False)], NOW) is None


def test_more_gaps_than_are_kept_are_told_as_such() -> None:
    note = note_on([Gap(NOW - 2 * SECOND, NOW - SECOND, clean=True)] * MOST, NOW)
    assert note is not None
    assert f"at least {MOST} times" in note.text
