"""The screens without a browser: who may see and do what, what stands in the answers, and their parts by themselves."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.app.plant import nasty_texts
from tests.app.web_server import Served, made, nasty, serving

from ringfence.app.access.table import ENDPOINTS
from ringfence.app.web.address import Address, path
from ringfence.app.web.device_columns import COLUMNS, chosen_columns, csv_lines, json_lines
from ringfence.app.web.map_layout import drawing_of
from ringfence.app.web.shown import clock_of, finalised, size
from ringfence.app.web.system_approvals import ACTS
from ringfence.app.web.system_sso import setting_of
from ringfence.app.web.terms import facet, problem_of, toggled
from ringfence.app.web.today import health_of_sensor, knowledge_days, knowledge_health
from ringfence.model.errors import RingfenceError
from ringfence.model.query import parse
from ringfence.model.scope import EVERYWHERE, Scope
from ringfence.store import people
from ringfence.store.read.device import device
from ringfence.store.read.devices import devices
from ringfence.store.read.rows import DeviceRow, MapEdge, MapNode, MapView, SensorRow

MINUTE = 60 * 1_000_000_000
Client = Callable[[str | None], httpx.Client]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("screens"), made) as running:
        yield running


@pytest.fixture(scope="module")
def client(served: Served) -> Iterator[Client]:
    """Make a client with somebody's session; None is nobody."""
    made_ones = []

    def make(who: str | None) -> httpx.Client:
        cookies = {served.cookie_name: served.cookies[who]} if who else {}
        headers = {"Accept": "text/html", "Origin": served.origin}
        made_ones.append(httpx.Client(base_url=served.origin, cookies=cookies, headers=headers, timeout=60))
        return made_ones[-1]

    yield make
    for each in made_ones:
        each.close()


def csrf_of(client: httpx.Client) -> str:
    found = re.search(r'<meta name="csrf" content="([^"]+)">', client.get("/system?tab=about").text)
    assert found is not None
    return found[1]


def version_of(served: Served, identity: str) -> int:
    with served.database.reading() as connection:
        return device(connection, identity, EVERYWHERE).row.version


# --- who may ---------------------------------------------------------------------------------------------------------

SCREENS = [row for row in ENDPOINTS if row.session_only and not row.path.startswith(("/api/", "/account", "/log"))]


def _filled(template: str, served: Served) -> str:
    assert served.analysis is not None
    finding = served.analysis.findings[0].id
    one = finding if template.startswith("/findings") else served.device("scada-1")
    return template.replace("{id}", one).replace("{number}", "1").replace("{decision}", "x-1")


def test_the_walk_has_screens() -> None:
    assert len(SCREENS) >= 20


@pytest.mark.parametrize("row", SCREENS, ids=lambda row: row.name)
def test_nobody_is_sent_to_log_in(served: Served, client: Client, row: Any) -> None:
    answer = client(None).request(row.method, _filled(row.path, served))
    if row.method == "GET":
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/log-in?next=")
    else:
        assert answer.status_code == 401


@pytest.mark.parametrize("row", [row for row in SCREENS if row.method == "GET"], ids=lambda row: row.name)
def test_a_viewer_sees_every_screen(served: Served, client: Client, row: Any) -> None:
    assert client("vic").get(_filled(row.path, served)).status_code == 200


@pytest.mark.parametrize("row", [row for row in SCREENS if row.method == "POST"], ids=lambda row: row.name)
def test_acts_need_their_role_and_the_sessions_token(served: Served, client: Client, row: Any) -> None:
    where = _filled(row.path, served)
    assert client("ada").post(where, data={"version": "1"}).status_code == 403  # no token
    assert client("ada").post(where, data={"csrf": "x" * 43}).status_code == 403
    if "viewer" not in row.roles:
        viewer = client("vic")
        assert viewer.post(where, data={"csrf": csrf_of(viewer), "version": "1"}).status_code == 403


def test_who_sees_one_site_sees_nothing_of_others(served: Served, client: Client) -> None:
    with served.database.writing() as connection:
        site = next(iter({row.site for row in _rows(served, Scope(None)) if row.site}))
        people.set_grants(connection, "p-vic", [("viewer", site)])
    try:
        viewer = client("vic")
        hidden = [row for row in _rows(served, Scope(None)) if row.site != site]
        shown = [row for row in _rows(served, Scope(None)) if row.site == site]
        assert hidden
        assert shown
        told = viewer.get("/devices/export.csv?column=id").text
        assert all(row.id in told for row in shown)
        for row in hidden:
            assert row.id not in told
            assert viewer.get(f"/devices/{row.id}").status_code == 404
        pages = "".join(viewer.get(each).text for each in ("/", "/devices", "/map", "/findings", "/find?q=192"))
        assert not [row.id for row in hidden if row.id in pages]
    finally:
        with served.database.writing() as connection:
            people.set_grants(connection, "p-vic", [("viewer", "*")])


def _rows(served: Served, scope: Scope) -> tuple[DeviceRow, ...]:
    with served.database.reading() as connection:
        return devices(connection, parse(""), scope, now=time.time_ns(), limit=1_000).rows


# --- acts ------------------------------------------------------------------------------------------------------------


def test_what_changed_meanwhile_is_not_overwritten(served: Served, client: Client) -> None:
    ada, target = client("ada"), served.device("nvr-1")
    version = version_of(served, target)
    form = {"csrf": csrf_of(ada), "version": str(version), "owner": "first"}
    assert ada.post(f"/devices/{target}/note", data=form).status_code == 303
    again = ada.post(f"/devices/{target}/note", data={**form, "owner": "second"})
    assert again.status_code == 412
    assert "<html" in again.text
    with served.database.reading() as connection:
        assert device(connection, target, EVERYWHERE).row.owner == "first"


def test_many_are_changed_together_or_not_at_all(served: Served, client: Client) -> None:
    ada = client("ada")
    chosen = [served.device("pump-drive-1"), served.device("pump-drive-2")]
    form = {"csrf": csrf_of(ada), "owner": "Drives", "label": "pumps"}
    answer = ada.post("/devices/bulk", data={**form, "device": [*chosen, "d-nowhere"]})
    assert answer.status_code == 404
    with served.database.reading() as connection:
        assert device(connection, chosen[0], EVERYWHERE).row.owner != "Drives"
    answer = ada.post("/devices/bulk", data={**form, "device": chosen, "back": "/devices?q=pump"})
    assert answer.headers["location"] == "/devices?q=pump&said=changed&count=2"
    with served.database.reading() as connection:
        assert all(device(connection, each, EVERYWHERE).row.labels == ("pumps",) for each in chosen)


@pytest.mark.parametrize("back", ["https://example.org/", "//example.org", "/\\example.org", "/devices@example.org/"])
def test_nobody_is_sent_elsewhere(served: Served, client: Client, back: str) -> None:
    ada = client("ada")
    form = {"csrf": csrf_of(ada), "device": [served.device("ups-hall")], "label": "x", "back": back}
    where = ada.post("/devices/bulk", data=form).headers["location"]
    assert where.startswith("/devices")
    assert httpx.URL(served.origin).join(where).host == "127.0.0.1"


def test_no_link_puts_words_into_our_mouth(client: Client) -> None:
    ada = client("ada")
    assert "pay me" not in ada.get("/?said=pay+me&count=pay+me").text
    assert "Saved." in ada.get("/?said=saved").text


# --- files -----------------------------------------------------------------------------------------------------------


def test_files_are_kept_by_their_version_only(client: Client) -> None:
    nobody = client(None)
    page = client("ada").get("/").text
    addresses = re.findall(r'(?:href|src)="(/static/[^"]+)"', page)
    assert len(addresses) == 4
    for each in addresses:
        answer = nobody.get(each)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
    assert nobody.get("/static/0000/screens.js").headers["cache-control"] == "no-cache"
    for each in ("/static/0/static.py", "/static/0/..%2fframe.py", "/static/0/%2e%2e", "/static/../frame.py"):
        assert nobody.get(each).status_code in (403, 404), each


# --- nasty texts -----------------------------------------------------------------------------------------------------


class _Elements(HTMLParser):
    """Every element and attribute name of a page: those of our templates and no other may occur."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.bad: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.bad += [f"{tag} {name}" for name, _ in attrs if name.startswith("on") or name in ("style", "srcdoc")]
        self.bad += [f"{tag} {value}" for name, value in attrs if name in ("href", "src") and not _ours(value or "")]


def _ours(address: str) -> bool:
    return address.startswith(("/", "#", "?")) and not address.startswith(("//", "/\\"))


_OWN = set(
    "html head meta title link script body a svg symbol path header div nav button kbd details summary p form input "
    "main h1 h2 h3 footer b dialog table caption thead tr th tbody td label ul li span section dl dt dd select option "
    "textarea datalist fieldset legend article ol time use code pre mark noscript aside rect g defs marker text "
    "colgroup col".split()
)


@pytest.mark.slow
def test_no_nasty_text_becomes_an_element(tmp_path: Path) -> None:
    with serving(tmp_path, nasty) as served:
        assert served.analysis is not None
        shown = ["/", "/devices", "/findings", "/flows", "/map", "/devices/facets?open=vendor&open=class&open=site"]
        shown += [f"/system?tab={tab}" for tab in ("sensors", "audit", "people", "approvals", "tokens", "sso")]
        tabs = ("overview", "evidence", "peers", "secrets", "findings", "timeline", "raw")
        shown += [f"/devices/{device.id}?tab={tab}" for device in served.analysis.devices for tab in tabs]
        shown += [f"/findings/{finding.id}" for finding in served.analysis.findings]
        cookies = {served.cookie_name: served.cookies["ada"]}
        with httpx.Client(base_url=served.origin, cookies=cookies, headers={"Accept": "text/html"}, timeout=60) as ada:
            for address in shown:
                answer = ada.get(address)
                assert answer.status_code == 200, address
                page = _Elements()
                page.feed(answer.text)
                assert page.bad == [], address
                assert page.seen <= _OWN, (address, page.seen - _OWN)
                assert not re.search("[\u202a-\u202e\u2066-\u2069\x1b\x00]", answer.text), address


# --- approvals -------------------------------------------------------------------------------------------------------


def test_acts_on_the_screen_are_acts_of_the_table() -> None:
    dangerous = {row.name for row in ENDPOINTS if row.dangerous and not row.same_as}
    assert set(ACTS) <= dangerous
    assert len(set(ACTS.values())) == len(ACTS)


def test_a_setting_that_can_not_be_one_is_refused() -> None:
    form = dict.fromkeys(("enabled", "issuer", "client_id", "secret", "public", "scopes", "claim", "loopback"), "x")
    form |= {"trust": "-----BEGIN\r\nx\r\n"}
    table: dict[str, Any] = {"group": ["a", " "], "role": ["viewer", "viewer"], "site": ["*", "*"]}
    made_of = setting_of({**form, **table})
    assert made_of.mapping == (("a", "viewer", "*"),)
    assert made_of.trust == "-----BEGIN\nx\n"
    assert setting_of({**form, **table, "secret": ""}).secret is None, "kept"
    assert setting_of({**form, **table, "secret": "", "public": "1"}).secret == "", "taken away"
    for wrong in ({"site": ["*"]}, {"group": ["a" * 501, "b"]}, {name: ["x"] * 2_001 for name in table}):
        with pytest.raises(RingfenceError, match="mapping"):
            setting_of({**form, **table, **wrong})


# --- parts by themselves -----------------------------------------------------------------------------------------


def test_addresses_keep_what_is_not_changed() -> None:
    here = Address("/devices", [("q", "a b"), ("column", "name"), ("column", "ips"), ("after", "")])
    assert here.to(q="c&d") == "/devices?column=name&column=ips&q=c%26d"
    assert here.to(column=None) == "/devices?q=a+b"
    assert here.to("/x", column=["id"], q=None) == "/x?column=id"
    assert path("devices", "../x?y#z") == "/devices/..%2Fx%3Fy%23z"


@pytest.mark.parametrize("text", [each for each in nasty_texts() if each.strip()])
def test_a_facet_of_any_value_is_taken_back_by_a_second_click(text: str) -> None:
    value = text[:200].encode("utf-8", "replace").decode()
    once = toggled(parse("class:plc"), "vendor", value)
    assert toggled(parse(once), "vendor", value) == "class:plc"
    (made,) = facet(parse(once), "vendor", "Vendor", [(value, value, 3)]).values or ()
    assert made.on


def test_a_facet_adds_to_its_own_term_only() -> None:
    assert toggled(parse("class:plc -class:hmi seen<7d"), "class", "drive") == "-class:hmi seen<7d class:plc,drive"
    assert toggled(parse("vendor:-"), "vendor", "-") == ""


def test_a_querys_mistake_has_its_place() -> None:
    text = 'class:plc "open'
    with pytest.raises(RingfenceError) as caught:
        parse(text)
    problem = problem_of(text, caught.value)
    assert (problem.before, problem.rest) == ("class:plc ", '"open')
    assert "letter" not in problem.text


def test_exports_write_every_column(served: Served) -> None:
    rows = _rows(served, EVERYWHERE)
    lines = list(csv_lines(rows, COLUMNS))
    assert len(lines) == len(rows) + 1
    assert all(line.endswith("\r\n") for line in lines)
    told = [json.loads(line) for line in json_lines(rows, COLUMNS)]
    assert all(list(each) == [column.key for column in COLUMNS] for each in told)
    assert {each["id"] for each in told} == {row.id for row in rows}


def test_no_cell_is_a_formula(served: Served) -> None:
    row = _rows(served, EVERYWHERE)[0]
    for text in ("=1+1", "@SUM(1)", "+cmd|' /C calc'!A0", "\t=1"):
        (_, line) = csv_lines([replace(row, name=text, labels=(text,))], chosen_columns(["name", "labels"]))
        assert not re.search(r'(^|,)"?\s*[=@+]', line), line


def test_columns_that_do_not_exist_are_left_out() -> None:
    assert [column.key for column in chosen_columns(["serial", "__class__", "<b>"])] == ["name", "serial"]
    assert len(chosen_columns([])) == 8


def _node(name: str, kind: str, parent: str | None, level: float | None = None, count: int = 1) -> MapNode:
    return MapNode(name, kind, name, parent, "plc", level, None, count)


def test_nothing_on_the_map_overlaps() -> None:
    places = [_node("s", "site", None), _node("z1", "zone", "s", 1), _node("z2", "zone", "s", 4)]
    nodes = [_node(f"d{number}", "device", ("z1", "z2", "s", None)[number % 4]) for number in range(190)]
    nodes += [_node("out", "outside", None, count=9)]
    edges = tuple(MapEdge(f"d{n}", f"d{(n * 7 + 1) % 190}", ("modbus",), 10**n, 1, bool(n % 2)) for n in range(20))
    drawing = drawing_of(MapView((*places, *nodes), edges, 0))
    assert len(drawing.nodes) == 191
    spots = [(each.x, each.y, each.x + each.width, each.y + each.height) for each in drawing.nodes]
    for number, (left, top, right, bottom) in enumerate(spots):
        assert 0 <= left < right <= drawing.width
        assert 0 <= top < bottom <= drawing.height
        assert not [
            other
            for other in spots[number + 1 :]
            if left < other[2] and other[0] < right and top < other[3] and other[1] < bottom
        ]
    assert len(drawing.edges) == 20
    assert drawing_of(MapView((*reversed(nodes), *places), tuple(reversed(edges)), 0)) == drawing


def test_a_silent_sensor_is_stale_and_none_is_ever_well() -> None:
    now = 10**18
    sensor = SensorRow("hall", 1, 1, now, now, ())
    assert health_of_sensor(sensor, now).kind == "heard"
    silent = health_of_sensor(replace(sensor, received=now - 16 * MINUTE), now)
    assert (silent.kind, silent.text) == ("stale", "nothing heard for 16 min")


def test_knowledge_has_an_age_or_is_unknown() -> None:
    now = 1_700_000_000 * 1_000_000_000  # 2023-11-14
    assert knowledge_days("2023-11-04", now) == 10
    assert knowledge_health("2023-01-01T00:00:00Z", now).kind == "stale"
    assert knowledge_health("yesterday", now).kind == "unknown"


def test_text_is_made_visible_once_for_all_templates() -> None:
    assert finalised("a\u202eb") == "a\\u202eb"
    assert finalised(7) == 7


def test_clock_takes_zones_only() -> None:
    assert clock_of("Asia/Kathmandu")[1] == "Asia/Kathmandu"
    for text in ("../../etc/passwd", "", None, "Nowhere/Land", "x" * 100, "/etc/localtime"):
        assert clock_of(text)[1] == "UTC"


def test_sizes_are_in_words() -> None:
    assert [size(each) for each in (0, 999, 1_000, 1_500_000)] == [
        "0\u202fB",
        "999\u202fB",
        "1.0\u202fkB",
        "1.5\u202fMB",
    ]
