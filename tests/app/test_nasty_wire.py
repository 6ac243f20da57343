"""The corpus of nasty strings on the wire: from a capture through every output of the command."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from tests.app.plant import nasty_texts
from tests.app.test_escape import harmless
from tests.detect.traffic import mqtt_connect
from tests.plant import Plant
from tests.program import Finished, ringfence

WORDS = [text.encode("utf-8", "surrogatepass")[:90] for text in nasty_texts() if text]


def capture() -> bytes:
    """Say each string as user agent, server, title, client id, topic, SNMP name and Telnet greeting."""
    plant = Plant()
    manager = plant.station("10.77.0.1")
    for number, word in enumerate(WORDS):
        device = plant.station(f"10.77.1.{number + 1}", f"02:00:5e:00:53:{number:02x}")
        line = re.sub(rb"[\r\n]", b" ", word)
        with plant.tcp(manager, device, 80) as talk:
            talk.client(
                b"GET /" + line.replace(b" ", b"_") + b" HTTP/1.1\r\nHost: x\r\nUser-Agent: " + line + b"\r\n\r\n"
            )
            body = b"<html><head><title>" + word + b"</title></head></html>"
            head = b"HTTP/1.1 200 OK\r\nServer: " + line + b"\r\nContent-Type: text/html\r\nContent-Length: "
            talk.server(head + str(len(body)).encode() + b"\r\n\r\n" + body)
        with plant.tcp(device, manager, 1883) as talk:
            talk.client(mqtt_connect("x", "u", "p").replace(b"\x00\x01x", len(word).to_bytes(2, "big") + word))
            topic = len(word).to_bytes(2, "big") + word + b"1"
            talk.client(bytes([0x30, len(topic)]) + topic)
        with plant.tcp(manager, device, 23) as talk:
            talk.server(word + b"\r\nlogin: ")
            talk.client(word + b"\r\n")
        binding = bytes([0x06, 8, 0x2B, 6, 1, 2, 1, 1, 5, 0, 0x04, len(word)]) + word
        bindings = b"\x30\x81" + bytes([len(binding) + 3]) + b"\x30\x81" + bytes([len(binding)]) + binding
        pdu = b"\x02\x01\x07\x02\x01\x00\x02\x01\x00" + bindings
        message = b"\x02\x01\x01\x04\x06public\xa2\x81" + bytes([len(pdu)]) + pdu
        plant.udp(device, manager, (161, 40_161), b"\x30\x81" + bytes([len(message)]) + message)
    return plant.pcap()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Finished, Path]:
    folder = tmp_path_factory.mktemp("nasty")
    (folder / "wire.pcap").write_bytes(capture())
    names = ("json", "html", "observations", "flows", "transactions")
    outputs = [word for name in names for word in (f"--{name}", folder / name)]
    done = ringfence("analyze", folder / "wire.pcap", *outputs)
    assert done.code == 0, done.error
    return done, folder


def test_the_strings_reached_the_devices(run: tuple[Finished, Path]) -> None:
    # Otherwise all other tests here would be idle.
    text = (run[1] / "json").read_text(encoding="utf-8")
    for canary in ("window.__canary", "DROP TABLE", "\\u001b", "onerror"):
        assert canary in text, canary
    assert len(json.loads(text)["devices"]) > len(WORDS) // 2


def test_the_terminal_is_directed_by_nobody(run: tuple[Finished, Path]) -> None:
    done, _ = run
    assert all(harmless(line) for line in (done.out + done.error).split("\n"))
    assert done.out.endswith("Nothing was sent to any network.\n")


def test_json_is_valid(run: tuple[Finished, Path]) -> None:
    raw = (run[1] / "json").read_bytes()
    assert json.loads(raw.decode("utf-8"))["devices"]
    # One device, finding or conversation to a line: a string that ends a line would be seen here.
    assert all(line.rstrip(b",").endswith((b"}", b"]", b"[", b"{", b"1", b'"')) for line in raw.splitlines() if line)


def test_observations_are_one_record_a_line(run: tuple[Finished, Path]) -> None:
    lines = (run[1] / "observations").read_bytes().decode("utf-8").split("\n")
    rows = [json.loads(line) for line in lines if line]
    assert len(rows) > 3 * len(WORDS)
    assert all(row["kind"] and row["subject"]["address"] for row in rows)


def test_html_has_no_element_of_the_capture(run: tuple[Finished, Path]) -> None:
    text = (run[1] / "html").read_text(encoding="utf-8")
    start = text.index('<script type="application/json" id="data">')
    before, data = text[:start], text[start:].split(">", 1)[1].split("</script>", 1)[0]
    assert "<" not in data
    assert json.loads(data)["devices"]
    assert text.count("</script>") == 2
    markup = set(re.findall(r"</?([a-zA-Z][^\s>]*)", before[before.index("<noscript") :]))
    assert markup <= {"noscript", "main", "h1", "h2", "p", "b", *"table caption thead tbody tr th td".split()}


def test_flows_and_transactions_can_be_read(run: tuple[Finished, Path]) -> None:
    import polars

    for name in ("flows", "transactions"):
        assert polars.read_parquet(run[1] / name).height > len(WORDS)


@pytest.mark.parametrize("packet", [4, 6, 15, 18])
def test_one_packet_is_explained_harmlessly(run: tuple[Finished, Path], packet: int) -> None:
    done = ringfence("explain", run[1] / "wire.pcap", "--packet", str(packet))
    assert done.code == 0, done.error
    assert all(harmless(line) for line in done.out.split("\n"))
