"""Who says what, and when: one generator for each habit. Each speaks, then yields the seconds until it speaks again.

Values of a process repeat or drift slowly, as they do; times have some per cent of jitter.
"""

from __future__ import annotations

import struct
from random import Random

from bench.traffic import words
from bench.traffic.wire import Actor, Host, Tcp, Wire

__all__ = [
    "announces",
    "browses",
    "drives_io",
    "engineers",
    "keeps_house",
    "manages",
    "polls_bacnet",
    "polls_cip",
    "polls_modbus",
    "polls_s7",
    "publishes",
    "reads_historian",
    "watches",
]

_NOISE = Random(7).randbytes(1 << 16)  # noqa: S311 Reproducible, not secret.


def noise(dice: Random, size: int) -> bytes:
    """Bytes that look encrypted."""
    at = dice.randrange(len(_NOISE) - size)
    return _NOISE[at : at + size]


def _drift(values: list[int], dice: Random) -> None:
    """Now and then one of the values moves a little."""
    if dice.random() < 0.1:
        at = dice.randrange(len(values))
        values[at] = (values[at] + dice.choice((-2, -1, 1, 2))) & 0x7FFF


def polls_modbus(wire: Wire, dice: Random, master: Host, plc: Host, product: str, every: float, writes: bool) -> Actor:
    """Read registers and coils in turn; an operator writes a set point now and then."""
    talk = Tcp(wire, master, plc, 502)
    identity = words.modbus_identity(("Schneider Electric", product, "V2.7"))
    talk.asks(words.modbus(1, b"\x2b\x0e\x01\x00"), words.modbus(1, identity))
    values = [dice.randrange(200, 2000) for _ in range(dice.randrange(8, 40))]
    start, coils = dice.randrange(0, 400), dice.randrange(8, 64)
    registers = struct.pack(">BHH", 3, start, len(values))
    states = struct.pack(">BHH", 1, 0, coils)
    packing = struct.Struct(f">BB{len(values)}H")
    transaction = 1
    while True:
        yield every * dice.uniform(0.97, 1.03)
        transaction = transaction % 65_535 + 1
        if transaction % 3:
            _drift(values, dice)
            answer = packing.pack(3, 2 * len(values), *values)
            talk.asks(words.modbus(transaction, registers), words.modbus(transaction, answer))
        else:
            size = (coils + 7) // 8
            answer = bytes([1, size]) + (0b1101 << size & (1 << 8 * size) - 1).to_bytes(size, "big")
            talk.asks(words.modbus(transaction, states), words.modbus(transaction, answer))
        if writes and dice.random() < 0.002:
            pdu = struct.pack(">BHH", 6, start, values[0])
            talk.asks(words.modbus(transaction, pdu), words.modbus(transaction, pdu))


def polls_s7(wire: Wire, dice: Random, master: Host, plc: Host, order: str, every: float) -> Actor:
    """Read three data blocks in turn, after the module was asked who it is."""
    talk = Tcp(wire, master, plc, 102)
    talk.asks(*words.S7_CONNECT)
    setup = struct.pack(">BBHHH", 0xF0, 0, 1, 1, 480)
    talk.asks(words.s7(1, 1, setup), words.s7(3, 1, setup))
    talk.asks(*words.s7_module(2, order))
    blocks = [(dice.randrange(1, 90), dice.randrange(0, 40), 2 * dice.randrange(4, 40)) for _ in range(3)]
    values = [dice.randrange(0, 30_000) for _ in range(40)]
    reference = 2
    while True:
        yield every * dice.uniform(0.97, 1.03)
        reference = reference % 65_535 + 1
        _drift(values, dice)
        block, offset, size = blocks[reference % 3]
        content = struct.pack(f">{size // 2}H", *values[: size // 2])
        talk.asks(*words.s7_read(reference, block, offset, size, content))


def polls_cip(wire: Wire, dice: Random, master: Host, plc: Host, product: str, every: float) -> Actor:
    """Read tags by name, after the controller was asked who it is."""
    serial = int.from_bytes(plc.mac[2:], "big")
    wire.group(master, "255.255.255.255", (wire.port(), 44_818), words.enip(0x63, 0, b""))
    wire.udp(plc, master, (44_818, 50_000), words.list_identity(plc.packed, product, serial))
    talk = Tcp(wire, master, plc, 44_818)
    session = dice.randrange(1 << 30)
    talk.asks(words.enip(0x65, 0, b"\1\0\0\0"), words.enip(0x65, session, b"\1\0\0\0"))
    identity = b"\x81\0\0\0" + words.cip_identity(product, serial)
    talk.asks(words.cip(session, bytes.fromhex("010220012401")), words.cip(session, identity))
    tags = [f"{area}_{number}" for area in ("Level", "Flow", "Motor", "Valve") for number in range(3)]
    values = [dice.randrange(0, 9000) for _ in tags]
    while True:
        yield every * dice.uniform(0.97, 1.03)
        _drift(values, dice)
        at = dice.randrange(len(tags))
        talk.asks(*words.cip_read(session, tags[at], values[at]))


def drives_io(wire: Wire, dice: Random, plc: Host, remote: Host, every: float) -> Actor:
    """Cyclic inputs and outputs of a class 1 connection."""
    connection, sequence = dice.randrange(1 << 30), 0
    inputs, outputs = [dice.randrange(256) for _ in range(16)], bytes(dice.randrange(256) for _ in range(8))
    while True:
        sequence += 1
        if dice.random() < 0.05:
            inputs[dice.randrange(16)] ^= 1
        wire.udp(plc, remote, (2222, 2222), words.io(connection, sequence, outputs))
        wire.udp(remote, plc, (2222, 2222), words.io(connection + 1, sequence, bytes(inputs)))
        yield every


def polls_bacnet(
    wire: Wire, dice: Random, head: Host, device: Host, texts: tuple[int, str, str], every: float
) -> Actor:
    """Read present values and take notices of change; names are read once."""
    instance, maker, model = texts
    ports = (47_808, 47_808)
    wire.group(head, "255.255.255.255", ports, words.BACNET_WHO_IS)
    wire.group(device, "255.255.255.255", ports, words.bacnet_i_am(instance, 7))
    for at, (number, text) in enumerate(((121, maker), (70, model), (44, "8.1"), (77, f"AHU-{instance}"))):
        ask, answer = words.bacnet_read(at, (8, instance), number, words.bacnet_text(text))
        wire.udp(head, device, ports, ask)
        wire.udp(device, head, ports, answer)
    values = [dice.uniform(15.0, 25.0) for _ in range(6)]
    invoke = 4
    while True:
        yield every * dice.uniform(0.9, 1.1)
        invoke = invoke + 1 & 255
        at = invoke % len(values)
        if dice.random() < 0.3:
            values[at] += dice.choice((-0.5, 0.5))
            wire.udp(device, head, ports, words.bacnet_changed(instance, (0, at), values[at]))
        ask, answer = words.bacnet_read(invoke, (0, at), 85, words.bacnet_real(values[at]))
        wire.udp(head, device, ports, ask)
        wire.udp(device, head, ports, answer)


def watches(wire: Wire, dice: Random, recorder: Host, camera: Host, every: float) -> Actor:
    """A recorder takes a slow stream of pictures."""
    url = f"rtsp://{camera.ip}:554/stream2"
    talk = Tcp(wire, recorder, camera, 554)
    for at, method in enumerate(("OPTIONS", "DESCRIBE", "SETUP", "PLAY")):
        talk.asks(*words.rtsp(method, url, at + 1, "4711" if at > 1 else ""))
    ports, sequence, source = (dice.randrange(20_000, 30_000) & ~1, wire.port() & ~1), 0, dice.randrange(1 << 32)
    while True:
        for _ in range(4):
            sequence = sequence + 1 & 0xFFFF
            head = struct.pack(">BBHII", 0x80, 96, sequence, sequence * 3600 & 0xFFFFFFFF, source)
            wire.udp(camera, recorder, ports, head + noise(dice, dice.randrange(600, 1300)))
        if not sequence % 120:
            talk.asks(*words.rtsp("GET_PARAMETER", url, sequence, "4711"))
        yield every * dice.uniform(0.97, 1.03)


def publishes(wire: Wire, dice: Random, gateway: Host, broker: Host, every: float) -> Actor:
    """A gateway tells its sensors' values."""
    talk = Tcp(wire, gateway, broker, 1883)
    talk.asks(words.mqtt_connect(gateway.name), b"\x20\x02\x00\x00")
    values, number = [dice.randrange(200, 300) for _ in range(6)], 0
    while True:
        yield every * dice.uniform(0.9, 1.1)
        number = number % 65_535 + 1
        _drift(values, dice)
        at = number % len(values)
        topic, content = f"plant/{gateway.name}/temperature/{at}", f'{{"value":{values[at] / 10}}}'.encode()
        talk.asks(*words.mqtt_publish(topic, number, content))
        if not number % 30:
            talk.asks(b"\xc0\x00", b"\xd0\x00")


def reads_historian(wire: Wire, dice: Random, client: Host, server: Host, every: float) -> Actor:
    """A dialogue in a protocol that is in binary and not known to everyone."""
    talk = Tcp(wire, client, server, 4840)
    while True:
        body = noise(dice, dice.randrange(40, 90))
        talk.asks(b"MSGF" + struct.pack("<I", len(body) + 8) + body, b"MSGF" + noise(dice, dice.randrange(80, 600)))
        yield every * dice.uniform(0.9, 1.1)


def manages(wire: Wire, dice: Random, manager: Host, agent: Host, community: str, every: float) -> Actor:
    """Read a switch's description at first, then counters."""
    text = f"Industrial switch {agent.name}, firmware 6.2".encode()
    ports, request, counter = (wire.port(), 161), dice.randrange(1 << 30), dice.randrange(1 << 28)
    rows = [(words.SYS_DESCRIPTION, words.ber(4, text))]
    while True:
        request += 1
        ask, answer = words.snmp_dialogue(community, request, rows)
        wire.udp(manager, agent, ports, ask)
        wire.udp(agent, manager, (161, ports[0]), answer)
        yield every * dice.uniform(0.9, 1.1) / 4
        counter += dice.randrange(10_000)
        value = words.ber(0x41, struct.pack(">I", counter & 0x7FFFFFFF))
        rows = [(words.octets(1 + request % 8, way), value) for way in (False, True)]
        rows.append((words.SYS_UP_TIME, words.ber(0x43, struct.pack(">I", request & 0x7FFFFFFF))))


def browses(
    wire: Wire, dice: Random, station: Host, resolver: Host, sites: list[tuple[Host, bytes | None]], every: float
) -> Actor:
    """Ask for a name, then fetch something by TLS or HTTP."""
    while True:
        yield every * dice.uniform(0.3, 1.7)
        site, certificate = dice.choice(sites)
        ports = (wire.port(), 53)
        for kind in (1, 28):
            transaction = dice.randrange(1 << 16)
            wire.udp(station, resolver, ports, words.dns(transaction, site.name, kind, None))
            wire.udp(resolver, station, (53, ports[0]), words.dns(transaction, site.name, kind, site.packed))
        if site.zone != "internet" and certificate is None:
            talk = Tcp(wire, station, site, 80)
            ask = words.http_get(site.name, "/", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Firefox/140.0")
            talk.asks(ask, words.http_page("GoAhead-Webs", f"Status of {site.name}", dice.randrange(800, 4000)))
        else:
            talk = Tcp(wire, station, site, 443)
            talk.client(words.client_hello(site.name, noise(dice, 32), certificate is None))
            talk.server(words.server_hello(noise(dice, 32), certificate))
            talk.client(words.tls_record(20, 0x0303, b"\x01") + words.tls_record(22, 0x0303, noise(dice, 40)))
            for _ in range(dice.randrange(2, 7)):
                talk.client(words.tls_record(23, 0x0303, noise(dice, dice.randrange(60, 500))))
                talk.server(words.tls_record(23, 0x0303, noise(dice, dice.randrange(400, 9000))))
        talk.close()


def engineers(wire: Wire, dice: Random, station: Host, target: Host, every: float) -> Actor:
    """A session by SSH, or by Telnet where the target is old."""
    while True:
        yield every * dice.uniform(0.2, 1.8)
        if target.ttl == 255:
            talk = Tcp(wire, station, target, 23)
            talk.server(b"\xff\xfd\x18\xff\xfb\x01\r\nController\r\nlogin: ")
            talk.asks(b"service\r\n", b"service\r\nPassword: ")
            talk.asks(noise(dice, 6).hex().encode() + b"\r\n", b"\r\nWelcome\r\n# ")
            for command in (b"show status\r\n", b"show log\r\n", b"exit\r\n"):
                talk.asks(command, command + b"ok\r\n# ")
        else:
            talk = Tcp(wire, station, target, 22)
            talk.server(b"SSH-2.0-OpenSSH_9.2\r\n")
            talk.client(b"SSH-2.0-PuTTY_Release_0.83\r\n")
            talk.client(words.ssh_kex(noise(dice, 16)))
            talk.server(words.ssh_kex(noise(dice, 16)))
            for _ in range(dice.randrange(10, 40)):
                talk.asks(noise(dice, 36), noise(dice, dice.randrange(36, 400)))
        talk.close()


def keeps_house(wire: Wire, dice: Random, host: Host, helpers: tuple[Host, Host, Host], vendor_class: str) -> Actor:
    """ARP with the neighbours, NTP, and for those that ask for their address DHCP."""
    neighbour, clock, server = helpers
    rounds = 0
    while True:
        yield 64 * dice.uniform(0.9, 1.1)
        rounds += 1
        wire.udp(host, clock, (123, 123), b"\x23" + bytes(39) + struct.pack(">Q", wire.now & (1 << 64) - 1))
        wire.udp(clock, host, (123, 123), b"\x24\x01" + bytes(38) + struct.pack(">Q", wire.now & (1 << 64) - 1))
        if rounds % 4 == 1 and neighbour is not host:
            wire.arp(host, neighbour)
        if vendor_class and rounds % 28 == 2:
            transaction = dice.randrange(1 << 32)
            texts = (host.name, vendor_class)
            ask = words.dhcp(False, transaction, host.mac, host.packed, server.packed, texts)
            answer = words.dhcp(True, transaction, host.mac, host.packed, server.packed, texts)
            wire.udp(host, server, (68, 67), ask)
            wire.udp(server, host, (67, 68), answer)


def announces(wire: Wire, dice: Random, host: Host, service: str, product: str) -> Actor:
    """Say by mDNS and SSDP what one is."""
    unique = f"00000000-0000-1000-8000-{host.mac.hex()}"
    while True:
        yield 300 * dice.uniform(0.8, 1.2)
        record = words.mdns(f"{service}.local", product, f"{host.name}.local", host.packed)
        wire.group(host, "224.0.0.251", (5353, 5353), record)
        if service != "_ipp._tcp":
            alive = words.ssdp_alive(host.ip, f"Linux UPnP/1.0 {product}", unique)
            wire.group(host, "239.255.255.250", (wire.port(), 1900), alive)
