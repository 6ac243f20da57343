"""Make a capture like that of a plant: cyclic polling in four cells, a building, cameras, an office, management.

usage: python bench/make_plant.py OUT.pcap [--devices 300] [--packets 10000000] [--seed 1]

The same arguments give the same bytes. Some 570 packets a second of capture time for 300 devices, so that ten million
are five hours. OUT may be ``-``. Everything is made up; makers' MAC prefixes are real, the rest of each MAC is drawn.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.traffic import actors, words
from bench.traffic.wire import Actor, Host, Wire

CELLS = ("cell-1", "cell-2", "cell-3", "cell-4")
NETWORKS = {
    **{cell: f"10.10.{at + 1}" for at, cell in enumerate(CELLS)},
    "building": "10.20.0",
    "security": "10.30.0",
    "office": "10.40.0",
    "servers": "10.50.0",
    "network": "10.60.0",
}
# Maker's prefix, for devices of a kind: zone, how many of 300, hop limit.
KINDS: dict[str, tuple[str, str, int, int]] = {
    "modbus-plc": ("00:80:f4", "cells", 60, 64),
    "s7-plc": ("00:1b:1b", "cells", 36, 30),
    "cip-plc": ("00:00:bc", "cells", 24, 64),
    "remote-io": ("00:00:bc", "cells", 12, 64),
    "hmi": ("00:1b:1b", "cells", 16, 128),
    "scada": ("d0:94:66", "servers", 2, 128),
    "historian": ("d0:94:66", "servers", 1, 128),
    "engineering": ("3c:52:82", "servers", 3, 128),
    "building-head": ("00:10:8d", "building", 1, 64),
    "air-handler": ("00:10:8d", "building", 40, 64),
    "recorder": ("44:19:b6", "security", 1, 64),
    "camera": ("ac:cc:8e", "security", 24, 64),
    "printer": ("94:57:a5", "office", 10, 64),
    "workstation": ("d4:be:d9", "office", 40, 128),
    "gateway": ("00:d0:c9", "servers", 14, 64),
    "broker": ("52:54:00", "servers", 1, 64),
    "switch": ("ec:74:ba", "network", 12, 255),
    "manager": ("52:54:00", "servers", 1, 64),
    "resolver": ("52:54:00", "servers", 1, 128),
    "clock": ("00:06:6f", "servers", 1, 64),
}
PUBLIC = ("mail.example.com", "updates.example.net", "www.example.org", "cloud.example.io", "video.example.com")
DHCP_CLASS = {"workstation": "MSFT 5.0", "printer": "Hewlett-Packard JetDirect", "camera": "AXIS,Network Camera"}
SERVICE = {"printer": ("_ipp._tcp", "LaserJet M507"), "camera": ("_axis-video._tcp", "AXIS P3245")}


class Population:
    """The hosts, by kind."""

    def __init__(self, devices: int, dice: Random) -> None:
        self._dice = dice
        self._used = dict.fromkeys(NETWORKS, 1)
        self.router = Host("10.60.0.1", bytes.fromhex("00000c07ff01"), "network", 255, "core")
        self.kinds: dict[str, list[Host]] = {}
        for kind, (prefix, zone, share, ttl) in KINDS.items():
            count = max(1, round(share * devices / 300))
            zones = CELLS if zone == "cells" else (zone,)
            self.kinds[kind] = [self._host(kind, at, prefix, zones[at % len(zones)], ttl) for at in range(count)]

    def _host(self, kind: str, at: int, prefix: str, zone: str, ttl: int) -> Host:
        self._used[zone] += 1
        number = self._used[zone]
        base = NETWORKS[zone].split(".")
        ip = f"{base[0]}.{base[1]}.{int(base[2]) + number // 250 * 10}.{number % 250 + 1}"
        mac = bytes.fromhex(prefix.replace(":", "")) + self._dice.randbytes(3)
        return Host(ip, mac, zone, ttl, f"{kind}-{at + 1}")

    def one(self, kind: str) -> Host:
        """The only one, or the first."""
        return self.kinds[kind][0]

    def master_of(self, host: Host) -> Host:
        """The operator station of a controller's cell, or any."""
        near = [hmi for hmi in self.kinds["hmi"] if hmi.zone == host.zone]
        return self._dice.choice(near or self.kinds["hmi"])


def habits(wire: Wire, people: Population, dice: Random) -> list[tuple[float, Actor]]:
    """Everybody's habits with the time of the first act."""
    rows: list[Actor] = []
    scada = people.one("scada")

    def own() -> Random:
        return Random(dice.getrandbits(64))  # noqa: S311 Reproducible, not secret.

    for at, plc in enumerate(people.kinds["modbus-plc"]):
        product = ("TM221CE24R", "BMXP342020", "TM241CE40T")[at % 3]
        rows.append(actors.polls_modbus(wire, own(), people.master_of(plc), plc, product, 1.0, at % 4 == 0))
        rows.append(actors.polls_modbus(wire, own(), scada, plc, product, 10.0, False))
    for at, plc in enumerate(people.kinds["s7-plc"]):
        order = ("6ES7 315-2EH14-0AB0", "6ES7 214-1AG40-0XB0", "6ES7 416-3XR05-0AB0")[at % 3]
        rows.append(actors.polls_s7(wire, own(), people.master_of(plc), plc, order, 1.0))
    for at, plc in enumerate(people.kinds["cip-plc"]):
        product = ("1756-L61/B LOGIX5561", "1769-L33ER/A LOGIX5333ER")[at % 2]
        rows.append(actors.polls_cip(wire, own(), people.master_of(plc), plc, product, 1.0))
    for at, remote in enumerate(people.kinds["remote-io"]):
        plc = people.kinds["cip-plc"][at % len(people.kinds["cip-plc"])]
        rows.append(actors.drives_io(wire, own(), plc, remote, 0.5))
    head = people.one("building-head")
    for at, device in enumerate(people.kinds["air-handler"]):
        rows.append(actors.polls_bacnet(wire, own(), head, device, (100 + at, "Trane", "UC400"), 5.0))
    for camera in people.kinds["camera"]:
        rows.append(actors.watches(wire, own(), people.one("recorder"), camera, 2.0))
    for gateway in people.kinds["gateway"]:
        rows.append(actors.publishes(wire, own(), gateway, people.one("broker"), 2.0))
    for agent in people.kinds["switch"]:
        rows.append(actors.manages(wire, own(), people.one("manager"), agent, "plant-ro", 60.0))
    rows += [actors.reads_historian(wire, own(), people.one("historian"), each, 1.0) for each in people.kinds["scada"]]
    rows += office(wire, people, dice)
    return [(dice.uniform(0.0, 30.0), row) for row in rows]


def office(wire: Wire, people: Population, dice: Random) -> list[Actor]:
    """What people do, and what every host does by itself."""

    def own() -> Random:
        return Random(dice.getrandbits(64))  # noqa: S311 Reproducible, not secret.

    rows: list[Actor] = []
    sites: list[tuple[Host, bytes | None]] = [
        (Host(f"9.9.{at}.{at + 7}", bytes(6), "internet", 64, name), None) for at, name in enumerate(PUBLIC)
    ]
    inside: list[tuple[Host, bytes | None]] = [(printer, None) for printer in people.kinds["printer"]]
    for at, host in enumerate((people.one("historian"), *people.kinds["camera"][:4])):
        inside.append((host, words.certificate(f"{host.name}.plant.example", at)))
    resolver = people.one("resolver")
    for station in people.kinds["workstation"]:
        rows.append(actors.browses(wire, own(), station, resolver, sites + inside, 45.0))
    targets = (*people.kinds["switch"], people.one("broker"), people.one("manager"))
    for station in people.kinds["engineering"]:
        rows += [actors.engineers(wire, own(), station, target, 3600.0) for target in targets]
    for kind, hosts in people.kinds.items():
        for at, host in enumerate(hosts):
            near = hosts[(at + len(NETWORKS)) % len(hosts)]
            neighbour = near if near.zone == host.zone else host
            helpers = (neighbour, people.one("clock"), resolver)
            rows.append(actors.keeps_house(wire, own(), host, helpers, DHCP_CLASS.get(kind, "")))
            if kind in SERVICE:
                rows.append(actors.announces(wire, own(), host, *SERVICE[kind]))
    return rows


def main() -> None:
    """Make it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out")
    parser.add_argument("--devices", type=int, default=300)
    parser.add_argument("--packets", type=int, default=10_000_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    dice = Random(arguments.seed)  # noqa: S311 Reproducible, not secret.
    people = Population(arguments.devices, dice)
    with sys.stdout.buffer if arguments.out == "-" else Path(arguments.out).open("wb", buffering=1 << 20) as out:
        wire = Wire(out, people.router)
        wire.run(habits(wire, people, dice), arguments.packets)
    sys.stderr.write(f"{wire.frames:,} packets of {sum(map(len, people.kinds.values()))} devices\n")


if __name__ == "__main__":
    main()
