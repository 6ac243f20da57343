"""What lists and pages answer: filters, order, pages, facets, totals, and what hostile queries and cursors end in."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.store.made import DAY, NOW, SECOND, device, fact, finding, part, talk

from ringfence.model.device import Role
from ringfence.model.errors import RingfenceError
from ringfence.model.finding import Severity
from ringfence.model.flow import Operation, QualityNote
from ringfence.model.query import Query, Term, parse
from ringfence.model.scope import EVERYWHERE
from ringfence.store import places
from ringfence.store.database import Database
from ringfence.store.findings import handle, save_findings
from ringfence.store.inventory import save_devices
from ringfence.store.notes import annotate
from ringfence.store.observations import save_observations
from ringfence.store.read.changes import changes, last_change
from ringfence.store.read.device import device as device_page
from ringfence.store.read.devices import FACETS, SORTS, devices, facets
from ringfence.store.read.findings import SORTS as FINDING_SORTS
from ringfence.store.read.findings import findings
from ringfence.store.read.flows import SORTS as FLOW_SORTS
from ringfence.store.read.flows import conversations, talkers
from ringfence.store.read.sitemap import site_map
from ringfence.store.read.system import sensors
from ringfence.store.read.today import today
from ringfence.store.traffic import save_conversations, save_quality
from ringfence.store.unit import Inputs, UnitOfWork

HOUR = 3_600 * SECOND
PUBLIC = part("203.0.113.9")
CAMERA = replace(
    device(3),
    name="Eingang Süd 100%_*",
    device_class="ip_camera",
    vendor=None,
    product=None,
    model=None,
    firmware=None,
    serial=None,
    os="Linux",
    purdue_level=None,
    confidence=0.4,
    roles=(Role("rtsp", "server"), Role("http", "client", True)),
    ips=("10.0.0.3", "fe80::3"),
    names=("cam3", "cam3.local"),
    marks=("virtual_machine",),
    conflicts=(),
    first=NOW - 40 * DAY,
    last=NOW - 30 * DAY,
)
NOBODY = replace(
    device(4, domain="other"), device_class="unknown", vendor="Siemens AG", macs=(), names=(), conflicts=(), name="x"
)


def fill(database: Database) -> None:
    """Four devices: two PLCs in cell 3 of the north, a camera, and an unknown one in another domain."""
    one, two = device(1), device(2)
    with UnitOfWork(database, NOW, Inputs(["epoch"])) as unit:
        unit.take("b1", "sensor", "epoch", NOW - 300 * SECOND, 100, NOW)
        save_devices(unit, [one, two, CAMERA, NOBODY])
        north = places.make_site(unit, "ada", "North Plant")
        places.make_zone(unit, "ada", EVERYWHERE, north, "Cell 3", purdue_level=1)
        annotate(unit, one.id, EVERYWHERE, "ada", 1, {"zone": f"{north}-cell-3", "labels": ["spare", "x"], "note": "n"})
        annotate(unit, two.id, EVERYWHERE, "ada", 1, {"zone": f"{north}-cell-3", "owner": "Ada", "criticality": "high"})
        annotate(unit, two.id, EVERYWHERE, "ada", 2, {"safety": False})
        save_observations(
            unit,
            "sensor",
            [
                fact(one.parts[1], "tls.certificate", {"position": 0, "common_name": "plc"}),
                fact(one.parts[1], "http.credentials", {"user": "admin", "secret": "digest", "default": True}),
            ],
        )
        stop = (Operation("stop", None, 1),)
        save_conversations(
            unit,
            [
                talk(CAMERA.parts[1], one.parts[1], bytes=5_000, operations=stop, protocol="s7comm", port=102),
                talk(two.parts[1], PUBLIC, protocol="https", port=443, operations=(), bytes=70_000, answered=False),
                talk(one.parts[1], two.parts[1], first=NOW - 2 * HOUR, last=NOW - 2 * HOUR),
            ],
        )
        grave = finding(one, two, severity=Severity.CRITICAL)
        weak = finding(CAMERA, rule="weak_certificate", severity=Severity.LOW, title="Weak", attack=("T1557",))
        save_findings(unit, [grave, weak])
        save_quality(unit, "sensor", [QualityNote("loss", "low", "t", "w", "r")])
        handle(unit, weak.id, "ada", 1, state="acknowledged", assignee="bob")


@pytest.fixture(scope="module")
def plant(lasting_database: Database) -> Database:
    fill(lasting_database)
    return lasting_database


def names(database: Database, text: str, **options: Any) -> set[str]:
    with database.reading() as connection:
        return {one.name for one in devices(connection, parse(text), EVERYWHERE, now=NOW, **options).rows}


P1, P2, CAM, X = "plc-1", "plc-2", CAMERA.name, "x"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {P1, P2, CAM, X}),
        ("class:plc", {P1, P2}),
        ("class:plc,ip_camera", {P1, P2, CAM}),
        ("-class:plc", {CAM, X}),
        ("class:-", {X}),
        ("class:*", {P1, P2, CAM}),
        ("vendor:-", {CAM}),
        ("-vendor:-", {P1, P2, X}),
        ('vendor:"siemens ag"', {X}),
        ("vendor:siemens", set()),
        ("vendor:siem*", {X}),
        ("-vendor:siem*", {P1, P2, CAM}),
        ("vendor:*", {P1, P2, X}),
        ("product:controllogix model:1756* firmware:20.11 class:plc", {P1, P2}),
        ("serial:00000001", {P1}),
        ("os:linux", {CAM}),
        ("site:north-plant", {P1, P2}),
        ('site:"North Plant"', {P1, P2}),
        ("zone:cell*", {P1, P2}),
        ("zone:-", {CAM, X}),
        ("-zone:*", {CAM, X}),
        ("owner:ada", {P2}),
        ("criticality:high", {P2}),
        ("criticality:-", {P1, CAM, X}),
        ("safety:no", {P2}),
        ("safety:-", {P1, CAM, X}),
        ("safety:yes", set()),
        ("label:spare", {P1}),
        ("label:-", {P2, CAM, X}),
        ("label:*", {P1}),
        ("name:PLC-1", {P1}),
        ("name:cam3.local", {CAM}),
        ("name:*", {P1, P2, CAM}),
        ("ip:10.0.0.3", {CAM}),
        ("ip:10.0.0.0/30", {P1, P2, CAM}),
        ("ip:10.0.0.2/31", {P2, CAM}),
        ("ip:fe80::/10", {CAM}),
        ("ip:::ffff:0:0/96", set()),
        ("ip:10.0.*", {P1, P2, CAM, X}),
        ("-ip:10.0.0.1,10.0.0.2", {CAM, X}),
        ("mac:001D.9C00.0001", {P1}),
        ("mac:00-1d-9c-00-00-02", {P2}),
        ("mac:00:1d:9c*", {P1, P2, CAM}),
        ("mac:-", {X}),
        ("domain:other", {X}),
        ("role:rtsp", {CAM}),
        ('role:"http client"', {CAM}),
        ("mark:virtual_machine", {CAM}),
        ("mark:virtual", set()),
        ("mark:-", {P1, P2, X}),
        ("seen<1d", {P1, P2, X}),
        ("seen>7d", {CAM}),
        ("-seen<1d", {CAM}),
        ("first>30d", {CAM}),
        ("seen:2026-11-18", {P1, P2, X}),
        ("seen<2026-11-01", {CAM}),
        ("seen>=2026-11-18", {P1, P2, X}),
        ("has:finding", {P1, P2, CAM}),
        ("has:conflict", {P1, P2}),
        ("has:certificate", {P1}),
        ("-has:certificate", {P2, CAM, X}),
        ("has:note", {P1}),
        ("worst:critical", {P1, P2}),
        ("worst>=low", {P1, P2, CAM}),
        ("worst<high", {CAM}),
        ("worst:none", {X}),
        ("severity:low", {CAM}),
        ("confidence>=0.9", {P1, P2, X}),
        ("confidence<0.5", {CAM}),
        ("purdue<2", {P1, P2, X}),
        ("purdue:-", {CAM}),
        ("expected:not_evaluated", {P1, P2, CAM, X}),
        ("expected:-", {P1, P2, CAM, X}),
        ("rockwell", {P1, P2}),
        ("-rockwell", {CAM, X}),
        ("10.0.0.3", {CAM}),
        ("00:1d:9c:00:00:01", {P1}),
        ('"ip camera"', {CAM}),
        ("süd", {CAM}),
        ("100%_", {CAM}),
        ("1%0", set()),
        ("plc_1", set()),
        ("class:plc owner:ada", {P2}),
        ("class:plc -owner:ada", {P1}),
        (f"id:{device(1).id}", {P1}),
        ('name:"\\0\ud800"', set()),
        ('"\0"', set()),
    ],
)
def test_filters_of_devices(plant: Database, text: str, expected: set[str]) -> None:
    assert names(plant, text) == expected


@pytest.mark.parametrize(
    ("text", "place", "hint"),
    [
        ("clas:plc", 1, "Did you mean class?"),
        ("class:plc colour:red", 11, "Known are"),
        ("class:plcc", 1, "Did you mean plc?"),
        ("has:findings", 1, "Did you mean finding?"),
        ("worst:grave", 1, "no severity"),
        ("confidence:high", 1, "no number"),
        ("seen<yesterday", 1, "no age"),
        ("seen:7d", 1, "younger"),
        ("seen<2026-13-01", 1, "no age"),
        ("ip:10.0.0.256", 1, "no address"),
        ("safety:perhaps", 1, "yes, no"),
        ("class<plc", 1, "no number"),
        ("criticality:", 13, "needs a value"),
    ],
)
def test_what_is_not_understood(plant: Database, text: str, place: int, hint: str) -> None:
    with pytest.raises(RingfenceError) as raised:
        names(plant, text)
    assert raised.value.code.code == "query"
    assert f"at letter {place}" in raised.value.detail
    assert hint in raised.value.detail


FIELDS = (
    "class vendor product model firmware serial os site zone owner criticality safety label name ip mac domain role "
    "mark seen first has worst severity confidence expected id purdue rule state assignee device attack protocol port "
    "src dst answered transport bytes packets flows operation title count"
).split()
_terms = st.builds(
    Term,
    st.sampled_from([None, *FIELDS]),
    st.sampled_from((":", "<", ">", "<=", ">=")),
    st.lists(
        st.text(min_size=1, max_size=12) | st.sampled_from(["-", "*", "7d", "0", "9" * 18, "::/0"]), min_size=1
    ).map(tuple),
    st.booleans(),
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(terms=st.lists(_terms, max_size=4))
def test_any_query_ends_in_rows_or_an_error(plant: Database, terms: list[Term]) -> None:
    query = Query(tuple(terms))
    for listed in (devices, findings, conversations):
        with plant.reading() as connection:
            try:
                listed(connection, query, EVERYWHERE, now=NOW)
            except RingfenceError as error:
                assert error.code.code == "query"


# --- order and pages ----------------------------------------------------------------------------------------------


def walked(database: Database, listed: Any, sort: str, limit: int, identity: str) -> list[str]:
    seen: list[str] = []
    cursor = None
    with database.reading() as connection:
        while True:
            page = listed(connection, Query(), EVERYWHERE, now=NOW, sort=sort, limit=limit, cursor=cursor)
            seen += [getattr(one, identity) for one in page.rows]
            total = page.total
            cursor = page.next
            if cursor is None:
                assert total == len(seen)
                return seen


@pytest.mark.parametrize("sort", [sign + name for name in SORTS for sign in ("", "-")])
def test_pages_of_devices_hold_each_once(plant: Database, sort: str) -> None:
    whole = walked(plant, devices, sort, 1_000, "id")
    assert len(set(whole)) == 4
    for limit in (1, 2, 3):
        assert walked(plant, devices, sort, limit, "id") == whole


def test_unknown_comes_last_both_ways(plant: Database) -> None:
    with plant.reading() as connection:
        for sort in ("vendor", "-vendor"):
            rows = devices(connection, Query(), EVERYWHERE, now=NOW, sort=sort).rows
            assert rows[-1].vendor is None
        down = [one.vendor for one in devices(connection, Query(), EVERYWHERE, now=NOW, sort="-vendor").rows]
    assert down[0] == "Siemens AG"


@pytest.mark.parametrize("sort", [sign + name for name in FINDING_SORTS for sign in ("", "-")])
def test_pages_of_findings(plant: Database, sort: str) -> None:
    assert walked(plant, findings, sort, 1, "id") == walked(plant, findings, sort, 10, "id")


@pytest.mark.parametrize("sort", [sign + name for name in FLOW_SORTS for sign in ("", "-")])
def test_pages_of_conversations(plant: Database, sort: str) -> None:
    assert walked(plant, conversations, sort, 1, "key") == walked(plant, conversations, sort, 10, "key")


def _cursor(*values: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode()


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "\0",
        "\ud800",
        "é" * 20,
        "A" * 9_000,
        _cursor("-name", "x", "d", 1),
        _cursor("name", 1, "d", 1),
        _cursor("name", "x", 1, 1),
        _cursor("name", "x", "d", "many"),
        _cursor("name", ["x"], "d", 1),
        _cursor("name"),
        base64.urlsafe_b64encode(b"[" * 5_000).decode(),
    ],
)
def test_hostile_cursors(plant: Database, cursor: str) -> None:
    with pytest.raises(RingfenceError) as raised, plant.reading() as connection:
        devices(connection, Query(), EVERYWHERE, now=NOW, cursor=cursor)
    assert raised.value.code.code == "value-refused"


def test_a_cursor_with_hostile_values_is_a_page(plant: Database) -> None:
    with plant.reading() as connection:
        for sort, value in (("name", "\0\ud800"), ("seen", 2**62), ("confidence", 0.5), ("-vendor", None)):
            devices(connection, Query(), EVERYWHERE, now=NOW, sort=sort, cursor=_cursor(sort, value, "\0", None))


@pytest.mark.parametrize("options", [{"sort": "colour"}, {"limit": 0}, {"limit": 1_001}, {"sort": "-" * 10_000}])
def test_bad_pages(plant: Database, options: dict[str, Any]) -> None:
    with pytest.raises(RingfenceError) as raised:
        names(plant, "", **options)
    assert raised.value.code.code == "value-refused"


def test_totals_end_at_ten_thousand(database: Database) -> None:
    with UnitOfWork(database, NOW) as unit:
        save_devices(unit, (device(number, claims=(), conflicts=()) for number in range(10_001)))
    with database.reading() as connection:
        assert devices(connection, Query(), EVERYWHERE, now=NOW, limit=1).total is None
        assert devices(connection, parse("-name:plc-77"), EVERYWHERE, now=NOW, limit=1).total == 10_000
        page = devices(connection, parse("vendor:rock*"), EVERYWHERE, now=NOW, limit=1_000)
        for _ in range(3):
            page = devices(connection, parse("vendor:rock*"), EVERYWHERE, now=NOW, limit=1_000, cursor=page.next)
        assert len(page.rows) == 1_000


def test_facets(plant: Database) -> None:
    with plant.reading() as connection:
        found = facets(connection, parse("seen<1d"), EVERYWHERE, now=NOW)
    assert set(found) == set(FACETS)
    assert found["class"] == (("plc", "plc", 2), ("unknown", "unknown", 1))
    assert found["zone"] == (("north-plant-cell-3", "Cell 3", 2), (None, "unknown", 1))
    assert found["worst"] == (("critical", "critical", 2), (None, "none", 1))
    assert found["criticality"] == ((None, "unknown", 2), ("high", "high", 1))


# --- pages of one -------------------------------------------------------------------------------------------------


def test_the_page_of_a_device(plant: Database) -> None:
    with plant.reading() as connection:
        page = device_page(connection, device(1).id, EVERYWHERE)
    assert page.row.site_name == "North Plant"
    assert [(one.label, one.direction, one.protocol) for one in page.peers] == [
        (CAMERA.name, "from", "s7comm"),
        ("plc-2", "to", "modbus"),
    ]
    assert page.peers_total == 2
    assert [one.protocol for one in page.commands] == ["s7comm"]
    assert [one["value"]["common_name"] for one in page.certificates] == ["plc"]
    assert page.credentials[0]["user"] == "admin"
    assert "digest" not in json.dumps([dict(one) for one in (*page.credentials, *page.observations)])
    assert page.conflicts == device(1).conflicts
    assert page.claims == device(1).claims
    assert {one[1] for one in page.parts} == {"mac", "ipv4"}
    assert [one.rule for one in page.findings] == ["ot_command"]
    assert page.merge_reasons == device(1).merge_reasons
    for unknown in ("d-0", "", "\0\ud800", "x" * 100_000):
        with pytest.raises(RingfenceError) as raised, plant.reading() as connection:
            device_page(connection, unknown, EVERYWHERE)
        assert raised.value.code.code == "not-found"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {"ot_command", "weak_certificate"}),
        ("rule:ot_command", {"ot_command"}),
        ("severity>=high", {"ot_command"}),
        ("state:open", {"ot_command"}),
        ("state:acknowledged,closed", {"weak_certificate"}),
        ("assignee:bob", {"weak_certificate"}),
        ("assignee:-", {"ot_command"}),
        ("device:plc-2", {"ot_command"}),
        ("device:10.0.0.3", {"weak_certificate"}),
        (f"device:{device(1).id}", {"ot_command"}),
        ("-device:plc*", {"weak_certificate"}),
        ("attack:T1557", {"weak_certificate"}),
        ("attack:T155", set()),
        ("seen<1d", {"ot_command", "weak_certificate"}),
        ("weak", {"weak_certificate"}),
        ("stop", {"ot_command", "weak_certificate"}),
    ],
)
def test_filters_of_findings(plant: Database, text: str, expected: set[str]) -> None:
    with plant.reading() as connection:
        found = findings(connection, parse(text), EVERYWHERE, now=NOW)
    assert {one.rule for one in found.rows} == expected
    assert found.total == len(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {"s7comm", "https", "modbus"}),
        ("protocol:modbus", {"modbus"}),
        ("port:443", {"https"}),
        ("port<500", {"https", "s7comm"}),
        ("src:10.0.0.3", {"s7comm"}),
        ("dst:plc-2", {"modbus"}),
        ("dst:203.0.113.9", {"https"}),
        ("dst:-", {"https"}),
        (f"device:{device(1).id}", {"s7comm", "modbus"}),
        ("answered:no", {"https"}),
        ("transport:tcp", {"s7comm", "https", "modbus"}),
        ("bytes>10k", {"https"}),
        ("operation:stop", {"s7comm"}),
        ("seen<1h", {"s7comm", "https"}),
        ("203.0", {"https"}),
        ("modb", {"modbus"}),
    ],
)
def test_filters_of_conversations(plant: Database, text: str, expected: set[str]) -> None:
    with plant.reading() as connection:
        found = conversations(connection, parse(text), EVERYWHERE, now=NOW)
    assert {one.protocol for one in found.rows} == expected


def test_conversations_in_a_range(plant: Database) -> None:
    with plant.reading() as connection:
        early = conversations(connection, Query(), EVERYWHERE, now=NOW, until=NOW - HOUR)
        late = conversations(connection, Query(), EVERYWHERE, now=NOW, since=NOW - HOUR)
    assert {one.protocol for one in early.rows} == {"modbus"}
    assert {one.protocol for one in late.rows} == {"s7comm", "https"}
    one = next(row for row in late.rows if row.protocol == "https")
    assert (one.source, one.destination, one.destination_address) == (device(2).id, None, "203.0.113.9")


def test_talkers(plant: Database) -> None:
    with plant.reading() as connection:
        rows = talkers(connection, EVERYWHERE, since=NOW - HOUR, until=NOW + HOUR)
        assert [one.bytes for one in rows] == [70_000, 70_000, 5_000, 5_000]
        assert {(one.device is None, one.label) for one in rows} >= {(True, "203.0.113.9"), (False, "plc-2")}
        assert len(talkers(connection, EVERYWHERE, since=NOW - HOUR, until=NOW + HOUR, limit=1)) == 1
        (first, _) = talkers(connection, EVERYWHERE, since=NOW - DAY, until=NOW + HOUR, protocol="modbus")
        assert first.bytes == 1_000
        with pytest.raises(RingfenceError) as raised:
            talkers(connection, EVERYWHERE, since=NOW, until=NOW)
    assert raised.value.code.code == "value-refused"


def test_the_map(plant: Database) -> None:
    with plant.reading() as connection:
        view = site_map(connection, EVERYWHERE)
    nodes = {one.id: one for one in view.nodes}
    assert nodes["site:north-plant"].label == "North Plant"
    assert (nodes["zone:north-plant:north-plant-cell-3"].parent, nodes["site:north-plant"].count) == (
        "site:north-plant",
        2,
    )
    assert nodes[device(1).id].parent == "zone:north-plant:north-plant-cell-3"
    assert nodes[device(1).id].worst == "critical"
    assert "outside" in nodes
    edges = {(one.source, one.target): one for one in view.edges}
    assert edges[device(2).id, "outside"].crosses
    assert edges[CAMERA.id, device(1).id].crosses
    assert not edges[device(1).id, device(2).id].crosses
    assert edges[device(1).id, device(2).id].protocols == ("modbus",)
    assert view.hidden == 0
    assert {end for one in view.edges for end in (one.source, one.target)} <= set(nodes)


def test_the_map_folds_and_never_draws_more(database: Database) -> None:
    many = [device(number, device_class="plc" if number % 2 else "hmi") for number in range(400)]
    with UnitOfWork(database, NOW) as unit:
        save_devices(unit, many)
        save_conversations(unit, [talk(many[number].parts[1], many[number + 1].parts[1]) for number in range(399)])
    with database.reading() as connection:
        for limit in (1, 2, 3, 4, 5, 50, 200, 500):
            view = site_map(connection, EVERYWHERE, limit=limit)
            ids = [one.id for one in view.nodes]
            assert len(ids) == len(set(ids)) <= limit
            leaves = sum(one.count for one in view.nodes if one.kind in ("device", "folded"))
            assert leaves + view.hidden == 400
            assert {end for one in view.edges for end in (one.source, one.target)} <= set(ids)
        assert {one.kind for one in site_map(connection, EVERYWHERE, limit=50).nodes} >= {"folded", "site", "zone"}


def test_the_morning_page(plant: Database) -> None:
    with plant.reading() as connection:
        page = today(connection, EVERYWHERE, since=NOW - DAY)
        later = today(connection, EVERYWHERE, since=NOW + 1)
    assert (page.devices, page.unknown) == (4, 1)
    assert dict(page.by_class) == {"plc": 2, "ip_camera": 1, "unknown": 1}
    assert dict(page.open_by_severity)["critical"] == 1
    assert {one.name for one in page.new_devices} == {P1, P2, CAM, X}
    assert [one.rule for one in page.findings] == ["ot_command"]
    assert page.sensors[0].quality[0].code == "loss"
    assert page.sensors[0].packets == 100
    assert (later.new_devices, later.changed) == ((), ())


def test_changes_since_a_number(plant: Database) -> None:
    with plant.reading() as connection:
        everything = changes(connection, 0, EVERYWHERE)
        assert [one.number for one in everything] == sorted(one.number for one in everything)
        assert changes(connection, everything[-1].number, EVERYWHERE) == ()
        assert last_change(connection) == everything[-1].number
        assert len(changes(connection, 0, EVERYWHERE, limit=2)) == 2
        assert sensors(connection, EVERYWHERE)[0].sensor == "sensor"
