"""Answers, and none where none is due."""

from __future__ import annotations

from collections.abc import Callable

from ringfence.inventory.classify import classify
from ringfence.inventory.knowledge import Knowledge
from ringfence.inventory.options import InventoryOptions
from ringfence.inventory.register import Register
from ringfence.model.device import CLASSES, Claim
from ringfence.model.flow import Conversation
from ringfence.model.observation import Observation

See = Callable[..., Observation]
MAC = "00:17:88:aa:bb:cc"


def decide(knowledge: Knowledge, *claims: tuple[str, str, float, str]) -> tuple[str, str | None]:
    verdict = classify([Claim(*row) for row in claims], (), knowledge, InventoryOptions())
    return verdict.device_class, verdict.vendor


def test_the_prefix_alone_names_no_maker(register: Register, see: See) -> None:
    register.observe([see("link.address", MAC, ip="10.0.0.2")])
    [device] = register.devices()
    assert (device.vendor, device.device_class) == (None, "unknown")
    assert [claim.value for claim in device.claims if claim.field == "oui_vendor"] == ["Signify"]


def test_two_weak_clues_agree(knowledge: Knowledge) -> None:
    assert decide(knowledge, ("class", "plc", 0.4, "a"), ("class", "plc", 0.4, "b"))[0] == "plc"
    assert decide(knowledge, ("class", "plc", 0.4, "a"), ("class", "plc", 0.4, "a"))[0] == "unknown"


def test_equal_rivals_abstain_and_are_shown(knowledge: Knowledge) -> None:
    rows = (("class", "plc", 0.7, "a"), ("class", "printer", 0.7, "b"))
    assert decide(knowledge, *rows)[0] == "unknown"
    verdict = classify([Claim(*row) for row in rows], (), knowledge, InventoryOptions())
    assert [conflict.field for conflict in verdict.conflicts] == ["class"]


def test_a_special_class_is_no_rival_of_its_general_one(knowledge: Knowledge) -> None:
    assert decide(knowledge, ("class", "media_player", 0.6, "a"), ("class", "smart_tv", 0.6, "b"))[0] == "smart_tv"


def test_a_phone_that_asks_for_clouds_is_of_none_of_their_makers(register: Register, see: See) -> None:
    register.observe([see("dhcp.message", MAC, operation="request", hostname="Annas-iPhone", client_mac=MAC)])
    for name in ("ws.meethue.com", "scalews.withings.net", "api.xbcs.net", "devs.tplinkcloud.com"):
        register.observe(
            [see("dns.query", "10.0.0.2", object=name, record_type=1), see("link.address", MAC, ip="10.0.0.2")]
        )
    [device] = register.devices()
    assert (device.vendor, device.device_class) == ("Apple", "mobile")


def test_who_answers_modbus_without_a_name_stays_unknown(register: Register, talk: Callable[..., Conversation]) -> None:
    register.conversations([talk("10.0.0.1", f"10.0.0.{n}", "modbus", "read_coils") for n in range(2, 6)])
    assert {device.device_class for device in register.devices()} == {"unknown"}
    master = next(device for device in register.devices() if "10.0.0.1" in device.ips)
    assert [role.text for role in master.roles] == ["modbus client (candidate master)"]


def test_every_class_in_the_tables_is_one_of_ours(knowledge: Knowledge) -> None:
    found = set()
    for name, column in (
        ("texts", 3),
        ("names", 2),
        ("domains", 3),
        ("integrations", 3),
        ("devices_words", 1),
        ("numbers", 2),
    ):
        found |= {row[column] for row in knowledge.rows(name) if len(row) > column and row[column]}
    assert found - CLASSES == set()


def test_a_maker_fits_where_other_clues_tell_what_it_is(register: Register, see: See) -> None:
    camera = "00:40:8c:11:22:33"
    register.observe([see("link.address", camera, ip="10.0.0.3")])
    assert register.devices()[0].vendor is None
    name, target = "_rtsp._tcp.local", "Gate._rtsp._tcp.local"
    register.observe([see("mdns.answer", "10.0.0.3", name=name, record_type=12, target=target)])
    [device] = register.devices()
    assert (device.vendor, device.device_class) == ("Axis", "ip_camera")
    assert any(claim.clue == "maker_fits" and "By other clues" in claim.evidence for claim in device.claims)


def test_a_module_maker_fits_nothing(register: Register, see: See) -> None:
    module = "5c:cf:7f:11:22:33"
    register.observe([see("link.address", module, ip="10.0.0.3")])
    name, target = "_rtsp._tcp.local", "Gate._rtsp._tcp.local"
    register.observe([see("mdns.answer", "10.0.0.3", name=name, record_type=12, target=target)])
    [device] = register.devices()
    assert [claim.value for claim in device.claims if claim.field == "oui_vendor"] == ["Espressif"]
    assert (device.vendor, device.device_class) == (None, "ip_camera")


def test_a_program_on_other_hardware_names_no_maker(register: Register, see: See) -> None:
    agent = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36"
    register.observe([see("link.address", "00:02:b3:11:22:33", ip="10.0.0.3")])
    register.observe([see("http.request", "10.0.0.3", user_agent=agent, object="/")])
    assert register.devices()[0].vendor is None


def test_one_sentence_speaks_for_its_strongest_answer(knowledge: Knowledge) -> None:
    claims = [
        Claim("vendor", "Siemens", 0.9, "a", "It says both."),
        Claim("vendor", "ABB", 0.6, "a", "It says both."),
    ]
    verdict = classify(claims, (), knowledge, InventoryOptions())
    assert (verdict.vendor, verdict.vendor_confidence) == ("Siemens", 0.9)
    apart = [claims[0], Claim("vendor", "ABB", 0.6, "b", "Another says so.")]
    assert classify(apart, (), knowledge, InventoryOptions()).vendor_confidence < 0.9


def test_who_feeds_a_controller_its_program_is_no_controller(register: Register, see: See) -> None:
    register.observe([see("s7comm.response", "10.0.0.5", operation="download_block", status="ok")])
    register.observe([see("s7comm.response", "10.0.0.6", operation="download_start", status="ok")])
    assert {device.ips: device.device_class for device in register.devices()} == {
        ("10.0.0.5",): "engineering_station",
        ("10.0.0.6",): "plc",
    }


def test_android_in_a_speaker_is_no_phone(register: Register, see: See) -> None:
    wanted = [1, 33, 3, 6, 15, 28, 51, 58, 59]
    mac = "02:00:5e:10:00:01"
    register.observe(
        [
            see(
                "dhcp.message",
                mac,
                operation="request",
                client_mac=mac,
                parameter_requests=wanted,
                vendor_class="dhcpcd",
            )
        ]
    )
    register.observe([see("link.address", mac, ip="10.0.0.2")])
    for name in ("bob-dispatch-prod-na.amazon.com", "dp-gw-na.amazon.com"):
        register.observe([see("dns.query", "10.0.0.2", object=name, record_type=1)])
    [device] = register.devices()
    assert (device.vendor, device.device_class) == ("Amazon", "voice_assistant")
