"""One device, one record: merges, splits and their reasons."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ringfence.inventory.knowledge import Knowledge
from ringfence.inventory.register import Register
from ringfence.model.device import Device
from ringfence.model.flow import Conversation
from ringfence.model.observation import Observation

See = Callable[..., Observation]
MAC = "00:11:22:33:44:55"
OTHER = "00:11:22:33:44:66"


def by_mac(register: Register, mac: str) -> Device:
    return next(device for device in register.devices() if mac in device.macs)


def by_ip(register: Register, ip: str) -> list[Device]:
    return [device for device in register.devices() if ip in device.ips]


def test_three_notations_of_one_mac_are_one_device(register: Register, see: See) -> None:
    notations = ("00:11:22:AB:CD:EF", "00-11-22-ab-cd-ef", "0011.22ab.cdef")
    register.observe(see("link.address", mac, ip="192.168.1.5") for mac in notations)
    assert [device.macs for device in register.devices()] == [("00:11:22:ab:cd:ef",)]
    assert len(register.devices()[0].parts) == 3


def test_five_addresses_on_a_trunk_are_one_device(register: Register, see: See) -> None:
    register.observe(see("link.address", MAC, ip=f"10.0.{vlan}.5", vlan=vlan) for vlan in range(1, 6))
    register.observe(see("link.ttl", f"10.0.{vlan}.5", initial=64, hops=0) for vlan in range(1, 6))
    [device] = register.devices()
    assert len(device.ips) == 5
    assert "multi_address" in device.marks
    assert len(device.merge_reasons) == 5


def test_a_router_keeps_its_own_address_alone(register: Register, see: See) -> None:
    register.observe([see("arp.packet", MAC, operation="reply", sender_mac=MAC, sender_ip="192.168.1.1")])
    for ip in ("192.168.1.1", "192.168.7.20", "8.8.8.8", "1.1.1.1"):
        register.observe([see("link.address", MAC, ip=ip), see("link.ttl", ip, initial=64, hops=0)])
    router = by_mac(register, MAC)
    assert router.ips == ("192.168.1.1",)
    assert "router" in router.marks
    assert any("192.168.7.20" in reason and "beyond" in reason for reason in router.merge_reasons)
    [beyond] = by_ip(register, "192.168.7.20")
    assert beyond.id != router.id
    assert "behind_router" in beyond.marks
    assert not by_ip(register, "8.8.8.8")


def test_a_pair_with_a_virtual_mac_is_not_merged(register: Register, see: See) -> None:
    virtual = "00:00:5e:00:01:0a"
    for mac, ip in ((MAC, "10.0.0.2"), (OTHER, "10.0.0.3")):
        register.observe([see("link.address", mac, ip=ip), see("arp.packet", mac, sender_mac=mac, sender_ip=ip)])
        # Advertisements come from the virtual MAC with the router's own address.
        register.observe([see("link.address", virtual, ip=ip)])
    register.observe([see("arp.packet", virtual, sender_mac=virtual, sender_ip="10.0.0.1")])
    register.observe([see("link.address", virtual, ip="10.0.0.1")])
    devices = register.devices()
    assert {device.macs: device.ips for device in devices} == {
        (MAC,): ("10.0.0.2",),
        (OTHER,): ("10.0.0.3",),
        (virtual,): ("10.0.0.1",),
    }
    assert "virtual_mac" in by_mac(register, virtual).marks


def test_a_lease_that_moves_splits_the_claims_by_time(register: Register, see: See) -> None:
    ip = "192.168.1.50"
    register.observe([see("dhcp.message", MAC, 0, operation="ack", client_mac=MAC, your_ip=ip)])
    register.observe([see("link.address", MAC, 1, 100, ip=ip)])
    register.observe([see("dhcp.message", OTHER, 4000, operation="ack", client_mac=OTHER, your_ip=ip)])
    register.observe([see("link.address", OTHER, 4001, 4100, ip=ip)])
    register.observe([see("ssh.banner", ip, 10, protocol="SSH-2.0-ROSSSH", software="ROSSSH")])
    register.observe([see("telnet.banner", ip, 4050, text="Lantronix UDS1100")])
    assert by_mac(register, MAC).vendor == "MikroTik"
    assert by_mac(register, OTHER).vendor == "Lantronix"
    assert by_mac(register, MAC).ips == by_mac(register, OTHER).ips == (ip,)
    assert register.device_of("p-site-192.168.1.50") == by_mac(register, OTHER).id


def test_an_address_that_was_handed_on_is_nobody_s_who_merely_carried_it(register: Register, see: See) -> None:
    third = "00:11:22:33:44:77"
    for mac, at in ((MAC, 0), (OTHER, 4000)):
        register.observe([see("arp.packet", mac, at, at + 10, sender_mac=mac, sender_ip="10.0.0.9")])
    register.observe([see("link.address", third, 20, ip="10.0.0.9"), see("link.ttl", "10.0.0.9", initial=64, hops=0)])
    assert by_mac(register, third).ips == ()
    assert [device.macs for device in by_ip(register, "10.0.0.9")] == [(MAC,), (OTHER,)]


def test_two_at_once_on_one_address_are_a_conflict(register: Register, see: See) -> None:
    for mac in (MAC, OTHER):
        register.observe([see("arp.packet", mac, 0, 100, sender_mac=mac, sender_ip="10.0.0.9")])
    assert len(register.devices()) == 2
    assert all("address_conflict" in device.marks for device in register.devices())


def test_the_same_cip_serial_joins_two_interfaces(register: Register, see: See) -> None:
    for mac, ip in ((MAC, "10.0.0.2"), (OTHER, "10.0.1.2")):
        register.observe([see("link.address", mac, ip=ip)])
        register.observe(
            [see("enip.identity", ip, vendor_id=1, device_type=14, serial=0x51823F, product_name="1756-L61/B")]
        )
    [device] = register.devices()
    assert device.macs == (MAC, OTHER)
    assert "They state the same CIP serial 1:0051823F." in device.merge_reasons


def test_a_copied_serial_merges_nothing(register: Register, see: See) -> None:
    for n in range(12):
        ip = f"10.0.0.{n + 1}"
        register.observe([see("enip.identity", ip, vendor_id=1, device_type=14, serial=0x51823F, product_name="x")])
    assert len(register.devices()) == 12


def test_the_same_addresses_in_two_domains_stay_two(register: Register, see: See) -> None:
    for domain in ("skid-1", "skid-2"):
        register.observe([see("link.address", MAC, ip="10.0.0.2", domain=domain)])
        register.observe([see("enip.identity", "10.0.0.2", domain=domain, vendor_id=1, serial=77, product_name="x")])
    assert [device.domain for device in register.devices()] == ["skid-1", "skid-2"]


def test_many_identities_behind_one_mac_are_many_devices(register: Register, see: See) -> None:
    for n in range(1, 4):
        register.observe([see("link.address", MAC, ip=f"10.0.0.{n}")])
        register.observe([see("bacnet.i_am", f"10.0.0.{n}", instance=n, vendor_id=85)])
    assert len(register.devices()) == 4
    assert "router" in by_mac(register, MAC).marks


def test_peers_and_groups_are_no_devices(register: Register, talk: Callable[..., Conversation]) -> None:
    for server in ("8.8.8.8", "239.255.255.250", "255.255.255.255"):
        register.conversations([talk("192.168.1.5", server, "dns")])
    register.conversations([talk("192.168.1.5", "192.168.1.77", "http", answered=False)])
    assert [device.ips for device in register.devices()] == [("192.168.1.5",)]


def test_a_network_numbered_in_public_addresses_has_devices(register: Register, see: See) -> None:
    register.observe([see("link.address", MAC, ip="134.249.61.163"), see("link.address", OTHER, ip="134.249.62.230")])
    register.observe([see("s7comm.identity", "134.249.61.163", order_number="6ES7 315-2EH14-0AB0")])
    assert by_mac(register, MAC).device_class == "plc"


def test_order_of_facts_changes_nothing(knowledge: Knowledge, see: See) -> None:
    facts = [
        see("link.address", MAC, ip="10.0.0.2"),
        see("arp.packet", OTHER, sender_mac=OTHER, sender_ip="10.0.0.3"),
        see("enip.identity", "10.0.0.2", vendor_id=1, device_type=14, serial=5, product_name="1756-L61/B"),
        see("dhcp.message", OTHER, operation="request", client_mac=OTHER, hostname="DESKTOP-ABC1234"),
    ]
    one, other = Register(knowledge), Register(knowledge)
    one.observe(facts)
    other.observe(reversed(facts))
    other.observe(facts)
    assert one.devices() == other.devices()


def test_several_hosts_behind_one_address_are_marked(register: Register, see: See) -> None:
    register.observe([see("link.address", MAC, ip="10.0.0.2")])
    register.observe([see("link.ttl", "10.0.0.2", initial=ttl, hops=0) for ttl in (64, 128)])
    for agent in ("Mozilla/5.0 (Windows NT 10.0; Win64; x64)", "Dalvik/2.1.0 (Linux; U; Android 13; SM-G991B)"):
        register.observe([see("http.request", "10.0.0.2", operation="GET", user_agent=agent)])
    assert "nat" in by_mac(register, MAC).marks


def test_a_router_asks_for_others(register: Register, see: See) -> None:
    register.observe([see("link.address", MAC, ip=ip) for ip in ("192.168.1.1", "9.9.9.9", "8.8.8.8")])
    register.observe([see("dns.query", "192.168.1.1", object="ws.meethue.com", record_type=1)])
    router = by_mac(register, MAC)
    assert (router.vendor, router.device_class) == (None, "router")


def test_a_phone_that_changes_its_mac_for_thirty_days_is_one_record(register: Register, see: See) -> None:
    day = 86_400
    macs = [f"{n:02x}:34:56:78:9a:{n:02x}" for n in range(2, 2 + 30 * 4, 4)]
    assert len(macs) == 30
    for n, mac in enumerate(macs):
        at, ip = n * day, f"192.168.1.{50 + n % 3}"
        register.observe(
            [
                see("dhcp.message", mac, at, operation="request", hostname="Annas-Phone", client_mac=mac),
                see("dhcp.message", "192.168.1.1", at, operation="ack", client_mac=mac, your_ip=ip),
                see("link.address", mac, at, at + day / 2, ip=ip),
            ]
        )
    phones = [device for device in register.devices() if set(device.macs) & set(macs)]
    assert [len(device.macs) for device in phones] == [30]
    assert "randomised_mac" in phones[0].marks
    assert any("one after the other" in reason and "annas-phone" in reason for reason in phones[0].merge_reasons)


def test_random_macs_without_a_name_of_their_own_stay_apart_and_marked(register: Register, see: See) -> None:
    for n, mac in enumerate(("02:34:56:78:9a:01", "06:34:56:78:9a:02", "0a:34:56:78:9a:03")):
        register.observe([see("dhcp.message", mac, n * 100, operation="request", hostname="iPhone", client_mac=mac)])
    assert len(register.devices()) == 3
    assert all("randomised_mac" in device.marks for device in register.devices())


def test_two_phones_of_one_name_at_once_stay_two(register: Register, see: See) -> None:
    for mac in ("02:34:56:78:9a:01", "06:34:56:78:9a:02"):
        register.observe([see("dhcp.message", mac, 0, operation="request", hostname="guest-phone", client_mac=mac)])
        register.observe([see("link.address", mac, 0, 500, ip=f"10.0.0.{mac[1]}")])
    assert len(register.devices()) == 2


def test_who_has_passed_a_router_is_beyond_it(register: Register, see: See) -> None:
    register.observe([see("link.address", MAC, ip="192.168.1.1"), see("link.ttl", "192.168.1.1", initial=64, hops=0)])
    for ip in ("192.168.7.20", "192.168.8.30"):
        register.observe([see("link.address", MAC, ip=ip), see("link.ttl", ip, initial=64, hops=2)])
    assert by_mac(register, MAC).ips == ("192.168.1.1",)
    assert "router" in by_mac(register, MAC).marks
    assert all("behind_router" in device.marks for device in by_ip(register, "192.168.8.30"))


def test_a_guess_from_a_low_time_to_live_moves_nobody(register: Register, see: See) -> None:
    for ip, hops in (("192.168.1.1", 0), ("192.168.1.2", 2)):
        register.observe([see("link.address", MAC, ip=ip), see("link.ttl", ip, initial=32, hops=hops)])
    assert by_mac(register, MAC).ips == ("192.168.1.1", "192.168.1.2")


def test_a_public_address_that_speaks_mdns_is_a_neighbour(register: Register, see: See) -> None:
    register.observe([see("link.address", OTHER, ip="10.0.0.2")])
    register.observe([see("link.address", MAC, ip="147.0.0.9")])
    assert not by_ip(register, "147.0.0.9")
    register.observe([see("mdns.query", "147.0.0.9", name="_ipp._tcp.local", record_type=12)])
    assert [device.macs for device in by_ip(register, "147.0.0.9")] == [(MAC,)]


def test_a_device_that_was_merely_seen_again_is_told_when_it_has_waited(register: Register, see: See) -> None:
    patience = 60_000_000_000  # ns
    seen = see("enip.identity", "10.0.0.2", 0, vendor_id=1, device_type=14, serial=5, product_name="1756-L61/B")
    register.observe([seen])
    ((device,), gone) = register.changes(patience)
    assert not gone
    for at in (20, 70):  # It waits from the first time on.
        again = replace(seen, first=seen.first, last=seen.last + at * 1_000_000_000)
        register.observe([again])
        assert register.changes(patience) == ([], [])
    register.observe([see("link.ttl", "10.0.0.9", 81, initial=64, hops=0)])
    (changed, _) = register.changes(patience)
    assert {one.last - device.last for one in changed if one.id == device.id} == {70_000_000_000}
    register.observe([replace(seen, last=seen.last + 90_000_000_000)])
    assert register.changes(patience) == ([], [])
    register.observe([see("ssh.banner", "10.0.0.2", 91, protocol="SSH-2.0-ROSSSH", software="ROSSSH")])
    ((new,), _) = register.changes(patience)
    assert new.last - device.last == 91_000_000_000, "what is new does not wait"
