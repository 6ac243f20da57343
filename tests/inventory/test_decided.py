"""People correct, join and split devices; what they say holds when more is seen, and is undone by leaving it out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ringfence.inventory.knowledge import Knowledge
from ringfence.inventory.register import Register
from ringfence.model.decision import Decision, purdue_level
from ringfence.model.device import Device
from ringfence.model.observation import Observation
from ringfence.sensor.reader import read

See = Callable[..., Observation]
CAMERA = "00:11:22:33:44:01"
OTHER = "00:11:22:33:44:02"
DEMO = Path(__file__).parents[2] / "vectors" / "demo"


def decision(kind: str, parts: tuple[str, ...], name: str = "", value: str = "", time: int = 1) -> Decision:
    return Decision(f"{kind}-{time}", kind, parts, name or None, value or None, "seen on site", "ada", time)


def with_mac(devices: list[Device], mac: str) -> Device:
    (found,) = (device for device in devices if mac in device.macs)
    return found


def parts_of(device: Device) -> tuple[str, ...]:
    return tuple(part.id for part in device.parts)


@pytest.fixture
def two(register: Register, see: See) -> Register:
    for mac, ip in ((CAMERA, "10.0.0.1"), (OTHER, "10.0.0.2")):
        register.observe([see("arp.packet", mac, sender_mac=mac, sender_ip=ip, operation="request")])
    return register


def test_a_correction_is_final_and_says_whose_it_is(two: Register) -> None:
    before = with_mac(two.devices(), CAMERA)
    two.decide([decision("correct", parts_of(before), "class", "ip_camera")])
    after = with_mac(two.devices(), CAMERA)
    assert (after.device_class, after.confidence, after.id) == ("ip_camera", 1.0, before.id)
    assert any(claim.clue == "person" and "ada" in claim.evidence for claim in after.claims)
    assert with_mac(two.devices(), OTHER).device_class == "unknown"
    two.decide([])
    assert with_mac(two.devices(), CAMERA) == before


def test_what_the_clues_say_stays_as_a_conflict(two: Register, see: See) -> None:
    two.observe([see("dhcp.message", CAMERA, operation="request", client_mac=CAMERA, hostname="left-door")])
    found = with_mac(two.devices(), CAMERA)
    assert found.name == "left-door"
    two.decide([decision("correct", parts_of(found), "name", "Right door")])
    after = with_mac(two.devices(), CAMERA)
    assert after.name == "Right door"
    assert [(each.field, each.chosen, each.other) for each in after.conflicts] == [("name", "Right door", "left-door")]


def test_a_purdue_level_is_a_number(two: Register) -> None:
    parts = parts_of(with_mac(two.devices(), CAMERA))
    two.decide([decision("correct", parts, "class", "plc", 1), decision("correct", parts, "purdue_level", "3.5", 2)])
    after = with_mac(two.devices(), CAMERA)
    assert after.purdue_level == 3.5
    assert any(claim.field == "purdue_level" and claim.value == "3.5" for claim in after.claims)


@pytest.mark.parametrize(
    ("text", "level"),
    [("0", 0.0), ("3.5", 3.5), ("5", 5.0), (" 2 ", 2.0), ("5.5", None), ("-1", None), ("2.2", None), ("nan", None)]
    + [(text, None) for text in ("", "two", "inf", "1e400", "0x1")],
)
def test_purdue_levels_are_halves_from_0_to_5(text: str, level: float | None) -> None:
    assert purdue_level(text) == level


def test_joined_devices_are_one_and_come_apart_again(two: Register) -> None:
    one, other = with_mac(two.devices(), CAMERA), with_mac(two.devices(), OTHER)
    two.decide([decision("merge", (one.parts[0].id, other.parts[0].id))])
    (joined,) = two.devices()
    assert set(joined.macs) == {CAMERA, OTHER}
    assert any("ada joined these: seen on site" in reason for reason in joined.merge_reasons)
    two.decide([])
    assert {device.id for device in two.devices()} == {one.id, other.id}


def test_a_freed_address_is_a_device_of_its_own_though_it_is_seen_again(two: Register, see: See) -> None:
    two.observe([see("link.ttl", "10.0.0.1", initial=64, hops=0)])
    (ip,) = (part.id for part in with_mac(two.devices(), CAMERA).parts if part.address.value == "10.0.0.1")
    two.decide([decision("split", (ip,))])
    two.observe([see("arp.packet", CAMERA, sender_mac=CAMERA, sender_ip="10.0.0.1", operation="reply")])
    devices = two.devices()
    assert with_mac(devices, CAMERA).ips == ()
    (freed,) = (device for device in devices if device.ips == ("10.0.0.1",))
    assert freed.macs == ()
    assert any("ada split" in reason for reason in freed.merge_reasons)


def test_the_later_word_wins(two: Register) -> None:
    parts = parts_of(with_mac(two.devices(), CAMERA))
    two.decide([decision("correct", parts, "class", "printer", 2), decision("correct", parts, "class", "nvr", 1)])
    assert with_mac(two.devices(), CAMERA).device_class == "printer"


def test_siblings_that_say_the_same_are_proposed_the_same(register: Register, see: See) -> None:
    said = {"server": "WeldWatch/1.2", "operation": "200"}
    for mac, ip in ((CAMERA, "10.0.0.1"), (OTHER, "10.0.0.2"), ("00:11:22:33:44:03", "10.0.0.3")):
        register.observe([see("arp.packet", mac, sender_mac=mac, sender_ip=ip, operation="request")])
        if mac != "00:11:22:33:44:03":
            register.observe(
                [see("dhcp.message", mac, operation="request", client_mac=mac, vendor_class="udhcp 1.31.1")]
            )
            register.observe([see("http.response", ip, **said)])
    corrected = with_mac(register.devices(), CAMERA)
    described = {claim.clue for claim in corrected.claims if claim.field in ("class", "vendor", "product", "os")}
    assert described - {"oui_vendor"}, "the case needs a clue that describes the device"
    register.decide([decision("correct", parts_of(corrected), "class", "ip_camera")])
    sibling = with_mac(register.devices(), OTHER)
    assert sibling.device_class == "ip_camera"
    assert sibling.confidence < 1
    assert any(claim.clue == "local_fingerprint" for claim in sibling.claims)
    assert with_mac(register.devices(), "00:11:22:33:44:03").device_class == "unknown"


@pytest.mark.parametrize("capture", sorted(DEMO.glob("*.pcap*"))[:12], ids=lambda path: path.name)
def test_taking_facts_piece_by_piece_gives_the_same_devices(capture: Path, knowledge: Knowledge) -> None:
    run = read([capture])
    whole = Register(knowledge)
    whole.observe(run.observations)
    whole.conversations(run.conversations)
    pieces = Register(knowledge)
    for start in range(0, len(run.observations), 7):
        pieces.observe(run.observations[start : start + 7])
        pieces.devices()
    for conversation in run.conversations:
        pieces.conversations([conversation])
        pieces.devices()
    assert pieces.devices() == whole.devices()


def test_a_device_of_which_nothing_was_said_is_the_same_object(two: Register, see: See) -> None:
    before = with_mac(two.devices(), OTHER)
    two.observe([see("arp.packet", CAMERA, sender_mac=CAMERA, sender_ip="10.0.0.1", operation="reply")])
    assert with_mac(two.devices(), OTHER) is before
