"""What stands in the way of work is told where people and programs look: readiness, figures, every screen."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.app.conftest import missing
from tests.app.screen import FITS, SIZES, Opener
from tests.app.web_server import Served, made, serving

from ringfence.app import health
from ringfence.app.daemons.children import ChildState
from ringfence.app.health import LEAST_ROOM, room, troubles
from ringfence.app.observe import Observer, readiness
from ringfence.app.platform import Platform
from ringfence.inventory.knowledge.loader import builtin
from ringfence.model.errors import RingfenceError
from ringfence.store.database import Database
from ringfence.store.migrate import upgrade

SENSOR = ChildState("sensor", True, "reading", 3, 2, failed_at=time.time_ns() - 90 * 1_000_000_000)
WAITING = replace(SENSOR, state="waiting for the store", code="disk-full", text="sqlite: no room to write")
DEAD = replace(SENSOR, running=False, state="starting again", text="it was ended by signal 9")


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    database = Database(f"sqlite:///{tmp_path / 'store.db'}")
    upgrade(database)
    yield Platform(database, tmp_path, b"s" * 32, builtin(), ("http://127.0.0.1:1",))
    database.close()


def test_nothing_is_told_where_all_is_well(platform: Platform) -> None:
    assert troubles(replace(platform, processes=lambda: (SENSOR,))) == ()
    ended = replace(SENSOR, running=False, state="ended")
    assert troubles(replace(platform, processes=lambda: (ended,))) == ()
    assert (room(platform) or 0) > LEAST_ROOM


def test_little_room_is_told_before_it_is_met(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_left", lambda _: LEAST_ROOM - 1)
    (found,) = troubles(platform)
    assert (found.code, found.stops) == ("disk-full", True)
    assert "8.4 MB left" in found.text
    ready, checks = readiness(platform)
    assert not ready
    assert checks["disk"] == {"ok": False, "free_bytes": LEAST_ROOM - 1, "code": "disk-full"}
    assert checks["store"] == {"ok": True}


def test_a_database_without_room_is_told_until_it_takes_again(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(RingfenceError), platform.database.writing():
        raise RingfenceError("disk-full", "sqlite")
    assert platform.database.refused
    assert [each.code for each in troubles(platform)] == ["disk-full"]
    assert not readiness(platform)[0]
    with platform.database.writing():
        pass
    assert troubles(platform) == ()
    assert readiness(platform)[0]
    with pytest.raises(RingfenceError), platform.database.writing():
        raise RingfenceError("disk-full", "sqlite")
    now = time.monotonic()
    monkeypatch.setattr("ringfence.store.database.time.monotonic", lambda: now + 61)
    assert not platform.database.refused, "nobody tried for a minute"


@pytest.mark.parametrize(("state", "stops"), [(WAITING, True), (DEAD, False)])
def test_a_process_that_waits_or_does_not_run_is_told(platform: Platform, state: ChildState, stops: bool) -> None:
    troubled = replace(platform, processes=lambda: (state,))
    (found,) = troubles(troubled)
    assert found.stops is stops
    assert "sensor" in found.text
    assert str(state.text) in found.text
    ready, checks = readiness(troubled)
    assert ready is not stops
    assert checks["processes"]["sensor"]["failures"] == 2
    assert checks["processes"]["sensor"]["well"] is False


def test_the_figures_tell_starts_failures_and_what_is_waited_for(platform: Platform) -> None:
    found = {
        (sample.name, *sample.labels.values()): sample.value
        for family in Observer(replace(platform, processes=lambda: (WAITING,))).registry.collect()
        for sample in family.samples
    }
    assert found["ringfence_process_running", "sensor"] == 1
    assert found["ringfence_process_starts_total", "sensor"] == 3
    assert found["ringfence_process_failures_total", "sensor"] == 2
    assert found["ringfence_process_waiting", "sensor", "disk-full"] == 1
    assert found["ringfence_disk_free_bytes",] > 0


@pytest.fixture(params=[WAITING, DEAD], ids=["waiting", "dead"])
def troubled(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Served]:
    with serving(tmp_path, made, processes=lambda: (request.param,)) as served:
        yield served


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_screen_says_so(opened: Opener, troubled: Served, scheme: str, size: str) -> None:
    try:
        from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # It ships no types.
    except ImportError:
        missing("axe-playwright-python is not installed")
    screen: Any = opened(served=troubled, size=size, color_scheme=scheme)
    for address in ("/", "/devices", "/system?tab=sensors"):
        page = screen.show(address)
        told = page.locator("main .trouble")
        assert told.count() == 1, address
        assert "The sensor" in told.inner_text()
        assert page.evaluate(FITS), address
        found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]})
        assert found.response["violations"] == [], address
    table = page.locator('[aria-label="Processes, table"]')
    assert "sensor" in table.inner_text()
    assert "3" in table.inner_text()
