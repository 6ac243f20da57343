"""The HTML report in a real browser: it opens from disk, works, is accessible, and runs nothing of a capture."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.app.conftest import missing
from tests.app.demo_cell import TARGET
from tests.app.plant import fleet, nasty_plant, plant

from ringfence.app.analysis import Analysis
from ringfence.app.export.html import html_report
from ringfence.app.pipeline import PipelineOptions, run
from ringfence.inventory.knowledge.loader import builtin

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SIZES = {"wide": (1440, 900), "narrow": (390, 844)}
WATCH = """
window.__violations = [];
document.addEventListener("securitypolicyviolation", (event) => window.__violations.push(event.violatedDirective));
"""


class Report:
    """One report, opened in one page; collects what went wrong."""

    def __init__(self, page: Page, path: Path) -> None:
        self.page = page
        self.path = path
        self.problems: list[str] = []
        page.on("console", lambda message: self.problems.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: self.problems.append(f"error: {error}"))
        page.on("request", self._request)
        page.on("dialog", lambda dialog: self.problems.append(f"dialog: {dialog.message}"))

    def _request(self, request: Any) -> None:
        if not request.url.startswith(self.path.as_uri()):
            self.problems.append(f"request: {request.url}")

    def show(self, address: str) -> None:
        """Load the report at this address."""
        self.page.goto(self.path.as_uri() + address)

    def rows(self, table: str = "Devices") -> list[str]:
        """Return the row heads of a table."""
        heads = self.page.locator(f'[aria-label="{table}"] tbody th').all_inner_texts()
        return [head.split("\n")[0] for head in heads]  # A second line repeats the address on small screens.

    def check(self) -> None:
        """Fail where something went wrong."""
        assert self.problems == []
        assert self.page.evaluate("window.__violations") == []
        assert self.page.evaluate("typeof window.__canary") == "undefined"


def cell() -> Analysis:
    """Return what the whole of Ringfence finds in the demo's made cell."""
    return run([TARGET], builtin(), PipelineOptions()).analysis


Opener = Callable[..., Report]


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Write a report once for all tests."""
    folder = tmp_path_factory.mktemp("reports")
    makers: dict[str, Callable[[], Analysis]] = {"plant": plant, "nasty": nasty_plant, "fleet": fleet, "cell": cell}

    def write(name: str) -> Path:
        path = folder / f"{name}.html"
        if not path.exists():
            path.write_text(html_report(makers[name]()), encoding="utf-8")
        return path

    return write


@pytest.fixture
def opened(browser: Browser, written: Callable[[str], Path]) -> Iterator[Opener]:
    """Open a report; whatever the test did, at its end nothing may have gone wrong."""
    reports: list[Report] = []

    def open_report(name: str = "plant", address: str = "", size: str = "wide", **options: Any) -> Report:
        width, height = SIZES[size]
        context = browser.new_context(viewport={"width": width, "height": height}, offline=True, **options)
        context.add_init_script(WATCH)
        report = Report(context.new_page(), written(name))
        reports.append(report)
        report.show(address)
        return report

    yield open_report
    for report in reports:
        report.check()
        report.page.context.close()


def device_of(name: str) -> str:
    """Return the address of a device's page."""
    return "#/device/" + next(device.id for device in plant().devices if device.name == name)


def views(analysis: Analysis) -> list[str]:
    """Return one address of each kind."""
    finding = analysis.findings[0].id
    return [
        "#/overview",
        "#/devices",
        "#/device/" + analysis.devices[0].id,
        "#/map",
        "#/findings/" + finding,
        "#/protocols",
    ]


def test_opens_without_errors_or_requests(opened: Opener) -> None:
    report = opened()
    assert report.page.locator("h1").inner_text() == "Overview"
    for address in views(plant()):
        report.show(address)
        assert report.page.locator("main h1").count() == 1


def test_every_tile_leads_to_as_many_rows(opened: Opener) -> None:
    report = opened()
    for tile in range(report.page.locator(".tile").count()):
        report.show("#/overview")
        wanted = int(report.page.locator(".tile-value").nth(tile).inner_text().replace(",", ""))
        report.page.locator(".tile").nth(tile).click()
        shown = report.page.locator("main tbody tr[data-row], main .findings > details")
        for _ in range(100):  # The page hears of its new address a moment later.
            if shown.count() == wanted:
                break
            report.page.wait_for_timeout(50)
        assert shown.count() == wanted, report.page.url


def test_search_and_facets(opened: Opener) -> None:
    report = opened("plant", "#/devices")
    report.page.locator("#search").fill("siemens s7comm")
    assert sorted(report.rows()) == ["hmi-hall-1", "press-line-1", "press-line-2"]
    assert "q=siemens" in report.page.url
    report.page.get_by_label("HMI").check()
    assert report.rows() == ["hmi-hall-1"]
    report.page.get_by_role("button", name="Class: HMI").click()
    assert len(report.rows()) == 3
    report.page.locator("#search").fill("no such thing")
    assert report.page.get_by_text("No device fits this search and these filters.").is_visible()
    report.page.locator("#status", has_text="0 of 41").wait_for(state="attached")


def test_facet_counts_are_those_of_the_rows(opened: Opener) -> None:
    report = opened("plant", "#/devices")
    for value in ("plc", "unknown", "ip_camera"):
        report.show(f"#/devices?class={value}")
        box = report.page.locator(f'[data-key="class={value}"]')
        count = box.locator("xpath=../span[last()]").inner_text()
        assert int(count) == len(report.rows())


def test_sorting_says_so_and_leaves_unknown_last(opened: Opener) -> None:
    report = opened("plant", "#/devices")
    for clicks, order in ((1, "ascending"), (2, "descending")):
        report.page.locator('[data-key="sort-vendor"]').click()
        assert report.page.locator("th[aria-sort]").get_attribute("aria-sort") == order, clicks
        vendors = report.page.locator('[aria-label="Devices"] tbody tr td:nth-child(4)').all_inner_texts()
        assert vendors[-1] == "unknown"
        assert vendors[0] != "unknown"
    assert report.page.evaluate("document.activeElement.getAttribute('data-key')") == "sort-vendor"


def test_columns_can_be_chosen(opened: Opener) -> None:
    report = opened("plant", "#/devices")
    report.page.get_by_text("Columns", exact=True).click()
    report.page.get_by_label("Serial").check()
    assert report.page.locator("thead").get_by_text("Serial").is_visible()
    assert "columns=" in report.page.url


def test_address_holds_the_state(opened: Opener) -> None:
    report = opened("plant", "#/devices?class=unknown&sort=-name")
    assert len(report.rows()) == 4
    report.page.locator("tbody th a").first.click()
    report.page.wait_for_selector(".device-head")
    report.page.locator("a.back").click()
    report.page.wait_for_selector("#search")
    assert "class=unknown" in report.page.url
    assert len(report.rows()) == 4
    report.page.go_back()
    report.page.wait_for_selector(".device-head")


def test_keyboard_alone(opened: Opener) -> None:
    report = opened("plant", "#/devices")
    keyboard = report.page.keyboard
    keyboard.press("/")
    keyboard.type("press-line-2")
    keyboard.press("Escape")
    keyboard.press("j")
    assert report.page.evaluate("document.activeElement.textContent") == "press-line-2"
    keyboard.press("Enter")
    report.page.wait_for_selector(".device-head")
    assert report.page.locator("h1").inner_text() == "press-line-2"
    keyboard.press("Escape")
    report.page.wait_for_selector("#search")
    assert report.page.locator("#search").input_value() == "press-line-2"
    keyboard.press("?")
    assert report.page.locator("dialog").is_visible()
    keyboard.press("Escape")
    assert not report.page.locator("dialog").is_visible()


def test_single_keys_can_be_turned_off(opened: Opener) -> None:
    report = opened("plant", "#/devices")
    report.page.keyboard.press("?")
    report.page.get_by_label("Single keys are on").uncheck()
    report.page.get_by_role("button", name="Close").click()
    report.page.keyboard.press("/")
    assert report.page.evaluate("document.activeElement.id") != "search"


def test_device_page_says_why(opened: Opener) -> None:
    page = opened("plant", device_of("press-line-2")).page
    text = page.locator("main").inner_text()
    for wanted in (
        "88\u202f%",
        "SIMATIC S7-1200",
        "download_block",
        "plc_stop",
        "frame 4711",
        "T0858",
        "Expected",
        "0.95",
    ):
        assert wanted in text
    assert page.locator("main").get_by_role("link", name="eng-ws-4").count() >= 3


def test_device_page_shows_conflicts_certificates_and_credentials(opened: Opener) -> None:
    report = opened("plant", device_of("mixer-plc"))
    assert "was chosen over" in report.page.locator(".conflict").inner_text()
    report.show(device_of("scada-1"))
    assert "sha1WithRSAEncryption" in report.page.locator(".certificate").inner_text()
    report.show(device_of("cam-gate-1"))
    assert report.page.get_by_text("Credentials seen (1)").is_visible()
    report.show("#/device/d-0000")
    assert report.page.get_by_text("No such device").is_visible()


def edges_of(report: Report) -> tuple[list[str], list[str]]:
    """Return the edges of the drawing and of all pages of the table."""
    read = "(each) => each.map((one) => one.getAttribute('data-edge'))"
    drawn = report.page.eval_on_selector_all("path.edge", read)
    rows: list[str] = []
    while True:
        rows += report.page.eval_on_selector_all("tr[data-edge]", read)
        following = report.page.locator('[data-key="page-Next"]:not([disabled])')
        if not following.count():
            return drawn, rows
        following.click()


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("plant", ""),
        ("plant", "?across=1"),
        ("plant", "?group=class"),
        ("plant", "?group=subnet"),
        ("plant", "?protocol=modbus"),
        ("nasty", ""),
        ("fleet", ""),
        ("fleet", "?group=subnet"),
    ],
)
def test_map_and_table_agree(opened: Opener, name: str, query: str) -> None:
    report = opened(name, "#/map" + query)
    drawn, rows = edges_of(report)
    assert drawn
    assert sorted(drawn) == sorted(rows)
    assert len(set(rows)) == len(rows)
    assert report.page.locator(".node").count() <= 200


def test_map_is_chosen_by_click_and_by_keys(opened: Opener) -> None:
    report = opened("plant", "#/map")
    report.page.locator(".node", has_text="scada-1").click()
    side = report.page.locator(".map-side")
    assert "scada-1" in side.inner_text()
    assert "tank-farm" in side.inner_text()
    assert report.page.locator(".edge.lit").count() == 7
    assert report.page.locator('.node[tabindex="0"]').count() == 1
    report.page.locator('.node[tabindex="0"]').focus()
    before = report.page.evaluate("document.activeElement.getAttribute('data-node')")
    report.page.keyboard.press("ArrowDown")
    after = report.page.evaluate("document.activeElement.getAttribute('data-node')")
    assert before != after
    report.page.keyboard.press("Enter")
    assert report.page.locator(f'.node[data-node="{after}"]').get_attribute("aria-pressed") == "true"


def test_pairs_of_a_finding_are_marked_even_where_one_is_no_device(opened: Opener) -> None:
    report = opened("cell", "#/map?protocol=dns")
    (row,) = report.page.locator("tr[data-edge]").all_inner_texts()
    assert "8.8.4.4" in row
    assert row.endswith("yes")
    assert report.page.locator("path.edge.risky").count() == 1


def test_commands_stand_apart_from_reads(opened: Opener) -> None:
    report = opened("cell", "#/devices?q=10.50.0.20")
    report.page.locator("tbody th a").first.click()
    report.page.wait_for_selector(".device-head")
    commands = report.page.locator('[aria-label="Commands it received"]').inner_text()
    rest = report.page.locator('[aria-label="What else was asked of it"]').inner_text()
    assert "write_single_register" in commands
    assert "read_holding_registers" not in commands
    assert "read_holding_registers" in rest


def test_findings_filters(opened: Opener) -> None:
    report = opened("plant", "#/findings?severity=high")
    assert report.page.locator(".findings > details").count() == 2
    report.show("#/findings?attack=T0842")
    assert report.page.locator(".findings > details").count() == 2


def test_clock_switches_between_utc_and_local(opened: Opener) -> None:
    report = opened("plant", device_of("scada-1"), timezone_id="Asia/Kathmandu")
    assert "08:26:54 UTC" in report.page.locator("main").inner_text()
    report.page.get_by_role("button", name="Times are in UTC").click()
    assert "14:11:54 +05:45" in report.page.locator("main").inner_text()


def test_theme_switch(opened: Opener) -> None:
    report = opened("plant", color_scheme="light")
    page = "getComputedStyle(document.body).backgroundColor"
    light = report.page.evaluate(page)
    report.page.get_by_role("button", name="Switch to the dark theme").click()
    assert report.page.evaluate(page) != light


@pytest.mark.parametrize("size", SIZES)
def test_nasty_texts_run_nothing_and_break_no_layout(opened: Opener, size: str) -> None:
    whole = nasty_plant()
    report = opened("nasty", "", size)
    addresses = views(whole) + ["#/device/" + device.id for device in whole.devices]
    for address in addresses:
        report.show(address)
        assert report.page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), (
            address
        )
        assert not re.search("[\u202a-\u202e\u2066-\u2069\x1b\x00]", report.page.locator("main").inner_text())
    report.show("#/devices?q=" + "%3Cscript")
    assert "<script>window.__canary=1</script>" in report.rows()
    for address in (
        "#/%E0%A4%A",
        "#/device/%E0%A4%A",
        "#/__proto__",
        "#/constructor",
        "#/devices?class=__proto__&sort=__proto__",
    ):
        report.show(address)
        assert report.page.locator("main h1").count() == 1


def test_reflows_at_320_pixels(opened: Opener) -> None:
    report = opened("plant")
    report.page.set_viewport_size({"width": 320, "height": 640})
    for address in [*views(plant()), device_of("press-line-2")]:
        report.show(address)
        assert report.page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), (
            address
        )


@pytest.mark.parametrize("name", ["plant", "nasty"])
def test_without_scripts_there_is_a_summary(browser: Browser, written: Callable[[str], Path], name: str) -> None:
    context = browser.new_context(java_script_enabled=False, offline=True)
    page = context.new_page()
    page.goto(written(name).as_uri())
    assert page.locator("noscript table, .plain table").count() == 4
    assert "Nothing was sent to any network." in page.locator("body").inner_text()
    context.close()


def test_prints_summary_devices_and_findings(opened: Opener) -> None:
    report = opened("plant", "#/map")
    report.page.emulate_media(media="print")
    report.page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    text = report.page.locator("#paper").inner_text()
    assert not report.page.locator("main").is_visible()
    for device in plant().devices:
        assert device.name in text
    for finding in plant().findings:
        assert finding.title in text
    assert report.page.pdf().startswith(b"%PDF")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_accessible(opened: Opener, scheme: str, size: str) -> None:
    try:
        from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # It ships no types.
    except ImportError:
        missing("axe-playwright-python is not installed")
    report = opened("plant", "", size, color_scheme=scheme)
    for address in [*views(plant()), device_of("press-line-2"), device_of("scada-1"), "#/devices?class=unknown"]:
        report.show(address)
        found = Axe().run(
            report.page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]}
        )
        problems = [
            f"{address} {each['id']}: {node['html'][:160]} {node['failureSummary'][:300]}"
            for each in found.response["violations"]
            for node in each["nodes"][:3]
        ]
        assert problems == []


def test_ten_thousand_devices_are_drawn_a_page_at_a_time(opened: Opener) -> None:
    report = opened("fleet", "#/devices")
    assert "10,000 of 10,000 devices" in report.page.locator(".counted").inner_text()
    for text in ("press", "press-line", "siemens 10.0.3", "robot", ""):
        report.page.locator("#search").fill(text)
        # What takes time is drawing: the page may not grow with the fleet.
        assert report.page.evaluate("document.querySelectorAll('main *').length") < 5_000
        assert len(report.rows()) <= 100
    report.page.locator('[data-key="page-Next"]').click()
    assert "101–200 of" in report.page.locator(".pager").inner_text()
    assert len(report.rows()) == 100


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_screenshots(opened: Opener, screenshots: Path, scheme: str, size: str) -> None:
    report = opened("plant", "", size, color_scheme=scheme)
    pages = {"devices": "#/devices", "device": device_of("press-line-2"), "map": "#/map", "findings": "#/findings"}
    for name, address in pages.items():
        report.show(address)
        target = screenshots / f"{name}-{scheme}-{size}.png"
        report.page.screenshot(path=target, full_page=True)
        assert target.stat().st_size > 20_000
        assert report.page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
