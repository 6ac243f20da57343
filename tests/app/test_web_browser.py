"""The screens in a real browser: axe, keys, no external request, no violation of the policy, nasty texts, live news."""

from __future__ import annotations

import re
import time

import pytest
from tests.app.screen import FILLS, FITS, SIZES, Opener
from tests.app.web_server import Served

from ringfence.model.scope import EVERYWHERE
from ringfence.store.notes import annotate
from ringfence.store.unit import UnitOfWork


def addresses(served: Served) -> list[str]:
    """Return one address of each screen and of each of its parts."""
    shown = ["/", "/devices", "/devices?q=class%3Aplc+zne%3A3", "/devices?q=nothing-like-this", "/map", "/findings"]
    shown += ["/flows", "/flows?range=1h"]
    parts = ("sensors", "knowledge", "people", "approvals", "tokens", "sso", "audit", "backups", "retention", "about")
    shown += [f"/system?tab={part}" for part in parts]
    shown += ["/system?tab=people&pick=p-vic"]
    if served.analysis is not None:
        grave = max(served.analysis.findings, key=lambda each: each.severity)
        device = next(role.id for role in grave.devices if role.id)
        tabs = ("overview", "evidence", "peers", "secrets", "findings", "timeline", "raw")
        shown += [f"/devices/{device}?tab={tab}" for tab in tabs]
        shown += [f"/findings/{grave.id}", f"/devices?pick={device}", f"/map?pick={device}"]
    return shown


# --- for everybody --------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("name", "size"), [("plant", "wide"), ("plant", "narrow"), ("empty", "wide")])
def test_accessible(opened: Opener, name: str, scheme: str, size: str) -> None:
    screen = opened(name, size, color_scheme=scheme)
    for address in addresses(screen.served):
        screen.show(address)
        screen.accessible()


@pytest.mark.parametrize("name", FILLS)
@pytest.mark.parametrize("size", SIZES)
def test_every_screen_opens_and_fits(opened: Opener, name: str, size: str) -> None:
    screen = opened(name, size)
    for address in addresses(screen.served):
        page = screen.show(address)
        assert page.locator("main h1").count() == 1, address
        assert page.evaluate(FITS), address


def test_nothing_of_the_policy_is_loosened(opened: Opener) -> None:
    screen = opened("plant")
    answer = screen.page.goto(screen.served.origin + "/")
    assert answer is not None
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    text = answer.text()
    assert "<style" not in text
    assert " style=" not in text
    assert not re.search(r"<script(?![^>]*\bsrc=)", text)
    assert not re.search(r"\son\w+=", text)


# --- nasty texts ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
def test_nasty_texts_run_nothing_and_break_no_layout(opened: Opener, size: str) -> None:
    screen = opened("nasty", size)
    served = screen.served
    assert served.analysis is not None
    shown = addresses(served)
    for number, device in enumerate(served.analysis.devices[::3]):
        tab = ("overview", "evidence", "peers", "secrets", "raw", "timeline")[number % 6]
        shown.append(f"/devices/{device.id}?tab={tab}" if number % 4 else f"/devices?pick={device.id}")
    shown += [f"/findings/{finding.id}" for finding in served.analysis.findings[::5]]
    for address in shown:
        page = screen.show(address)
        assert page.evaluate(FITS), address
        assert not re.search("[\u202a-\u202e\u2066-\u2069\x1b\x00]", page.locator("body").inner_text()), address


def test_nasty_addresses_break_nothing(opened: Opener) -> None:
    screen = opened("nasty")
    screen.expected = re.compile("Failed to load resource")
    for query in ("%3Cscript%3E", "%22%3E%3Cimg+src%3Dx%3E", "%00", "%E2%80%AE", "a" * 3_000, "%27+OR+1%3D1+--"):
        page = screen.show(f"/devices?q={query}&sort=name&pick={query}")
        assert page.locator("main h1").inner_text() == "Devices"
        screen.show(f"/findings?q={query}")
        screen.show(f"/flows?q={query}&start={query}")
        screen.show(f"/map?pick={query}&zone={query}")
        screen.show(f"/?since={query}&said={query}&count={query}")
        screen.show(f"/system?tab={query}&before={query}")
    for address in ("/devices/..%2f..%2fetc", "/devices/__proto__", "/findings/%3Cscript%3E"):
        answer = screen.page.goto(screen.served.origin + address)
        assert answer is not None
        assert answer.status in (403, 404), address


# --- lists ----------------------------------------------------------------------------------------------------------


def test_search_and_facets_stand_in_the_address(opened: Opener) -> None:
    screen = opened("plant")
    page = screen.show("/devices")
    page.locator("#search").fill("siemens")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=siemens**")
    page.get_by_role("checkbox", name=re.compile("^HMI")).click()
    page.wait_for_url("**class%3Ahmi**")
    assert page.locator("#search").input_value() == "siemens class:hmi"
    chosen = screen.address()
    rows = screen.heads()
    assert rows == ["hmi-hall-1"]
    again = opened("plant")
    again.show(chosen)
    assert again.heads() == rows
    page.get_by_role("checkbox", name=re.compile("^HMI")).click()
    screen.until(lambda: "hmi" not in page.url)
    page.go_back()
    page.wait_for_url("**class%3Ahmi**")
    screen.until(lambda: screen.heads() == rows)


def test_a_mistake_is_shown_where_it_is(opened: Opener) -> None:
    page = opened("plant").show("/devices?q=class%3Aplc+zne%3A3")
    problem = page.locator(".query-problem")
    assert "zone" in problem.inner_text()  # did you mean
    assert problem.locator("mark").inner_text().startswith("zne:3")
    assert page.locator("#search").get_attribute("aria-invalid") == "true"
    assert "can't be understood" in page.locator("main").inner_text()


def test_facet_counts_are_those_of_the_rows(opened: Opener) -> None:
    screen = opened("plant")
    for value in ("plc", "unknown", "ip_camera"):
        page = screen.show(f"/devices?q=class:{value}")
        count = page.locator(f'[data-key="f-class-{value}"] .count').inner_text()
        assert int(count) == len(screen.heads())


def test_sorting_says_so_and_leaves_unknown_last(opened: Opener) -> None:
    screen = opened("plant")
    page = screen.show("/devices")
    for order in ("ascending", "descending"):
        page.locator('[data-key="sort-vendor"]').click()
        page.locator(f'th[aria-sort="{order}"] [data-key="sort-vendor"]').wait_for()
        vendors = page.locator("main tbody tr td:nth-of-type(4)").all_inner_texts()
        assert vendors[-1] == "unknown"
        assert vendors[0] != "unknown"
        assert page.evaluate("document.activeElement.getAttribute('data-key')") == "sort-vendor"


def test_export_is_exactly_the_view(opened: Opener) -> None:
    screen = opened("plant")
    page = screen.show("/devices?q=-class:unknown&sort=-name&column=name&column=vendor&column=serial")
    rows = screen.heads()
    assert len(rows) > 20
    vendors = page.locator("main tbody tr td:nth-of-type(2)").all_inner_texts()
    with page.expect_download() as waiting:
        page.get_by_role("link", name="CSV").click()
    import csv

    told = list(csv.reader(waiting.value.path().read_text(encoding="utf-8").splitlines()))
    assert told[0] == ["Name", "Vendor", "Serial"]
    assert [row[0] for row in told[1:]] == rows
    assert [row[1] or "unknown" for row in told[1:]] == vendors
    with page.expect_download() as waiting:
        page.get_by_role("link", name="JSON lines").click()
    import json

    lines = [json.loads(line) for line in waiting.value.path().read_text(encoding="utf-8").splitlines()]
    assert [line["name"] for line in lines] == rows
    assert list(lines[0]) == ["name", "vendor", "serial"]


def test_columns_and_preview(opened: Opener) -> None:
    screen = opened("plant")
    page = screen.show("/devices")
    page.locator(".columns-form summary").click()
    page.get_by_label("Serial", exact=True).check()
    page.get_by_role("button", name="Show these").click()
    page.wait_for_url("**column=serial**")
    assert page.locator("thead").get_by_text("Serial").is_visible()
    row = page.locator("tr[data-row]", has_text="press-line-2")
    row.hover()
    row.locator(".peek").click()
    page.locator(".preview").wait_for()
    assert "SIMATIC S7-1200" in page.locator(".preview").inner_text()
    page.keyboard.press("Escape")
    page.locator(".preview").wait_for(state="detached")


def test_a_certificate_says_first_what_matters(opened: Opener) -> None:
    screen = opened("demo")
    page = screen.show(f"/devices/{screen.served.device('10.50.0.10')}?tab=secrets")
    told = page.locator(".certificate").inner_text()
    order = [told.index(word) for word in ("subject", "issuer", "valid until", "self-signed", "SHA-256", "seen")]
    assert order == sorted(order)
    until = page.locator(".certificate div", has=page.locator("dt", has_text="valid until")).inner_text()
    assert "2021-01-01" in until
    assert "expired" in until


def test_every_part_of_a_page_can_be_reached_on_a_phone(opened: Opener) -> None:
    screen = opened("plant", "narrow")
    for address in ("/system?tab=about", f"/devices/{screen.served.device('scada-1')}?tab=raw"):
        page = screen.show(address)
        for link in page.locator(".tabs a").all():
            box = link.bounding_box()
            assert box is not None
            assert 0 <= box["x"] <= box["x"] + box["width"] <= 390, link.inner_text()


# --- keys -----------------------------------------------------------------------------------------------------------


def test_keyboard_alone(opened: Opener) -> None:
    screen = opened("plant")
    page = screen.show("/")
    for keys, path in (("gd", "/devices"), ("gm", "/map"), ("gf", "/findings"), ("gl", "/flows"), ("gs", "/system")):
        page.keyboard.type(keys)
        page.wait_for_url(screen.served.origin + path)
    page.keyboard.press("/")
    page.wait_for_url("**/devices")
    page.keyboard.press("/")
    page.keyboard.type("press-line-2")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=press-line-2")
    screen.until(lambda: len(screen.heads()) == 1)
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.textContent") == "press-line-2"
    page.keyboard.press("p")
    page.locator(".preview").wait_for()
    page.keyboard.press("Escape")
    page.locator(".preview").wait_for(state="detached")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/devices/d-*")
    assert page.locator("h1").inner_text() == "press-line-2"
    page.keyboard.press("Escape")
    page.wait_for_url("**/devices?q=press-line-2")
    page.keyboard.press("?")
    assert page.locator("#help").is_visible()
    page.keyboard.press("Escape")
    assert not page.locator("#help").is_visible()


def test_palette_finds_screens_devices_and_findings(opened: Opener) -> None:
    screen = opened("plant")
    page = screen.show("/")
    page.keyboard.press("Control+k")
    page.keyboard.type("flow")
    page.locator("#palette-list [role=option]", has_text="Flows").wait_for()
    page.keyboard.press("Enter")
    page.wait_for_url("**/flows")
    page.keyboard.press("Control+k")
    page.keyboard.type("press-line-2")
    page.locator("#palette-list [role=option]", has_text="PLC").wait_for()
    page.keyboard.press("Enter")
    page.wait_for_url("**/devices/d-*")
    page.keyboard.press("Control+k")
    page.keyboard.type("controller was stopped")
    page.locator("#palette-list [role=option]", has_text="critical finding").wait_for()
    page.keyboard.press("Enter")
    page.wait_for_url("**/findings/f-*")


def test_single_keys_can_be_turned_off(opened: Opener) -> None:
    page = opened("plant").show("/devices")
    page.keyboard.press("?")
    page.get_by_label("Single keys are on").uncheck()
    page.get_by_role("button", name="Close").click()
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") != "search"


def test_map_by_keys_and_its_table(opened: Opener) -> None:
    screen = opened("plant")
    page = screen.show("/map")
    drawn = page.eval_on_selector_all("#map path.edge", "(each) => each.map((one) => one.dataset.edge)")
    rows = page.eval_on_selector_all("tr[data-edge]", "(each) => each.map((one) => one.dataset.edge)")
    assert drawn
    assert sorted(drawn) == sorted(rows)
    assert page.locator("#map .node").count() <= 200
    assert page.locator('#map .node[tabindex="0"]').count() == 1
    page.locator('#map .node[tabindex="0"]').focus()
    before = page.evaluate("document.activeElement.dataset.node")
    page.keyboard.press("ArrowDown")
    after = page.evaluate("document.activeElement.dataset.node")
    assert before != after
    page.keyboard.press("Enter")
    page.wait_for_url("**pick=**")
    assert page.locator("#map .node.chosen").get_attribute("data-node") == after
    page.get_by_label("only between zones").check()
    page.wait_for_url("**across=1**")
    assert page.locator("#map .edge:not(.crosses)").count() == 0
    assert page.locator("#map .edge.crosses").count() > 0


# --- looks ----------------------------------------------------------------------------------------------------------


def test_theme_is_kept(opened: Opener) -> None:
    screen = opened("plant", color_scheme="light")
    page = screen.show("/")
    paint = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(paint)
    page.get_by_role("button", name="Switch to the dark theme").click()
    dark = page.evaluate(paint)
    assert dark != light
    screen.show("/devices")
    assert page.evaluate(paint) == dark
    assert page.locator("html").get_attribute("data-theme") == "dark"


def test_clock_switches_between_utc_and_local(opened: Opener) -> None:
    screen = opened("plant", timezone_id="Asia/Kathmandu")
    finding = next(each for each in screen.served.analysis.findings if each.severity == 4)  # type: ignore[union-attr]  # It is filled.
    page = screen.show(f"/findings/{finding.id}")
    stamp = page.locator("main time").first
    utc = stamp.inner_text()
    assert "ago" in (stamp.get_attribute("title") or "")
    page.get_by_role("button", name="Times are in UTC").click()
    screen.until(lambda: page.locator("main time").first.inner_text() != utc)
    assert "+05:45" in (page.locator("main time").first.get_attribute("title") or "")


def test_prints_without_its_controls(opened: Opener) -> None:
    page = opened("plant").show("/devices")
    page.emulate_media(media="print")
    assert not page.locator(".top").is_visible()
    assert not page.locator("#search").is_visible()
    assert page.locator("main tbody tr").first.is_visible()
    assert page.pdf().startswith(b"%PDF")


def test_works_without_scripts(opened: Opener) -> None:
    context = opened("plant").page.context.browser
    assert context is not None
    served = opened("plant").served
    plain = context.new_context(java_script_enabled=False)
    plain.add_cookies([{"name": served.cookie_name, "value": served.cookies["ada"], "url": served.origin}])
    page = plain.new_page()
    page.goto(served.origin + "/devices")
    page.locator("#search").fill("class:hmi")
    page.get_by_role("button", name="Search").click()
    assert page.locator("main tbody tr").count() == 2
    page.goto(served.origin + "/devices")
    page.get_by_role("link", name="Count by class").click()
    assert page.locator('[data-facet="class"] .pick').count() > 5
    plain.close()


# --- news -----------------------------------------------------------------------------------------------------------


def test_news_appear_and_leave_focus_and_scroll(opened: Opener, own: Served) -> None:
    screen = opened(served=own)
    page = screen.show("/devices?column=name&column=owner")
    target = own.device("scada-1")
    page.locator(f'tr[data-key="{target}"] th a').first.focus()
    page.evaluate("window.scrollTo(0, 300)")
    scrolled = page.evaluate("window.scrollY")
    page.evaluate(f"""document.querySelector('tr[data-key="{target}"]').__same = true""")
    time.sleep(0.2)
    with UnitOfWork(own.database, time.time_ns()) as unit:
        from ringfence.store.read.devices import rows_of

        version = rows_of(unit.connection, [target], EVERYWHERE)[target].version
        annotate(unit, target, EVERYWHERE, "vic", version, {"owner": "Night shift"})
    page.locator(f'tr[data-key="{target}"]', has_text="Night shift").wait_for(timeout=15_000)
    assert page.evaluate("document.activeElement.textContent") == "scada-1"
    assert page.evaluate("window.scrollY") == scrolled
    assert page.evaluate(f"""document.querySelector('tr[data-key="{target}"]').__same""") is True


# --- acts -----------------------------------------------------------------------------------------------------------


def test_people_say_what_a_device_is(opened: Opener, own: Served) -> None:
    screen = opened(served=own)
    device = own.device("hub-lobby")
    page = screen.show(f"/devices/{device}")
    tag = page.locator(".device-head").inner_text()
    assert "untagged: counts as safety-critical" in tag
    page.get_by_label("Owner").fill("<b>Facilities</b>")
    page.get_by_label("Labels, with commas between").fill("lobby, =1+1")
    page.get_by_label("Note").fill("first line\nsecond line")
    page.get_by_role("button", name="Save").click()
    page.locator(".said", has_text="Saved.").wait_for()
    assert "<b>Facilities</b>" in page.locator(".head-facts").inner_text()
    assert page.get_by_label("Note").input_value() == "first line\nsecond line"
    assert "lobby" in page.locator(".device-head").inner_text()
    page.get_by_label("Safety-critical").select_option("no")
    page.get_by_label("Why").fill("It only switches lights.")
    page.get_by_role("button", name="Tag").click()
    page.locator(".device-head", has_text="not safety-critical").wait_for()
    screen.show("/system?tab=audit")
    told = page.locator("main").inner_text()
    assert "device.safety" in told
    assert "It only switches lights." in told


def test_many_at_once(opened: Opener, own: Served) -> None:
    screen = opened(served=own)
    page = screen.show("/devices?q=class:plc")
    page.get_by_label("Choose all rows shown").check()
    assert page.locator("#chosen-count").inner_text() == "4"
    page.locator('details[data-key="bulk"] summary').click()
    page.locator("#bulk").get_by_label("Owner").fill("Line team")
    page.locator("#bulk").get_by_label("Add label").fill("press hall")
    page.get_by_role("button", name="Change them").click()
    page.locator(".said", has_text="4 devices changed.").wait_for()
    screen.show('/devices?q=label:"press hall" owner:"Line team"')
    assert len(screen.heads()) == 4


def test_saved_views(opened: Opener, own: Served) -> None:
    screen = opened(served=own)
    page = screen.show("/devices?q=class:plc&sort=-name")
    page.get_by_text("Save view").click()
    page.get_by_role("textbox", name="Name").fill("Controllers")
    page.get_by_label("for everybody").check()
    page.get_by_role("button", name="Save", exact=True).click()
    page.locator(".said").wait_for()
    rows = screen.heads()
    other = opened(served=own, who="vic")
    other.show("/devices")
    other.page.locator(".saved a", has_text="Controllers").click()
    other.page.wait_for_url("**sort=-name**")
    other.until(lambda: len(other.heads()) == 4)
    assert other.heads() == rows
    assert other.page.get_by_label("Remove the view Controllers").count() == 0
    page.get_by_label("Remove the view Controllers").click()
    page.locator(".said").wait_for()
    assert page.locator(".saved a").count() == 0


def test_a_finding_is_worked_on(opened: Opener, own: Served) -> None:
    screen = opened(served=own)
    page = screen.show("/findings?q=severity:critical")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/findings/f-*")
    page.keyboard.press("a")
    assert page.get_by_label("Assigned to").input_value() == "ada"
    page.get_by_label("State").select_option("acknowledged")
    page.get_by_label("Note").fill("Asked the shift.")
    page.get_by_role("button", name="Save").click()
    page.locator(".said", has_text="Saved.").wait_for()
    head = page.locator(".device-head").inner_text()
    assert "acknowledged" in head
    assert "ada" in head
    screen.show("/findings?q=assignee:ada")
    assert page.locator(".finding-row").count() == 1


def test_a_viewer_sees_no_forms(opened: Opener) -> None:
    screen = opened("plant", who="vic")
    device = screen.served.device("press-line-2")
    for address in (f"/devices/{device}", f"/devices/{device}?tab=evidence", "/devices"):
        page = screen.show(address)
        assert page.locator('main form[method="post"] button:visible').count() in (0, 1), address
    assert "takes admin or auditor" in screen.show("/system?tab=people").locator("main").inner_text()
    assert "takes auditor or admin" in screen.show("/system?tab=audit").locator("main").inner_text()


def test_filters_are_counted_when_they_are_unfolded(opened: Opener) -> None:
    screen = opened("plant")
    page = screen.show("/devices")
    page.locator('[data-facet="class"] .pick').first.wait_for()
    folded = page.locator('[data-facet="vendor"]')
    assert folded.locator(".pick").count() == 0
    folded.locator("summary").click()
    folded.locator('[data-key="f-vendor-Siemens"]').click()
    page.wait_for_url("**vendor%3ASiemens**")
    page.locator('[data-key="f-vendor-Siemens"][aria-checked="true"]').wait_for()
    assert page.locator('[data-facet="vendor"]').evaluate("(each) => each.open")


# --- the first ten minutes (users.md B1), as far as the screens go ----------------------------------------------------


def test_first_ten_minutes(opened: Opener) -> None:
    screen = opened("demo")
    page = screen.show("/")
    # Capture quality comes first, unknown is an answer, and the gravest findings say why.
    assert "capture" in page.locator(".health").inner_text()
    assert int(page.locator(".tile", has_text="unknown class").locator(".tile-value").inner_text()) > 5
    assert page.locator(".finding-row .s-critical").count() >= 1
    page.locator(".tile", has_text="devices").click()
    page.wait_for_url("**/devices")
    total = int(page.locator("#counted").inner_text().split()[0])
    assert len(screen.heads()) == min(total, 100)
    # A controller: who it is, and why.
    page.get_by_role("checkbox", name=re.compile("^PLC")).click()
    page.wait_for_url("**class%3Aplc")
    page.locator("tr[data-row]", has_text="Siemens PLC").first.locator("th a").first.click()
    page.wait_for_url("**/devices/d-*")
    assert "Siemens" in page.locator(".head-facts").inner_text()
    page.get_by_role("link", name=re.compile("^Identity evidence")).click()
    page.locator("#claims").wait_for()
    assert page.locator('[aria-label="Claims, table"] tbody tr').count() >= 3
    page.get_by_role("link", name=re.compile("^Peers and commands")).click()
    page.locator("#peers").wait_for()
    assert page.locator('[aria-label="Peers, table"] tbody tr').count() >= 1
    # What is wrong with it, down to the packets.
    screen.show("/findings?q=severity%3E%3Dhigh")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/findings/f-*")
    text = page.locator("main").inner_text()
    assert "Expected" in text
    assert "What to do" in text
    assert page.locator('[aria-label="Packets, table"] tbody tr').count() >= 1
    # The map, and out with the list.
    page.keyboard.type("gm")
    page.wait_for_url("**/map")
    assert page.locator("#map .node").count() > 20
    page.keyboard.type("gd")
    page.wait_for_url("**/devices")
    with page.expect_download() as waiting:
        page.get_by_role("link", name="CSV").click()
    assert len(waiting.value.path().read_text(encoding="utf-8").splitlines()) == total + 1
