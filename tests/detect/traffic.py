"""Traffic for the rules: what each must find, and its harmless neighbour that it must leave alone.

``python -m tests.detect.traffic`` writes every scene to ``vectors/detect/RULE/SCENE/input.pcap``; a test demands that
the files are what this module makes, so the module is their provenance.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from tests.plant import Plant, Station

VECTORS = Path(__file__).resolve().parents[2] / "vectors" / "detect"

# A public address that nobody has to fear to meet in a test: documentation ranges don't count as public.
INTERNET = "8.8.4.4"


def pair(plant: Plant) -> tuple[Station, Station]:
    """Two stations that know each other's address."""
    client, server = plant.station("10.0.0.9"), plant.station("10.0.0.20")
    plant.arp(client, server.ip)
    plant.arp(server, server.ip, reply_to=client)
    return client, server


def http_request(credentials: str | None, path: str = "/setup.cgi") -> bytes:
    """A request, with a password where ``credentials`` is given."""
    lines = [f"GET {path} HTTP/1.1", "Host: device.example", "User-Agent: plant"]
    if credentials is not None:
        lines.append("Authorization: Basic " + base64.b64encode(credentials.encode()).decode())
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def http_answer(status: str, *lines: str) -> bytes:
    """A response without a body."""
    return ("\r\n".join([f"HTTP/1.1 {status}", "Server: plant", "Content-Length: 0", *lines]) + "\r\n\r\n").encode()


def http(plant: Plant, request: bytes, answer: bytes) -> None:
    """One request and its answer."""
    client, server = pair(plant)
    with plant.tcp(client, server, 80) as talk:
        talk.client(request)
        talk.server(answer)


def telnet_log_in(
    plant: Plant,
    client: Station,
    server: Station,
    user: str,
    password: str,
    *,
    greeting: bytes = b"Controller 7\r\nlogin: ",
) -> None:
    """A Telnet log-in that succeeds."""
    with plant.tcp(client, server, 23) as talk:
        talk.server(b"\xff\xfd\x18\xff\xfd\x20\xff\xfb\x01")
        talk.client(b"\xff\xfb\x18\xff\xfc\x20\xff\xfd\x01")
        talk.server(greeting)
        talk.client(user.encode() + b"\r\n")
        talk.server(user.encode() + b"\r\nPassword: ")
        talk.client(password.encode() + b"\r\n")
        talk.server(b"\r\nWelcome\r\n# ")


def _mqtt_text(text: str) -> bytes:
    return struct.pack("!H", len(text)) + text.encode()


def mqtt_connect(client_id: str, user: str = "", password: str = "") -> bytes:
    """An MQTT 3.1.1 CONNECT."""
    flags = 0x02 | (0x80 if user else 0) | (0x40 if password else 0)
    body = _mqtt_text("MQTT") + bytes([4, flags]) + struct.pack("!H", 60) + _mqtt_text(client_id)
    body += (_mqtt_text(user) if user else b"") + (_mqtt_text(password) if password else b"")
    return bytes([0x10, len(body)]) + body


def mqtt(plant: Plant, connect: bytes, code: int) -> None:
    """A client connects to a broker."""
    client, broker = pair(plant)
    with plant.tcp(client, broker, 1883) as talk:
        talk.client(connect)
        talk.server(bytes([0x20, 2, 0, code]))
        talk.client(b"\xc0\x00")
        talk.server(b"\xd0\x00")


def tls_record(version: int, messages: bytes) -> bytes:
    """A TLS record of handshake messages."""
    return struct.pack("!BHH", 22, version, len(messages)) + messages


def _handshake(kind: int, body: bytes) -> bytes:
    return struct.pack("!B", kind) + len(body).to_bytes(3, "big") + body


def client_hello(version: int, ciphers: tuple[int, ...]) -> bytes:
    """A ClientHello that offers ``ciphers``."""
    suites = struct.pack(f"!{len(ciphers)}H", *ciphers)
    body = struct.pack("!H", version) + bytes(range(32)) + b"\0" + struct.pack("!H", len(suites)) + suites + b"\x01\x00"
    return tls_record(0x0301, _handshake(1, body))


def server_hello(version: int, cipher: int, certificate: bytes | None = None) -> bytes:
    """A ServerHello that settles for ``cipher``, with a certificate where one is given."""
    messages = _handshake(2, struct.pack("!H", version) + bytes(range(32)) + b"\0" + struct.pack("!HB", cipher, 0))
    if certificate is not None:
        one = len(certificate).to_bytes(3, "big") + certificate
        messages += _handshake(11, len(one).to_bytes(3, "big") + one)
    return tls_record(version, messages + _handshake(14, b""))


def tls(plant: Plant, version: int, cipher: int, certificate: bytes | None = None) -> None:
    """A TLS handshake as far as it is in clear."""
    client, server = pair(plant)
    with plant.tcp(client, server, 443) as talk:
        talk.client(client_hello(version, (cipher, 0xC02F)))
        talk.server(server_hello(version, cipher, certificate))


def certificate(*, until_year: int, own_authority: bool) -> bytes:
    """An X.509 certificate, the same bytes each time (deterministic ECDSA); self-signed unless ``own_authority``."""
    key = ec.derive_private_key(0x1234567, ec.SECP256R1())
    authority = ec.derive_private_key(0x7654321, ec.SECP256R1()) if own_authority else key
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "panel.plant.example")])
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Plant CA")]) if own_authority else subject
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(until_year, 1, 1, tzinfo=UTC))
    )
    return _signed(builder, authority).public_bytes(Encoding.DER)


def _signed(builder: x509.CertificateBuilder, key: EllipticCurvePrivateKey) -> x509.Certificate:
    return builder.sign(key, hashes.SHA256(), ecdsa_deterministic=True)


def _ber(tag: int, content: bytes) -> bytes:
    return bytes([tag, len(content)]) + content


def snmp(version: int, community: str, pdu: int, request_id: int = 7) -> bytes:
    """An SNMP v1 or v2c message that asks for, sets or answers sysName."""
    name = _ber(0x06, bytes([0x2B, 6, 1, 2, 1, 1, 5, 0]))
    value = _ber(0x04, b"pump-7") if pdu in (0xA2, 0xA3) else _ber(0x05, b"")
    bindings = _ber(0x30, _ber(0x30, name + value))
    body = _ber(0x02, bytes([request_id])) + _ber(0x02, b"\0") + _ber(0x02, b"\0") + bindings
    return _ber(0x30, _ber(0x02, bytes([version])) + _ber(0x04, community.encode()) + _ber(pdu, body))


def snmp_dialogue(plant: Plant, community: str, pdu: int = 0xA0) -> None:
    """A manager asks, the device answers."""
    manager, device = pair(plant)
    plant.udp(manager, device, (40_000, 161), snmp(1, community, pdu))
    plant.udp(device, manager, (161, 40_000), snmp(1, community, 0xA2))


def s7(plant: Plant, parameter: bytes, *, answer: bytes | None = None) -> None:
    """An S7comm job over COTP, after the connection is set up."""
    station, plc = pair(plant)

    def tpkt(body: bytes) -> bytes:
        return struct.pack("!BBH", 3, 0, len(body) + 4) + body

    def job(kind: int, reference: int, parameters: bytes, data: bytes = b"") -> bytes:
        errors = b"\0\0" if kind == 3 else b""
        head = struct.pack("!BBHHHH", 0x32, kind, 0, reference, len(parameters), len(data))
        return tpkt(b"\x02\xf0\x80" + head + errors + parameters + data)

    setup = struct.pack("!BBHHH", 0xF0, 0, 1, 1, 480)
    with plant.tcp(station, plc, 102) as talk:
        talk.client(tpkt(bytes.fromhex("11e00000000100c0010ac1020100c2020102")))
        talk.server(tpkt(bytes.fromhex("11d00001000200c0010ac1020100c2020102")))
        talk.client(job(1, 1, setup))
        talk.server(job(3, 1, setup))
        talk.client(job(1, 2, parameter))
        if answer is not None:
            talk.server(job(3, 2, answer))


def s7_download(plant: Plant) -> None:
    """A block is downloaded: the station asks for it once, then the controller asks for the pieces itself."""
    station, plc = pair(plant)
    name = b"\x09_0A00001P"

    def pdu(kind: int, reference: int, parameters: bytes, data: bytes = b"") -> bytes:
        errors = b"\0\0" if kind == 3 else b""
        head = struct.pack("!BBHHHH", 0x32, kind, 0, reference, len(parameters), len(data)) + errors
        body = b"\x02\xf0\x80" + head + parameters + data
        return struct.pack("!BBH", 3, 0, len(body) + 4) + body

    with plant.tcp(station, plc, 102) as talk:
        talk.client(pdu(1, 1, S7_SETUP_ONLY))
        talk.server(pdu(3, 1, S7_SETUP_ONLY))
        talk.client(pdu(1, 2, b"\x1a\0\x01\0\0\0\0\0" + name + b"\x0d1000100000026"))
        talk.server(pdu(3, 2, b"\x1a"))
        talk.server(pdu(1, 3, b"\x1b\0\0\0\0\0\0\0" + name))
        talk.client(pdu(3, 3, b"\x1b\0", struct.pack("!HH", 26, 0x00FB) + bytes(26)))
        talk.server(pdu(1, 4, b"\x1c\0\0\0\0\0\0\0" + name))
        talk.client(pdu(3, 4, b"\x1c"))
        talk.client(pdu(1, 5, b"\x28\0\0\0\0\0\0\xfd\0\x0a\x01\0" + b"0A00001P" + b"\x05_INSE"))
        talk.server(pdu(3, 5, b"\x28"))


def bacnet(body: bytes) -> bytes:
    """An APDU in BACnet/IP, as an original unicast that expects an answer where it is a request."""
    npdu = bytes([1, 0x04 if body[0] >> 4 == 0 else 0]) + body
    return struct.pack("!BBH", 0x81, 0x0A, len(npdu) + 4) + npdu


def bacnet_reinitialize(plant: Plant, controllers: int, state: int, answer: bytes) -> None:
    """One station sends ReinitializeDevice with a password to some controllers; each gives the same answer."""
    station = plant.station("10.0.0.9")
    for number in range(controllers):
        controller = plant.station(f"10.0.0.{20 + number}")
        plant.arp(station, controller.ip)
        plant.arp(controller, controller.ip, reply_to=station)
        request = bytes([0x00, 0x05, 7, 20, 0x09, state, 0x1D, 6, 0]) + b"guess"
        plant.udp(station, controller, (47_808, 47_808), bacnet(request))
        plant.udp(controller, station, (47_808, 47_808), bacnet(answer))


BACNET_DONE = bytes([0x20, 7, 20])
BACNET_WRONG_PASSWORD = bytes([0x50, 7, 20, 0x91, 5, 0x91, 26])

S7_STOP = b"\x29\0\0\0\0\0\x09P_PROGRAM"
S7_SETUP_ONLY = struct.pack("!BBHHH", 0xF0, 0, 1, 1, 480)


def scan(plant: Plant, ports: int) -> None:
    """One station tries many ports of another; all refuse."""
    client, server = pair(plant)
    for port in range(1, ports + 1):
        plant.syn(client, server, port, refused=True)


def flood(plant: Plant, flows: int, sources: int) -> None:
    """Many addresses, all behind the router, knock at one port; nobody answers."""
    _, server = pair(plant)
    many = [plant.station(f"10.7.{at // 250}.{at % 250 + 1}", "00:00:5e:00:53:fe") for at in range(sources)]
    for at in range(flows):
        plant.syn(many[at % sources], server, 502)


def sweep(plant: Plant, addresses: int) -> None:
    """One station asks for many addresses by ARP; nobody has them."""
    client, _ = pair(plant)
    for host in range(100, 100 + addresses):
        plant.arp(client, f"10.0.0.{host}")


def from_internet(plant: Plant, address: str) -> None:
    """Somebody reads a controller's registers through the router."""
    plc = plant.station("10.0.0.20")
    caller = plant.station(address, "00:00:5e:00:53:fe")
    plant.arp(plc, plc.ip)
    with plant.tcp(caller, plc, 502) as talk:
        talk.client(bytes.fromhex("000100000006010300000002"))
        talk.server(bytes.fromhex("00010000000701030400070008"))


def ssh(plant: Plant, banner: bytes) -> None:
    """Both ends say their SSH version."""
    client, server = pair(plant)
    with plant.tcp(client, server, 22) as talk:
        talk.server(banner)
        talk.client(b"SSH-2.0-plant\r\n")


def _telnet(plant: Plant, user: str, password: str) -> None:
    telnet_log_in(plant, *pair(plant), user, password)


def _modbus_write(plant: Plant) -> None:
    hmi, plc = plant.hmi("10.0.0.9"), plant.station("10.0.0.20")
    hmi.writes(plc, register=1, value=7)


def _modbus_read(plant: Plant) -> None:
    hmi, plc = plant.hmi("10.0.0.9"), plant.station("10.0.0.20")
    hmi.reads(plc, register=1, values=(7, 8))


Scene = Callable[[Plant], None]

SCENES: dict[str, dict[str, Scene]] = {
    "cleartext_credentials": {
        "http_basic": lambda plant: http(plant, http_request("anna:s3cret-7"), http_answer("200 OK")),
        "telnet": lambda plant: _telnet(plant, "anna", "s3cret-7"),
        "no_password": lambda plant: http(plant, http_request(None), http_answer("200 OK")),
    },
    "controller_on_internet": {
        "read_from_outside": lambda plant: from_internet(plant, INTERNET),
        "read_from_inside": lambda plant: from_internet(plant, "10.9.9.9"),
    },
    "default_credentials": {
        "http_admin_admin": lambda plant: http(plant, http_request("admin:admin"), http_answer("200 OK")),
        "telnet_let_in": lambda plant: _telnet(plant, "root", "root"),
        "own_password": lambda plant: http(plant, http_request("admin:Zw3!kP0-plant"), http_answer("200 OK")),
    },
    "exposed_management": {
        "telnet": lambda plant: _telnet(plant, "anna", "s3cret-7"),
        "http_basic_offered": lambda plant: http(
            plant, http_request(None), http_answer("401 Unauthorized", 'WWW-Authenticate: Basic realm="Setup"')
        ),
        "ssh": lambda plant: ssh(plant, b"SSH-2.0-OpenSSH_9.2\r\n"),
    },
    "mqtt_unprotected": {
        "anonymous_let_in": lambda plant: mqtt(plant, mqtt_connect("sensor-7"), 0),
        "password_in_clear": lambda plant: mqtt(plant, mqtt_connect("sensor-7", "anna", "s3cret-7"), 0),
        "over_tls": lambda plant: tls(plant, 0x0303, 0xC02F),
    },
    "obsolete_encryption": {
        "tls_1_0_with_rc4": lambda plant: tls(plant, 0x0301, 0x0005),
        "ssh_1": lambda plant: ssh(plant, b"SSH-1.5-plant\r\n"),
        "tls_1_2": lambda plant: tls(plant, 0x0303, 0xC02F),
    },
    "ot_command": {
        "modbus_write": _modbus_write,
        "s7_stop": lambda plant: s7(plant, S7_STOP, answer=b"\x29"),
        "s7_download": s7_download,
        "bacnet_coldstart": lambda plant: bacnet_reinitialize(plant, 1, 0, BACNET_DONE),
        "bacnet_restores_refused": lambda plant: bacnet_reinitialize(plant, 6, 6, BACNET_WRONG_PASSWORD),
        "modbus_read": _modbus_read,
    },
    "scan_or_flood": {
        "thirty_ports": lambda plant: scan(plant, 30),
        "fifty_addresses_by_arp": lambda plant: sweep(plant, 50),
        "flood_from_many": lambda plant: flood(plant, 15_000, 60),
        "ten_ports": lambda plant: scan(plant, 10),
    },
    "snmp_default_community": {
        "public_answered": lambda plant: snmp_dialogue(plant, "public"),
        "private_set": lambda plant: snmp_dialogue(plant, "private", 0xA3),
        "own_community": lambda plant: snmp_dialogue(plant, "kP0-plant-Zw3"),
    },
    "weak_certificate": {
        "self_signed_and_expired": lambda plant: tls(
            plant, 0x0303, 0xC02F, certificate(until_year=2021, own_authority=False)
        ),
        "own_authority": lambda plant: tls(plant, 0x0303, 0xC02F, certificate(until_year=2040, own_authority=True)),
    },
}


def capture(rule: str, scene: str) -> bytes:
    """The capture of one scene."""
    plant = Plant()
    SCENES[rule][scene](plant)
    return plant.pcap()


if __name__ == "__main__":
    for name, scenes in SCENES.items():
        for scene_name in scenes:
            folder = VECTORS / name / scene_name
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "input.pcap").write_bytes(capture(name, scene_name))
