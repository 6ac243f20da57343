"""What protocols say, as bytes: requests and answers of OT, building, office and management protocols."""

from __future__ import annotations

import struct
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

# --- Modbus ---------------------------------------------------------------------------------------------------------


def modbus(transaction: int, pdu: bytes, unit: int = 1) -> bytes:
    """A Modbus/TCP message."""
    return struct.pack(">HHHB", transaction, 0, len(pdu) + 1, unit) + pdu


def modbus_identity(texts: tuple[str, ...]) -> bytes:
    """The answer to Read Device Identification: vendor, product code, revision …"""
    rows = b"".join(struct.pack(">BB", at, len(text)) + text.encode() for at, text in enumerate(texts))
    return bytes([43, 14, 1, 1, 0, 0, len(texts)]) + rows


# --- S7comm ---------------------------------------------------------------------------------------------------------


def tpkt(body: bytes) -> bytes:
    """RFC 1006."""
    return struct.pack(">BBH", 3, 0, len(body) + 4) + body


S7_CONNECT = (
    tpkt(bytes.fromhex("11e00000000100c0010ac1020100c2020102")),
    tpkt(bytes.fromhex("11d00001000200c0010ac1020100c2020102")),
)


def s7(kind: int, reference: int, parameters: bytes, data: bytes = b"") -> bytes:
    """An S7comm PDU: 1 job, 3 answer, 7 userdata."""
    errors = b"\0\0" if kind == 3 else b""
    head = struct.pack(">BBHHHH", 0x32, kind, 0, reference, len(parameters), len(data))
    return tpkt(b"\x02\xf0\x80" + head + errors + parameters + data)


def s7_read(reference: int, block: int, offset: int, size: int, values: bytes) -> tuple[bytes, bytes]:
    """Read bytes of a data block, and the answer."""
    item = struct.pack(">BBBBHHB", 0x12, 10, 0x10, 2, size, block, 0x84) + (offset * 8).to_bytes(3, "big")
    return (
        s7(1, reference, b"\x04\x01" + item),
        s7(3, reference, b"\x04\x01", struct.pack(">BBH", 0xFF, 4, 8 * size) + values),
    )


def s7_module(reference: int, order: str) -> tuple[bytes, bytes]:
    """Read system status list 0x0011 and the answer: order number and firmware."""
    number = order.encode().ljust(20)
    records = b"".join(struct.pack(">H", at) + number + b"\0\0" + version for at, version in _S7_VERSIONS)
    listed = struct.pack(">HHHH", 0x0011, 0, 28, len(_S7_VERSIONS)) + records
    return (
        s7(7, reference, bytes.fromhex("0001120411440100"), bytes.fromhex("ff09000400110000")),
        s7(7, reference, bytes.fromhex("000112081284010100000000"), struct.pack(">BBH", 255, 9, len(listed)) + listed),
    )


_S7_VERSIONS = ((1, b"\x00\x01\x00\x01"), (6, b"\x00\x04\x00\x01"), (7, b"V\x03\x02\x06"))

# --- EtherNet/IP ----------------------------------------------------------------------------------------------------


def enip(command: int, session: int, body: bytes) -> bytes:
    """An encapsulation message."""
    return struct.pack("<HHII8xI", command, len(body), session, 0, 0) + body


def cip(session: int, message: bytes) -> bytes:
    """An unconnected CIP message in SendRRData."""
    return enip(0x6F, session, struct.pack("<IHHHHHH", 0, 5, 2, 0, 0, 0xB2, len(message)) + message)


def cip_read(session: int, tag: str, value: int) -> tuple[bytes, bytes]:
    """Read a tag and the answer."""
    name = tag.encode()
    path = bytes([0x91, len(name)]) + name + (b"\0" if len(name) & 1 else b"")
    request = bytes([0x4C, len(path) // 2]) + path + b"\x01\x00"
    return cip(session, request), cip(session, b"\xcc\0\0\0\xc4\0" + struct.pack("<i", value))


def cip_identity(product: str, serial: int) -> bytes:
    """The attributes of an Identity object: a controller of vendor 1."""
    return struct.pack("<HHHBBHIB", 1, 14, 92, 20, 11, 0x60, serial, len(product)) + product.encode()


def list_identity(packed_ip: bytes, product: str, serial: int) -> bytes:
    """The answer to ListIdentity."""
    body = struct.pack("<H", 1) + struct.pack(">HH", 2, 44_818) + packed_ip + bytes(8)
    body += cip_identity(product, serial) + b"\x03"
    return enip(0x63, 0, struct.pack("<HHH", 1, 0x0C, len(body)) + body)


def io(connection: int, sequence: int, data: bytes) -> bytes:
    """Cyclic data of a class 1 connection."""
    head = struct.pack("<HHHII", 2, 0x8002, 8, connection, sequence)
    return head + struct.pack("<HHH", 0xB1, len(data) + 2, sequence & 0xFFFF) + data


# --- BACnet ---------------------------------------------------------------------------------------------------------


def bacnet(function: int, npdu: bytes) -> bytes:
    """A BACnet/IP message."""
    return struct.pack(">BBH", 0x81, function, len(npdu) + 4) + npdu


BACNET_WHO_IS = bacnet(0x0B, b"\x01\x00\x10\x08")


def _object(kind: int, instance: int) -> bytes:
    return struct.pack(">I", kind << 22 | instance)


def bacnet_i_am(instance: int, vendor: int) -> bytes:
    """I-Am."""
    body = b"\x10\x00\xc4" + _object(8, instance) + b"\x22\x05\xc4\x91\x03\x21" + bytes([vendor])
    return bacnet(0x0B, b"\x01\x00" + body)


def bacnet_read(invoke: int, thing: tuple[int, int], property_id: int, value: bytes) -> tuple[bytes, bytes]:
    """ReadProperty and the answer; ``value`` is tagged."""
    what = b"\x0c" + _object(*thing) + b"\x19" + bytes([property_id])
    ask = bacnet(0x0A, b"\x01\x04\x00\x05" + bytes([invoke, 0x0C]) + what)
    return ask, bacnet(0x0A, b"\x01\x00\x30" + bytes([invoke, 0x0C]) + what + b"\x3e" + value + b"\x3f")


def bacnet_real(value: float) -> bytes:
    """A tagged real."""
    return b"\x44" + struct.pack(">f", value)


def bacnet_text(text: str) -> bytes:
    """A tagged character string."""
    return bytes([0x75, len(text) + 1, 0]) + text.encode()


def bacnet_changed(device: int, thing: tuple[int, int], value: float) -> bytes:
    """An unconfirmed notice of a changed value."""
    body = b"\x10\x02\x09\x07\x1c" + _object(8, device) + b"\x2c" + _object(*thing) + b"\x39\x00\x4e"
    body += b"\x09\x55\x2e" + bacnet_real(value) + b"\x2f\x09\x6f\x2e\x82\x04\x00\x2f\x4f"
    return bacnet(0x0A, b"\x01\x00" + body)


# --- MQTT -----------------------------------------------------------------------------------------------------------


def _text(text: str) -> bytes:
    return struct.pack(">H", len(text)) + text.encode()


def mqtt_connect(client: str) -> bytes:
    """An MQTT 3.1.1 CONNECT."""
    body = _text("MQTT") + b"\x04\x02\x00\x3c" + _text(client)
    return bytes([0x10, len(body)]) + body


def mqtt_publish(topic: str, number: int, payload: bytes) -> tuple[bytes, bytes]:
    """A PUBLISH with QoS 1 and its PUBACK."""
    body = _text(topic) + struct.pack(">H", number) + payload
    return bytes([0x32, len(body)]) + body, struct.pack(">BBH", 0x40, 2, number)


# --- SNMP -----------------------------------------------------------------------------------------------------------


def ber(tag: int, content: bytes) -> bytes:
    """One BER element."""
    size = bytes([len(content)]) if len(content) < 128 else b"\x82" + struct.pack(">H", len(content))
    return bytes([tag]) + size + content


def snmp(community: str, request: int, rows: list[tuple[bytes, bytes]], pdu: int) -> bytes:
    """An SNMP v2c message: 0xA0 asks, 0xA2 answers."""
    bindings = ber(0x30, b"".join(ber(0x30, ber(6, name) + value) for name, value in rows))
    body = ber(2, struct.pack(">I", request & 0x7FFFFFFF)) + b"\x02\x01\x00\x02\x01\x00" + bindings
    return ber(0x30, b"\x02\x01\x01" + ber(4, community.encode()) + ber(pdu, body))


def snmp_dialogue(community: str, request: int, rows: list[tuple[bytes, bytes]]) -> tuple[bytes, bytes]:
    """A Get and its answer."""
    return (
        snmp(community, request, [(name, b"\x05\x00") for name, _ in rows], 0xA0),
        snmp(community, request, rows, 0xA2),
    )


SYS_DESCRIPTION = bytes.fromhex("2b06010201010100")
SYS_UP_TIME = bytes.fromhex("2b06010201010300")


def octets(interface: int, outgoing: bool) -> bytes:
    """The name of ifInOctets or ifOutOctets of an interface."""
    return bytes.fromhex("2b0601020102020110" if outgoing else "2b060102010202010a") + bytes([interface])


# --- DNS, mDNS ------------------------------------------------------------------------------------------------------


def name(text: str) -> bytes:
    """A DNS name."""
    return b"".join(bytes([len(label)]) + label.encode() for label in text.split(".")) + b"\0"


def dns(transaction: int, host: str, kind: int, packed_ip: bytes | None) -> bytes:
    """A question, or its answer where there is an address."""
    question = name(host) + struct.pack(">HH", kind, 1)
    if packed_ip is None:
        return struct.pack(">HHHHHH", transaction, 0x0100, 1, 0, 0, 0) + question
    answer = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 300, 4) + packed_ip if kind == 1 else b""
    return struct.pack(">HHHHHH", transaction, 0x8180, 1, int(kind == 1), 0, 0) + question + answer


def mdns(service: str, instance: str, host: str, packed_ip: bytes) -> bytes:
    """An announcement of a service: PTR and A."""
    target = name(f"{instance}.{service}")
    rows = name(service) + struct.pack(">HHIH", 12, 1, 4500, len(target)) + target
    rows += name(host) + struct.pack(">HHIH", 1, 0x8001, 120, 4) + packed_ip
    return struct.pack(">HHHHHH", 0, 0x8400, 0, 2, 0, 0) + rows


# --- DHCP -----------------------------------------------------------------------------------------------------------


def dhcp(reply: bool, transaction: int, mac: bytes, packed_ip: bytes, server: bytes, texts: tuple[str, str]) -> bytes:
    """A REQUEST that renews, or the ACK; ``texts`` are host name and vendor class."""
    own = packed_ip
    head = struct.pack(">BBBBIHH", 2 if reply else 1, 1, 6, 0, transaction, 0, 0) + own
    head += (own if reply else bytes(4)) + bytes(8) + mac + bytes(10 + 192) + b"\x63\x82\x53\x63"
    if reply:
        network = own[:3] + b"\x01"
        options = b"\x35\x01\x05\x36\x04" + server + b"\x33\x04\x00\x00\x0e\x10\x01\x04\xff\xff\xff\x00\x03\x04"
        options += network
    else:
        host, vendor = (text.encode() for text in texts)
        options = b"\x35\x01\x03\x3d\x07\x01" + mac + bytes([12, len(host)]) + host
        options += bytes([60, len(vendor)]) + vendor + b"\x37\x06\x01\x03\x06\x0f\x2a\x2c"
    return head + options + b"\xff"


# --- TLS ------------------------------------------------------------------------------------------------------------


def tls_record(kind: int, version: int, body: bytes) -> bytes:
    """A TLS record."""
    return struct.pack(">BHH", kind, version, len(body)) + body


def _handshake(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + len(body).to_bytes(3, "big") + body


def _extension(kind: int, body: bytes) -> bytes:
    return struct.pack(">HH", kind, len(body)) + body


_CIPHERS = bytes.fromhex("130113021303c02bc02fc02cc030cca9cca8c013c014009c009d002f0035")


def client_hello(host: str, salt: bytes, modern: bool) -> bytes:
    """A ClientHello of a browser (``modern``) or of an embedded client."""
    server = host.encode()
    extensions = _extension(0, struct.pack(">HBH", len(server) + 3, 0, len(server)) + server)
    extensions += _extension(10, bytes.fromhex("0006001d00170018")) + _extension(11, b"\x01\x00")
    extensions += _extension(13, bytes.fromhex("000804030804040105030805"))
    if modern:
        extensions += _extension(16, b"\x00\x0c\x02h2\x08http/1.1") + _extension(43, b"\x04\x03\x04\x03\x03")
        extensions += _extension(51, b"\x00\x24\x00\x1d\x00\x20" + salt)
    suites = _CIPHERS if modern else _CIPHERS[6:]
    body = b"\x03\x03" + salt + b"\x20" + salt + struct.pack(">H", len(suites)) + suites + b"\x01\x00"
    body += struct.pack(">H", len(extensions)) + extensions
    return tls_record(22, 0x0301, _handshake(1, body))


def server_hello(salt: bytes, certificate: bytes | None) -> bytes:
    """A ServerHello: TLS 1.3, or TLS 1.2 with a certificate in clear."""
    if certificate is None:
        extensions = _extension(43, b"\x03\x04") + _extension(51, b"\x00\x1d\x00\x20" + salt)
        body = b"\x03\x03" + salt + b"\x20" + salt + b"\x13\x01\x00" + struct.pack(">H", len(extensions)) + extensions
        return tls_record(22, 0x0303, _handshake(2, body)) + tls_record(20, 0x0303, b"\x01")
    body = b"\x03\x03" + salt + b"\x20" + salt + b"\xc0\x2f\x00"
    one = len(certificate).to_bytes(3, "big") + certificate
    messages = _handshake(2, body) + _handshake(11, len(one).to_bytes(3, "big") + one) + _handshake(14, b"")
    return tls_record(22, 0x0303, messages)


def certificate(common_name: str, number: int) -> bytes:
    """A self-signed certificate, the same bytes each time."""
    key = ec.derive_private_key(0x10_0000 + number, ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    builder = builder.serial_number(1000 + number).not_valid_before(datetime(2024, 1, 1, tzinfo=UTC))
    builder = builder.not_valid_after(datetime(2034, 1, 1, tzinfo=UTC))
    return builder.sign(key, hashes.SHA256(), ecdsa_deterministic=True).public_bytes(Encoding.DER)


# --- texts ----------------------------------------------------------------------------------------------------------


def http_get(host: str, path: str, agent: str) -> bytes:
    """A request."""
    return f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {agent}\r\nAccept: */*\r\n\r\n".encode()


def http_page(server: str, title: str, size: int) -> bytes:
    """An answer with a page of some size."""
    body = f"<html><head><title>{title}</title></head><body>".encode().ljust(size, b".") + b"</body></html>"
    head = ["HTTP/1.1 200 OK", f"Server: {server}", "Content-Type: text/html", f"Content-Length: {len(body)}"]
    return ("\r\n".join(head) + "\r\n\r\n").encode() + body


def rtsp(method: str, url: str, sequence: int, session: str = "") -> tuple[bytes, bytes]:
    """A request and its answer."""
    more = f"Session: {session}\r\n" if session else ""
    ask = f"{method} {url} RTSP/1.0\r\nCSeq: {sequence}\r\nUser-Agent: recorder\r\n{more}\r\n"
    return ask.encode(), f"RTSP/1.0 200 OK\r\nCSeq: {sequence}\r\nServer: camera\r\n{more}\r\n".encode()


def ssdp_alive(packed: str, server: str, unique: str) -> bytes:
    """A notification."""
    return (
        f"NOTIFY * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nCACHE-CONTROL: max-age=1800\r\n"
        f"LOCATION: http://{packed}:80/desc.xml\r\nNT: upnp:rootdevice\r\nNTS: ssdp:alive\r\n"
        f"SERVER: {server}\r\nUSN: uuid:{unique}::upnp:rootdevice\r\n\r\n"
    ).encode()


def ssh_kex(salt: bytes) -> bytes:
    """A KEXINIT."""
    lists = (
        "curve25519-sha256,ecdh-sha2-nistp256",
        "ssh-ed25519,rsa-sha2-512",
        *("chacha20-poly1305@openssh.com,aes128-ctr",) * 2,
        *("hmac-sha2-256",) * 2,
        *("none",) * 2,
        "",
        "",
    )
    body = b"\x14" + salt[:16] + b"".join(struct.pack(">I", len(each)) + each.encode() for each in lists) + bytes(5)
    padding = 8 - (len(body) + 5) % 8 + 8
    return struct.pack(">IB", len(body) + padding + 1, padding) + body + bytes(padding)
