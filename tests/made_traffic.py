"""Batches of made-up facts and conversations of a few addresses: everything that ties them or that a rule reads.

They make no sense as traffic. They are meant to bring about every merge, split, conflict and finding, and to take many
of them back: addresses change hands, talkers turn out to be routers, conversations are taken back, days go by.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import Any

from ringfence.detect.options import DetectOptions
from ringfence.model.decision import Decision
from ringfence.model.flow import Conversation, Operation
from ringfence.model.observation import Address, Observation, PacketReference, Part
from ringfence.sensor.rows import part_id

SECOND = 1_000_000_000  # ns
START = 1_795_000_200 * SECOND
#: So low that a few facts make a finding.
OPTIONS = DetectOptions(
    scan_destinations=4, scan_ports=5, scan_arp_destinations=3, flood_flows=20, flood_sources=3, grouped_targets=3
)
MACS = (
    *("00:1d:9c:00:00:01", "00:1d:9c:00:00:02", "00:0e:8c:00:00:03", "00:0e:8c:00:00:04", "00:80:f4:00:00:05"),
    *("02:aa:00:00:00:06", "06:aa:00:00:00:07", "0a:aa:00:00:00:08", "00:00:5e:00:01:09"),
)
OWN = tuple(f"10.0.0.{at}" for at in range(1, 10))
OWN_V6 = ("fe80::21d:9cff:fe00:1", "2001:db8::5", "fd00::7")
PUBLIC = ("9.9.9.9", "8.8.4.4", "1.0.0.1")


def part(kind: str, value: str, domain: str = "plant") -> Part:
    """A part as the core names it."""
    address = Address(domain, kind, value)
    return Part(part_id(address), address)


def ip_part(value: str, domain: str = "plant") -> Part:
    """The part at an IP address."""
    return part("ipv6" if ":" in value else "ipv4", value, domain)


class Traffic:
    """An endless run of batches; the same number gives the same."""

    def __init__(self, seed: int) -> None:
        self.dice = Random(seed)  # noqa: S311 Reproducible, not secret.
        self.now = START
        self.ips = (*OWN[: self.dice.randrange(4, len(OWN) + 1)], *OWN_V6[self.dice.randrange(3) :])
        self.macs = MACS[self.dice.randrange(0, 3) :]
        self.talks: list[Conversation] = []
        self.windowed: dict[tuple[str, str, int], int] = {}

    def batch(self, most: int = 20) -> tuple[list[Observation], list[Conversation]]:
        """Return the next facts and conversations."""
        dice = self.dice
        self.now += dice.choice((2, 2, 30, 400, 30_000)) * SECOND
        makers: list[Callable[[], Observation]] = [self._tie, self._tie, self._stated, self._heard, self._windowed]
        facts = [dice.choice(makers)() for _ in range(dice.randrange(1, most))]
        return facts, [self._talk() for _ in range(dice.randrange(0, most // 2))]

    def decisions(self, parts: list[str]) -> tuple[Decision, ...]:
        """Return what people decided about some of these parts; they decide anew each time."""
        dice, made = self.dice, []
        for at in range(dice.randrange(0, 3)):
            some = tuple(dice.sample(parts, min(len(parts), dice.randrange(1, 4))))
            kind = dice.choice(("correct", "merge", "split"))
            name, value = ("class", dice.choice(("plc", "ip_camera"))) if kind == "correct" else (None, None)
            made.append(Decision(f"x-{self.now}-{at}", kind, some, name, value, "seen", "ada", self.now + at))
        return tuple(made)

    # --- facts ------------------------------------------------------------------------------------------------------

    def _fact(self, kind: str, subject: Part, other: Part | None = None, /, **value: Any) -> Observation:
        first = self.now - self.dice.randrange(0, 3) * SECOND
        packets = (PacketReference(first, 0, self.dice.randrange(1, 99_999), 0, 60),)
        return Observation(kind, subject, other, value, self.dice.randrange(1, 4), first, self.now, packets)

    def _ip(self, public: float = 0.1) -> Part:
        dice = self.dice
        if dice.random() < public:
            return ip_part(dice.choice(PUBLIC))
        return ip_part(dice.choice(self.ips), dice.choices(("plant", "skid"), (9, 1))[0])

    def _tie(self) -> Observation:
        dice = self.dice
        mac, ip = dice.choice(self.macs), dice.choice((*self.ips, *self.ips, *PUBLIC))
        subject = part("mac", mac, dice.choices(("plant", "skid"), (9, 1))[0])
        arp = {"sender_mac": mac, "sender_ip": ip, "target_ip": dice.choice(self.ips)}
        kinds: list[Callable[[], Observation]] = [
            lambda: self._fact("link.address", subject, ip=ip),
            lambda: self._fact("link.ttl", ip_part(ip), initial=dice.choice((30, 64, 128)), hops=dice.choice((0, 2))),
            lambda: self._fact("arp.packet", subject, operation="request", **arp),
            lambda: self._fact("arp.packet", subject, operation="reply", target_mac=dice.choice(self.macs), **arp),
            lambda: self._dhcp(subject, mac, ip),
            lambda: self._fact("mdns.answer", ip_part(ip), ip=dice.choice((None, *OWN_V6)), name="cell.local"),
            lambda: self._fact("x.overflow", subject, of="arp.packet"),
        ]
        return dice.choices(kinds, (6, 2, 2, 2, 4, 3, 1))[0]()

    def _dhcp(self, subject: Part, mac: str, ip: str) -> Observation:
        dice = self.dice
        if dice.random() < 0.5:
            name = dice.choice((None, "iphone", "adas-phone", "adas-phone"))
            return self._fact("dhcp.message", subject, operation="request", client_mac=mac, hostname=name)
        routers = [self.ips[0]] if dice.random() < 0.2 else []
        words = {"client_mac": mac, "your_ip": ip, "routers": routers}
        return self._fact("dhcp.message", self._ip(), operation="ack", **words)

    def _stated(self) -> Observation:
        dice, one, other = self.dice, self._ip(), self._ip()
        serial = dice.choice((5, 5, 6, 7))
        kinds: list[Callable[[], Observation]] = [
            lambda: self._fact("enip.identity", one, vendor_id=1, device_type=14, serial=serial, product_name="1756"),
            lambda: self._fact("s7comm.identity", one, order_number="6ES7 315-2EH14-0AB0"),
            lambda: self._fact("bacnet.i_am", one, instance=dice.randrange(3), vendor_id=85),
            lambda: self._fact("telnet.banner", one, other, text="Lantronix UDS1100"),
            lambda: self._fact("ssh.banner", one, other, version=dice.choice(("1.5", "2.0")), software="ROSSSH"),
            lambda: self._fact("http.response", one, other, server="WeldWatch/1.2", www_authenticate="Basic realm=x"),
            lambda: self._fact("http.request", one, other, user_agent="Mozilla/5.0 (Windows NT 10.0; Win64; x64)"),
            lambda: self._fact("tls.server_hello", one, other, version=dice.choice((0x0301, 0x0303)), cipher=5),
            lambda: self._fact("tls.certificate", one, None, position=0, self_signed=dice.random() < 0.5,
                               not_after=self.now + dice.choice((-1, 1)) * SECOND, key_type="rsa", key_bits=1024),
        ]  # fmt: skip
        return dice.choice(kinds)()

    def _heard(self) -> Observation:
        dice, one, other = self.dice, self._ip(), self._ip()
        secret, default = dice.choice((None, "ab")), dice.random() < 0.5
        community = dice.choice(("get", "set", "response"))
        write = dice.choice(("write_single_register", "write_single_coil", "read_coils"))
        kinds: list[Callable[[], Observation]] = [
            lambda: self._fact("http.credentials", one, other, user="admin", secret=secret, default=default),
            lambda: self._fact("telnet.login", one, other, user="root", secret=secret, default=True, success=default),
            lambda: self._fact("mqtt.connect", one, other, user=None, secret=secret, anonymous=default),
            lambda: self._fact("mqtt.connack", one, other, code=dice.randrange(2)),
            lambda: self._fact("snmp.message", one, other, operation=community, default=default, version=1),
            lambda: self._fact("modbus.request", one, other, operation=write, function=6, object="holding 4"),
            lambda: self._fact("modbus.response", one, other, function=6, status=dice.choice(("ok", "busy"))),
            lambda: self._fact("s7comm.request", one, other, operation=dice.choice(("stop", "start"))),
        ]
        return dice.choice(kinds)()

    def _windowed(self) -> Observation:
        """Sums of a window so far: they only grow."""
        dice, one, window = self.dice, self._ip(), self.now - self.now % (300 * SECOND)
        kind = dice.choice(("flow.attempts", "flow.targeted"))
        key = (kind, one.id, window)
        flows = self.windowed[key] = self.windowed.get(key, 0) + dice.randrange(1, 30)
        sums: dict[str, Any] = {"window": window, "transport": "tcp", "flows": flows, "top_ports": [502]}
        if kind == "flow.attempts":
            sums |= {"destinations": min(flows, 1 + flows // 8), "ports": flows // 6, "busiest": dice.choice(self.ips)}
        else:
            sums |= {"sources": flows // 5}
        return Observation(kind, one, None, sums, flows, window, self.now, ())

    # --- conversations ----------------------------------------------------------------------------------------------

    def _talk(self) -> Conversation:
        dice = self.dice
        if self.talks and dice.random() < 0.2:
            told = self.talks.pop(dice.randrange(len(self.talks)))
            ends = (told.source, told.destination, told.protocol, told.transport, told.port)
            sums = (-told.packets, -told.bytes, -told.flows, told.first, told.last)
            return Conversation(*ends, *sums, (), told.answered)
        port = dice.choice((23, 22, 502, 443, 9))
        protocol = {23: "telnet", 22: "ssh", 502: "modbus", 443: "tls", 9: "tcp"}[port]
        asked = (Operation(dice.choice(("read_coils", "stop")), None, 1),) if port == 502 else ()
        sums = (dice.randrange(1, 9), 600, 1, self.now - SECOND, self.now)
        made = Conversation(self._ip(0.3), self._ip(0.3), protocol, "tcp", port, *sums, asked, dice.random() < 0.7)
        self.talks.append(made)
        return made


def batches(seed: int, number: int) -> Iterator[tuple[list[Observation], list[Conversation]]]:
    """Yield so many batches."""
    traffic = Traffic(seed)
    for _ in range(number):
        yield traffic.batch()
