"""The demo's made cell: risks of which no real capture may be passed on. None of its devices exists.

``python -m tests.app.demo_cell`` writes ``vectors/demo/made_cell.pcap``; a test demands that the file is what this
module makes. MAC addresses are of the range for documentation, texts are such as devices of that kind say.
"""

from __future__ import annotations

from pathlib import Path

from tests.detect.traffic import (
    INTERNET,
    certificate,
    client_hello,
    http_answer,
    http_request,
    mqtt_connect,
    server_hello,
    telnet_log_in,
)
from tests.plant import Plant, Station, modbus

TARGET = Path(__file__).resolve().parents[2] / "vectors" / "demo" / "made_cell.pcap"
START = 1_760_006_600_000_000_000  # ns since 1970, within the demo's hour

__all__ = ["TARGET", "made_cell"]


def made_cell() -> bytes:
    """Return the capture."""
    plant = Plant(START)
    scada, pump, switch, ports, ups, broker, level = (
        plant.station(f"10.50.0.{host}") for host in (10, 20, 30, 31, 32, 40, 41)
    )
    laptop = plant.station("10.50.0.77")
    router = plant.station("10.50.0.1")
    for asking, asked in ((scada, pump), (scada, switch), (laptop, ports), (laptop, ups), (level, broker)):
        plant.arp(asking, asked.ip)
        plant.arp(asked, asked.ip, reply_to=asking)
    _controller(plant, scada, pump)
    _switch(plant, scada, switch)
    plant.wait(20)
    telnet_log_in(plant, laptop, ports, "admin", "admin", greeting=b"NPort 5110 console\r\nlogin: ")
    _ups(plant, laptop, ups)
    plant.wait(20)
    _broker(plant, level, broker)
    _scada_pages(plant, laptop, scada)
    plant.wait(20)
    _out_to_the_internet(plant, pump, router)
    return plant.pcap()


def _controller(plant: Plant, scada: Station, pump: Station) -> None:
    """A controller says who it is, is polled, and gets a set point."""
    texts = ((0, b"Schneider Electric"), (1, b"BMX P34 2020"), (2, b"V3.10"))
    objects = b"".join(bytes([number, len(text)]) + text for number, text in texts)
    requests = [b"\x2b\x0e\x01\x00"] + [b"\x03\x00\x00\x00\x04"] * 12 + [b"\x06\x00\x28\x03\xe8"]
    answers = [b"\x2b\x0e\x01\x01\x00\x00\x03" + objects]
    answers += [b"\x03\x08" + bytes([0, 40, 0, tick, 0, 7, 0, 0]) for tick in range(12)] + [requests[-1]]
    with plant.tcp(scada, pump, 502) as talk:
        for number, (request, answer) in enumerate(zip(requests, answers, strict=True), 1):
            talk.client(modbus(number, request))
            talk.server(modbus(number, answer))
            plant.wait(1)


def _switch(plant: Plant, scada: Station, switch: Station) -> None:
    """A switch tells everybody who knows ``public`` what it is."""
    name = bytes([0x06, 8, 0x2B, 6, 1, 2, 1, 1, 1, 0])
    text = b"Hirschmann Railswitch RS20 L2E-05.3.02"
    for pdu, value, ports in (
        (0xA0, b"\x05\x00", (40_161, 161)),
        (0xA2, b"\x04" + bytes([len(text)]) + text, (161, 40_161)),
    ):
        binding = name + value
        bindings = b"\x30" + bytes([len(binding) + 2]) + b"\x30" + bytes([len(binding)]) + binding
        body = b"\x02\x01\x07\x02\x01\x00\x02\x01\x00" + bindings
        message = b"\x02\x01\x01\x04\x06public" + bytes([pdu, len(body)]) + body
        ends = (scada, switch) if pdu == 0xA0 else (switch, scada)
        plant.udp(*ends, ports, b"\x30" + bytes([len(message)]) + message)


def _ups(plant: Plant, laptop: Station, ups: Station) -> None:
    """Somebody reads a supply's page with a password that all can read."""
    page = b"<html><head><title>Smart-UPS 1500 RM</title></head><body>Line 231 V</body></html>"
    with plant.tcp(laptop, ups, 80) as talk:
        talk.client(http_request(None, "/status.htm"))
        talk.server(http_answer("401 Unauthorized", 'WWW-Authenticate: Basic realm="Smart-UPS"'))
        talk.client(http_request("service:Kornblume-9", "/status.htm"))
        head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {len(page)}\r\n\r\n"
        talk.server(head.encode() + page)


def _broker(plant: Plant, level: Station, broker: Station) -> None:
    """A level sensor publishes to a broker that lets anyone in."""
    topic, text = b"hall-7/tank-2/level", b"412"
    body = len(topic).to_bytes(2, "big") + topic + text
    with plant.tcp(level, broker, 1883) as talk:
        talk.client(mqtt_connect("ESP8266-4f21c0"))
        talk.server(b"\x20\x02\x00\x00")
        for _ in range(6):
            talk.client(bytes([0x30, len(body)]) + body)
            plant.wait(2)


def _scada_pages(plant: Plant, laptop: Station, scada: Station) -> None:
    """The operator pages come by TLS 1.0 with a certificate that expired."""
    with plant.tcp(laptop, scada, 443) as talk:
        talk.client(client_hello(0x0301, (0x000A, 0xC013)))
        talk.server(server_hello(0x0301, 0x000A, certificate(until_year=2021, own_authority=False)))


def _out_to_the_internet(plant: Plant, pump: Station, router: Station) -> None:
    """The controller asks a resolver on the internet for its maker's time service."""
    resolver = Station(INTERNET, router.mac)
    query = bytes.fromhex("00070100000100000000000004") + b"time\x06vendor\x07example\x00\x00\x01\x00\x01"
    plant.udp(pump, resolver, (50_123, 53), query)
    plant.udp(resolver, pump, (53, 50_123), query[:2] + b"\x81\x83" + query[4:])


if __name__ == "__main__":
    TARGET.write_bytes(made_cell())
