"""News on the screens in a real browser: by the stream, without it, in many tabs, and for sessions that nobody uses."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from tests.app.screen import Opener, Screen
from tests.app.web_server import SECRET, Served, made, serving
from tests.store.test_ring import FRAME

from ringfence.app.access import sessions
from ringfence.app.api.events import Streams
from ringfence.model.scope import EVERYWHERE
from ringfence.sensor.slice import CapturedPacket, capture_file, packets
from ringfence.store import audit, people
from ringfence.store.keys import Keys
from ringfence.store.notes import annotate
from ringfence.store.read.devices import rows_of
from ringfence.store.ring import PacketRing
from ringfence.store.unit import UnitOfWork

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page, Route

MINUTE = 60 * 1_000_000_000
OWNERS = "/devices?column=name&column=owner"
PAYLOAD = b"the patient's name"


def say(served: Served, owner: str) -> None:
    """Let somebody else say whose a device is."""
    target = served.device("scada-1")
    with UnitOfWork(served.database, time.time_ns()) as unit:
        version = rows_of(unit.connection, [target], EVERYWHERE)[target].version
        annotate(unit, target, EVERYWHERE, "vic", version, {"owner": owner})


def sees(page: Page, owner: str) -> None:
    page.locator("tr[data-row]", has_text=owner).wait_for(timeout=20_000)


# --- by the stream ---------------------------------------------------------------------------------------------------


def test_news_come_by_the_stream_and_nothing_flickers(own: Served, opened: Opener) -> None:
    screen = opened(served=own)
    paths: list[str] = []
    screen.page.on("request", lambda request: paths.append(request.url.removeprefix(own.origin).partition("?")[0]))
    with screen.page.expect_response("**/api/v1/events"):
        page = screen.show(OWNERS)
    target = own.device("scada-1")
    page.evaluate(f"""document.querySelector('tr[data-key="{target}"]').__same = true; window.__gone = 0;
        new MutationObserver((all) => {{ for (const one of all) window.__gone += one.removedNodes.length; }})
          .observe(document.querySelector("main table tbody"), {{ childList: true }});""")
    for owner in ("Night shift", "Day shift", "Nobody's own"):
        say(own, owner)
        sees(page, owner)
    assert page.evaluate(f"""document.querySelector('tr[data-key="{target}"]').__same""") is True
    assert page.evaluate("window.__gone") == 0, "no row was taken away and put back"
    assert paths.count("/api/v1/events") == 1
    assert paths.count("/live") <= 2, "nobody asks while the stream tells"


def test_without_the_stream_the_page_asks(own: Served, opened: Opener) -> None:
    screen = opened(served=own)
    screen.expected = re.compile("Failed to load resource|ERR_FAILED")

    def refuse(route: Route) -> None:
        route.abort()

    screen.page.route("**/api/v1/events", refuse)
    page = screen.show(OWNERS)
    say(own, "Night shift")
    sees(page, "Night shift")
    page.unroute("**/api/v1/events")


def test_a_stream_that_the_server_refuses_is_no_end_of_news(own: Served, opened: Opener) -> None:
    own.app.state.streams = Streams(most=0)
    screen = opened(served=own)
    screen.expected = re.compile("429")
    page = screen.show(OWNERS)
    say(own, "Night shift")
    sees(page, "Night shift")


def test_many_tabs_share_one_stream(own: Served, opened: Opener) -> None:
    screen = opened(served=own)
    own.app.state.streams = Streams()
    context = screen.page.context
    pages = [*(context.new_page() for _ in range(7)), screen.page]  # A browser has six connections to a server.
    for page in pages:
        page.goto(own.origin + OWNERS)
    say(own, "Night shift")
    for page in pages:
        sees(page, "Night shift")
    assert own.app.state.streams.open["p-ada"] == 1
    # When the tab that listens is closed, another one does.
    for page in pages[:3]:
        page.close()
    say(own, "Day shift")
    for page in pages[3:]:
        sees(page, "Day shift")
    for page in pages[3:-1]:
        page.close()


def test_nothing_is_redrawn_under_somebody_who_types(own: Served, opened: Opener) -> None:
    screen = opened(served=own)
    page = screen.show("/devices/" + own.device("scada-1"))
    page.get_by_label("Note").fill("half a sen")
    say(own, "Night shift")
    page.wait_for_timeout(6_000)
    assert page.get_by_label("Note").input_value() == "half a sen"
    page.locator("h1").click()
    page.evaluate("document.activeElement.blur()")
    page.locator(".head-facts", has_text="Night shift").wait_for(timeout=20_000)
    assert page.get_by_label("Note").input_value() == "half a sen"


# --- sessions that nobody uses ---------------------------------------------------------------------------------------


@dataclass
class Shifted:
    """The real clock, put forward by a test."""

    by: int = 0

    def __call__(self) -> int:
        return time.time_ns() + self.by


@pytest.fixture
def clock() -> Shifted:
    return Shifted()


@pytest.fixture
def idling(tmp_path: Path, clock: Shifted) -> Iterator[Served]:
    """A made plant whose clock the test moves and whose streams look at their sessions all the time."""
    with serving(tmp_path, made, clock=clock) as served:
        served.app.state.streams = Streams(beat=0.2)
        yield served


def used(served: Served) -> int:
    from ringfence.store import credentials

    served.app.state.access.settle()
    with served.database.reading() as connection:
        (session,) = credentials.sessions_of(connection, "p-ada", 0)
    return session.used


@pytest.mark.parametrize("stream", [True, False], ids=["by the stream", "by asking"])
def test_a_tab_in_view_idles_out_says_so_and_leads_back(
    idling: Served, clock: Shifted, opened: Opener, stream: bool
) -> None:
    screen = opened(served=idling)
    screen.expected = re.compile("401|ERR_FAILED")
    if not stream:
        screen.page.route("**/api/v1/events", lambda route: route.abort())
    where = "/devices?q=class%3Aplc&sort=-name#main"
    page = screen.show(where)
    page.locator('[data-facet="class"] .pick').first.wait_for()  # The last that the page asks because it was opened.
    begun = used(idling)
    for minutes, owner in ((20, "First"), (40, "Second")):
        clock.by = minutes * MINUTE
        with page.expect_response(lambda answer: "/devices?" in answer.url):
            say(idling, owner)
    assert used(idling) == begun, "neither asking nor redrawing is a use"
    clock.by = 70 * MINUTE
    page.locator("#logged-out", has_text="You are logged out").wait_for(timeout=30_000)
    assert "#main" in page.url
    screen.accessible()
    page.locator("#logged-out a").click()
    page.wait_for_url("**/log-in?next=*")
    target = page.locator('input[name="next"]').get_attribute("value")
    assert target == where
    screen.page.unroute_all(behavior="ignoreErrors")


def test_a_person_who_goes_on_stays_logged_in(idling: Served, clock: Shifted, opened: Opener) -> None:
    screen = opened(served=idling)
    page = screen.show("/devices")
    for minutes in (40, 80, 120):
        clock.by = minutes * MINUTE
        page.locator('[data-key="sort-name"]').click()
        page.locator('th[aria-sort] [data-key="sort-name"]').wait_for()
        screen.until(lambda: used(idling) > time.time_ns() + (minutes - 1) * MINUTE)  # noqa: B023 It is used at once.
    assert page.locator("#logged-out").is_hidden()


def test_who_logs_in_again_in_another_tab_goes_on_in_this_one(idling: Served, opened: Opener) -> None:
    screen = opened(served=idling)
    screen.expected = re.compile("401|ERR_FAILED")
    page = screen.show("/devices/" + idling.device("scada-1"))
    page.get_by_label("Note").fill("half a sentence")
    with idling.database.writing() as connection:
        from ringfence.store import credentials

        credentials.end_sessions(connection, "p-ada")
    page.locator("#logged-out", has_text="You are logged out").wait_for(timeout=30_000)
    with idling.database.writing() as connection:
        ada = people.by_id(connection, "p-ada")
        assert ada is not None
        cookie = sessions.begin(idling.app.state.access, connection, ada, "password", "a test")
    page.context.add_cookies([{"name": idling.cookie_name, "value": cookie, "url": idling.origin}])
    token = page.locator('main input[name="csrf"]').first
    before = token.input_value()
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.locator("#logged-out").wait_for(state="hidden")
    screen.until(lambda: token.input_value() != before)
    assert page.get_by_label("Note").input_value() == "half a sentence"
    page.evaluate("document.activeElement.blur()")
    page.get_by_role("button", name="Save").click()
    page.locator(".said", has_text="Saved.").wait_for()


# --- packets ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def kept(own: Served, tmp_path: Path) -> tuple[Served, str]:
    """An installation whose packet ring keeps a finding's packets, and the finding's id."""
    assert own.analysis is not None
    finding = next(each for each in own.analysis.findings if each.packets)
    ring = PacketRing(own.database, tmp_path, Keys(SECRET, time.time_ns), time.time_ns)
    said = [CapturedPacket(each.time, each.length, FRAME + PAYLOAD) for each in finding.packets]
    with own.database.writing() as connection:
        ring.add(connection, "hall-1", capture_file(said)[0])
        assert ring.keep(connection, finding.id, "hall-1", finding.packets) == len(finding.packets)
    return own, finding.id


def download(screen: Screen, *boxes: str) -> bytes:
    for name in ("anonymised", "with payload"):
        screen.page.get_by_label(re.compile(name)).set_checked(name in boxes)
    with screen.page.expect_download() as waiting:
        screen.page.get_by_role("button", name="Download packets").click()
    assert waiting.value.suggested_filename.endswith(".pcap")
    return waiting.value.path().read_bytes()


def test_a_findings_packets_are_downloaded(kept: tuple[Served, str], opened: Opener) -> None:
    served, finding = kept
    screen = opened(served=served)
    page = screen.show(f"/findings/{finding}")
    assert "The packet ring keeps them." in page.locator('section[aria-labelledby="packets"]').inner_text()
    plain = list(packets(download(screen)))
    assert plain
    assert {packet.data for packet in plain} == {FRAME}, "headers only"
    whole = list(packets(download(screen, "with payload")))
    assert {packet.data for packet in whole} == {FRAME + PAYLOAD}
    for boxes in (("anonymised",), ("anonymised", "with payload")):
        hidden = download(screen, *boxes)
        assert len(list(packets(hidden))) == len(plain)
        assert PAYLOAD not in hidden
        assert FRAME[:12] not in hidden
        assert FRAME[26:34] not in hidden, "neither of the IP addresses"
    with served.database.reading() as connection:
        told = [each.after for each in audit.entries(connection, act="finding.packets")]
    assert [(each["anonymous"], each["payload"]) for each in told] == [
        (False, False),
        (False, True),
        (True, False),
        (True, True),
    ]


def test_who_may_not_see_packets_is_offered_none(kept: tuple[Served, str], opened: Opener) -> None:
    served, finding = kept
    page = opened(served=served, who="vic").show(f"/findings/{finding}")
    assert page.get_by_role("button", name="Download packets").count() == 0
    with served.database.writing() as connection:
        people.set_grants(connection, "p-vic", [("analyst", "*")])
    page = opened(served=served, who="vic").show(f"/findings/{finding}")
    assert page.get_by_role("button", name="Download packets").count() == 1
    assert page.get_by_label(re.compile("with payload")).count() == 0
