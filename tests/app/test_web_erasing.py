"""What erases for good, on the screens: how long things are kept, and one device."""

from __future__ import annotations

import re

import pytest
from tests.app.screen import FITS, SIZES, Opener
from tests.app.test_web_people import acts, button, said
from tests.app.web_server import Served

from ringfence.app.access.table import ENDPOINTS
from ringfence.app.erasing import erased_digest
from ringfence.app.web.system_approvals import ACTS
from ringfence.model.query import Query
from ringfence.model.scope import EVERYWHERE
from ringfence.store.read.devices import devices
from ringfence.store.retention import Retention, retention


def test_every_dangerous_act_has_words() -> None:
    assert {row.name for row in ENDPOINTS if row.dangerous and not row.same_as} == ACTS.keys()


def test_how_long_things_are_kept_is_set(own: Served, opened: Opener) -> None:
    page = opened(served=own).show("/system?tab=retention")
    page.get_by_label("Flows and transactions (days of the lake)").fill("14")
    page.get_by_label("Closed findings").fill("365")
    page.locator('section[aria-labelledby="keep"]').get_by_label("Why").fill("the works council asked for it")
    button(page, "keep", "Set")
    said(page, "Set. What is older than that goes within the hour.")
    with own.database.reading() as connection:
        assert retention(connection) == Retention(lake=14, findings=365)
    (entry,) = acts(own, "retention.set")
    assert entry.why == "the works council asked for it"
    page.get_by_label("Closed findings").fill("")
    button(page, "keep", "Set")
    said(page, "Set. What is older than that goes within the hour.")
    with own.database.reading() as connection:
        assert retention(connection) == Retention(lake=14)


def test_days_that_are_none_are_refused(own: Served, opened: Opener) -> None:
    screen = opened(served=own)
    page = screen.show("/system?tab=retention")
    page.evaluate("document.querySelectorAll('input[type=number]').forEach((each) => { each.type = 'text'; })")
    screen.expected = re.compile("status of 4")
    page.get_by_label("Closed findings").fill("-3")
    button(page, "keep", "Set")
    page.get_by_text("a number of days, 1 to 36,500").wait_for()
    with own.database.reading() as connection:
        assert retention(connection) == Retention()


def test_a_device_is_erased_by_its_name(own: Served, opened: Opener) -> None:
    with own.database.reading() as connection:
        one = devices(connection, Query(), EVERYWHERE, now=0).rows[0]
    screen = opened(served=own)
    page = screen.show(f"/devices/{one.id}")
    page.get_by_text("Erase all that is kept of this device").click()
    panel = page.locator('section[aria-labelledby="erase"]')
    panel.get_by_label("Its name, to be sure").fill("another")
    panel.get_by_label("The reason").fill("it was sold")
    screen.expected = re.compile("status of 4")
    button(page, "erase", "Erase for good")
    page.get_by_text("type the device's name to erase it").wait_for()
    page = screen.show(f"/devices/{one.id}")
    page.get_by_text("Erase all that is kept of this device").click()
    panel.get_by_label("Its name, to be sure").fill(one.name)
    panel.get_by_label("The reason").fill("it was sold")
    button(page, "erase", "Erase for good")
    said(page, "The device is erased.")
    with own.database.reading() as connection:
        assert one.id not in {each.id for each in devices(connection, Query(), EVERYWHERE, now=0).rows}
    (entry,) = acts(own, "device.erase")
    assert (entry.object, entry.why) == (erased_digest(own.app.state.platform, one.id), "it was sold")


@pytest.mark.parametrize("size", SIZES)
def test_who_may_not_sees_no_form(own: Served, opened: Opener, size: str) -> None:
    with own.database.reading() as connection:
        one = devices(connection, Query(), EVERYWHERE, now=0).rows[0]
    screen = opened(served=own, who="vic", size=size)
    page = screen.show("/system?tab=retention")
    assert page.get_by_text("An administrator sets it.").count() == 1
    assert page.locator("main form").count() == 0
    page = screen.show(f"/devices/{one.id}")
    assert page.get_by_text("Erase all that is kept").count() == 0
    assert page.evaluate(FITS)
