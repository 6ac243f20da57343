"""Single flows from the lake and packets from the ring, by the API."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.app.served import NOW, SECRET, Served, migrated, serve
from tests.app.test_api_reading import add, put_at, walked
from tests.store import made
from tests.store.lake_rows import flow, flow_table, part
from tests.store.test_ring import FRAME, reference, segment

from ringfence.model.device import Device
from ringfence.model.observation import Address, Part
from ringfence.sensor.slice import packets
from ringfence.store import audit
from ringfence.store.database import Database
from ringfence.store.keys import Keys
from ringfence.store.lake import Lake
from ringfence.store.ring import PacketRing

SECOND = 1_000_000_000


@pytest.fixture
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served") / "data"
    folder.mkdir()
    database = Database(f"sqlite:///{migrated(folder)}")
    yield serve(database, folder)
    database.close()


def fill(served: Served, *rows: dict[str, object]) -> None:
    platform = served.platform
    lake = Lake(platform.database, platform.folder, Keys(SECRET, served.clock), served.clock)
    with platform.database.writing() as connection:
        lake.write(connection, f"b-{rows[0]['flow_id']}", "flows.v1", flow_table(list(rows)))


def owner(number: int) -> Device:
    """The device to whom the lake's made part of this number belongs."""
    one = Part(part(number), Address("plant", "mac", f"00:00:5e:00:53:{number:02x}"))
    return made.device(number, parts=(one,))


def test_flows_go_on_page_by_page_while_others_come(served: Served) -> None:
    add(served, owner(1), owner(2))
    fill(served, *(flow(number, NOW - (100 - number) * SECOND) for number in range(1, 41)))
    seen = []
    for number, page in enumerate(walked(served.client(), "/api/v1/flows", "flows", limit=7)):
        seen += [row["flow_id"] for row in page]
        served.clock.now += SECOND
        fill(served, flow(1_000 + number, NOW - number * SECOND))
    assert seen == list(range(40, 0, -1)), "the newest first; what came meanwhile is on no later page"


def test_a_flow_has_the_names_of_both_ends(served: Served) -> None:
    add(served, owner(1), owner(2))
    fill(served, flow(1, NOW - 60 * SECOND), flow(2, NOW - 50 * SECOND, 1, 3, protocol="http", dst_port=80))
    client = served.client()
    (row,) = client.get("/api/v1/flows?protocol=modbus").json()["flows"]
    assert (row["source"], row["source_label"], row["source_address"]) == (owner(1).id, "plc-1", "10.0.0.1")
    assert (row["destination"], row["destination_port"]) == (owner(2).id, 502)
    assert (row["source_bytes"], row["rtt_us"], row["state"]) == (300, 100, "closed")
    ids = [one["flow_id"] for one in client.get(f"/api/v1/flows?device={owner(2).id}").json()["flows"]]
    assert ids == [1]
    assert [one["flow_id"] for one in client.get("/api/v1/flows?port=80").json()["flows"]] == [2]
    assert client.get("/api/v1/flows", params={"until": "2020-01-01T00:00:00Z"}).json()["flows"] == []
    put_at(served, "north", owner(1).id)
    put_at(served, "south", owner(2).id)
    nora = served.client("nora", frozenset({("viewer", "north")}))
    answer = nora.get("/api/v1/flows?protocol=modbus")
    assert [one["flow_id"] for one in answer.json()["flows"]] == [1]
    assert owner(2).id not in answer.text
    assert "10.0.0.2" not in answer.text
    sara = served.client("sara", frozenset({("viewer", "west")}))
    assert sara.get("/api/v1/flows").json()["flows"] == []


def test_packets_of_a_finding_by_role(served: Served) -> None:
    device = made.device(1)
    finding = made.finding(device)
    add(served, device, findings=(finding,))
    platform = served.platform
    ring = PacketRing(platform.database, platform.folder, Keys(SECRET, served.clock), served.clock)
    with platform.database.writing() as connection:
        ring.add(connection, "tap0", segment(NOW))
        assert ring.keep(connection, finding.id, "tap0", [reference(NOW)]) == 1
    other = made.finding(device, rule="another")
    add(served, findings=(other,))
    gone = served.client("paul").get(f"/api/v1/findings/{other.id}/packets")
    assert (gone.status_code, gone.json()["code"]) == (404, "packets-not-kept")
    path = f"/api/v1/findings/{finding.id}/packets"
    analyst = served.client("al", frozenset({("analyst", "*")}))
    answer = analyst.get(path)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/vnd.tcpdump.pcap"
    assert answer.headers["content-disposition"] == f'attachment; filename="{finding.id}.pcap"'
    assert [packet.data for packet in packets(answer.content)] == [FRAME]
    refused = analyst.get(f"{path}?payload=true")
    assert (refused.status_code, refused.json()["code"]) == (403, "not-allowed")
    assert b"patient" in served.client().get(f"{path}?payload=true").content
    hidden = served.client().get(f"{path}?anonymous=true").content
    assert bytes.fromhex("00005e0053") not in hidden
    assert served.client("vera", frozenset({("viewer", "*")})).get(path).status_code == 403
    with platform.database.reading() as connection:
        acts = [(one.who, one.act, one.after["payload"]) for one in audit.entries(connection) if one.who != "paul"]
    assert acts == [
        ("al", "finding.packets", False),
        ("anna", "finding.packets", True),
        ("anna", "finding.packets", False),
    ]
