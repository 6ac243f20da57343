"""Fills a store with a made fleet: devices, claims, observations, conversations and talkers by the hour.

Everything goes through the writers that the pipeline uses, in bulk: what is measured afterwards lies as it would in a
plant. The same number gives the same fleet.

Usage: ``python bench/make_fleet.py URL [--devices N] [--claims N] [--peers N] [--hours N]``
"""

from __future__ import annotations

import argparse
import random
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b

from ringfence.model.device import Claim, Device, Role
from ringfence.model.finding import DeviceRole, Finding, Severity
from ringfence.model.flow import Conversation, Operation
from ringfence.model.observation import Address, Observation, PacketReference, Part
from ringfence.model.scope import EVERYWHERE
from ringfence.store import bulk, places
from ringfence.store.database import Database
from ringfence.store.findings import save_findings
from ringfence.store.inventory import save_devices
from ringfence.store.migrate import upgrade
from ringfence.store.observations import save_observations
from ringfence.store.schema.inventory import device as device_table
from ringfence.store.schema.traffic import talker, talker_day
from ringfence.store.traffic import save_conversations
from ringfence.store.unit import UnitOfWork

__all__ = ["NOW", "Fleet", "fill"]

NOW = 1_795_000_000_000_000_000  # ns since 1970
SECOND = 1_000_000_000
HOUR = 3_600 * SECOND
SITES = 20
ZONES = 10  # of each site
_CLASSES = (
    *(("plc", "Rockwell Automation", "1756-L61"), ("plc", "Siemens", "S7-1500"), ("hmi", "Siemens", "KTP700")),
    *(("drive", "ABB", "ACS880"), ("remote_io", "WAGO", "750-352"), ("robot", "KUKA", "KR C4")),
    *(("ip_camera", "Axis", "P3245"), ("printer", "HP", "M607"), ("switch", "Hirschmann", "RS20")),
    *(("infusion_pump", "B. Braun", "Space"), ("patient_monitor", "Philips", "MX450"), ("unknown", None, None)),
)
_PROTOCOLS = (("enip", 44818), ("modbus", 502), ("s7comm", 102), ("http", 80), ("dns", 53), ("mqtt", 1883))
_CHUNK = 5_000


@dataclass(frozen=True, slots=True)
class Fleet:
    """How large."""

    devices: int = 100_000
    claims: int = 50  # of each device
    peers: int = 10  # conversations of each device
    hours: int = 720
    pairs: int = 20_000  # pairs that talk in an hour


def part(value: str, kind: str) -> Part:
    """A part as the core names it."""
    return Part("p-" + blake2b(f"{kind} {value}".encode(), digest_size=8).hexdigest(), Address("fleet", kind, value))


def parts_of(number: int) -> tuple[Part, Part]:
    """The MAC and the IP address of a device."""
    mac = f"02:00:{number >> 24:02x}:{number >> 16 & 255:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"
    return part(mac, "mac"), part(f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}", "ipv4")


def made_device(number: int, claims: int, last: int = NOW) -> Device:
    """One device; what it is depends on its number alone."""
    chance = random.Random(number)  # noqa: S311 The same fleet each time is what is wanted.
    kind, vendor, model = _CLASSES[chance.randrange(len(_CLASSES))]
    mac, ip = parts_of(number)
    first = NOW - chance.randrange(1, 400) * 24 * HOUR
    said = tuple(
        Claim(
            ("class", "vendor", "model", "firmware", "name")[at % 5],
            f"{(kind, vendor, model, '1.2.3', f'unit {number}')[at % 5]}",
            0.2 + (at % 7) / 10,
            f"clue_{at % 15}",
            f"It told {model or 'nothing'} in answer {at} of its list, as in packet {number * 7 + at}.",
            first,
            last,
        )
        for at in range(claims)
    )
    return Device(
        id="d-" + mac.id[2:],
        parts=(mac, ip),
        name=f"{kind}-{number:06d}",
        device_class=kind,
        vendor=vendor,
        product=model,
        model=model,
        firmware=f"{number % 9}.{number % 13}.{number % 100}",
        serial=f"{number * 2_654_435_761 & 0xFFFFFFFF:08X}",
        purdue_level=float(number % 4),
        confidence=0.5 + (number % 50) / 100,
        roles=(Role("enip", "server"), Role("http", "client")),
        macs=(mac.address.value,),
        ips=(ip.address.value,),
        names=(f"{kind}-{number:06d}.plant.example",),
        first=first,
        last=last - chance.randrange(0, 40 * 24) * HOUR,
        claims=said,
        domain="fleet",
    )


def made_fact(number: int, window: int = 0, kind: int = 0) -> Observation:
    """One observation of a device."""
    _, ip = parts_of(number)
    at = NOW + window * 300 * SECOND
    value = {"vendor_name": "Rockwell Automation", "product_name": "1756-L61", "serial": number, "answer": kind}
    packets = (PacketReference(at, 0, number + 1, 0, 120),)
    return Observation("enip.identity", ip, None, value, 3, at, at + SECOND, packets)


def _conversations(fleet: Fleet, numbers: range) -> Iterator[Conversation]:
    chance = random.Random(numbers.start + 1)  # noqa: S311 As above.
    for number in numbers:
        _, here = parts_of(number)
        for _ in range(fleet.peers):
            _, there = parts_of(chance.randrange(fleet.devices))
            protocol, port = _PROTOCOLS[chance.randrange(len(_PROTOCOLS))]
            size = chance.randrange(100, 1_000_000)
            operations = (Operation("read", "holding 1", size // 100),) if port == 502 else ()
            last = NOW - chance.randrange(0, 720) * HOUR
            yield Conversation(here, there, protocol, "tcp", port, size // 80, size, 3, last - HOUR, last, operations)


def fill(database: Database, fleet: Fleet) -> dict[str, float]:
    """Migrate and fill; return seconds by step."""
    upgrade(database)
    seconds: dict[str, float] = {}
    clock = time.perf_counter()

    def lap(name: str) -> None:
        nonlocal clock
        seconds[name] = round(time.perf_counter() - clock, 1)
        clock = time.perf_counter()

    with UnitOfWork(database, NOW) as unit:
        for at in range(SITES):
            site = places.make_site(unit, "bench", f"Site {at:02d}")
            for zone in range(ZONES):
                places.make_zone(unit, "bench", EVERYWHERE, site, f"Cell {zone}", purdue_level=zone % 4)
    for start in range(0, fleet.devices, _CHUNK):
        numbers = range(start, min(start + _CHUNK, fleet.devices))
        with UnitOfWork(database, NOW) as unit:
            save_devices(unit, (made_device(number, fleet.claims) for number in numbers))
            placed = [("d-" + parts_of(one)[0].id[2:], one % SITES, one // SITES % ZONES) for one in numbers]
            rows = [(key, f"site-{at:02d}", f"site-{at:02d}-cell-{zone}") for key, at, zone in placed]
            bulk.update(unit.connection, device_table, "id", ("site", "zone"), rows)
    lap("devices")
    for start in range(0, fleet.devices, _CHUNK):
        numbers = range(start, min(start + _CHUNK, fleet.devices))
        with UnitOfWork(database, NOW) as unit:
            save_observations(unit, "sensor", (made_fact(number) for number in numbers))
    lap("observations")
    for start in range(0, fleet.devices, _CHUNK):
        numbers = range(start, min(start + _CHUNK, fleet.devices))
        with UnitOfWork(database, NOW) as unit:
            save_conversations(unit, _conversations(fleet, numbers))
            save_findings(unit, map(_finding, range(numbers.start, numbers.stop, 20)))
    lap("conversations")
    _talkers(database, fleet)
    lap("talkers")
    if not database.is_sqlite:  # As PostgreSQL's autovacuum does by itself; SQLite has no statistics in a plant either.
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")
        lap("vacuum")
    return seconds


def _finding(number: int) -> Finding:
    key = "d-" + parts_of(number)[0].id[2:]
    severity = Severity(number // 20 % 5)
    words = ("Weak certificate", "Its certificate is self-signed.", "A known authority.", "Self-signed.")
    roles = (DeviceRole(key, "subject", str(number)),)
    attack, remedy = ("T1557",), "Issue another."
    return Finding(
        f"f-{number:08x}", "weak_certificate", severity, 0.9, roles, *words, attack, remedy, 2, NOW - HOUR, NOW, ()
    )


def _talkers(database: Database, fleet: Fleet) -> None:
    """The same pairs in every hour, and their sums by day, as ``store/traffic.py`` keeps them."""
    counted = ("packets", "bytes", "flows")
    columns = ("source", "destination", "protocol", "port", *counted)
    pairs = sorted(
        (parts_of(one)[1].id, parts_of((one * 31 + 7) % fleet.devices)[1].id, *_PROTOCOLS[one % 6])
        for one in range(min(fleet.pairs, fleet.devices))
    )
    sums = [(*pair, 10 + at % 9, 1_000 + at * 17 % 99_991, 1) for at, pair in enumerate(pairs)]
    added = ", ".join(f'"{name}" = "talker_day"."{name}" + excluded."{name}"' for name in counted)
    conflict = f"(day, source, destination, protocol, port) DO UPDATE SET {added}"
    last = NOW // HOUR
    for hour in range(last - fleet.hours + 1, last + 1):
        with UnitOfWork(database, NOW) as unit:
            bulk.insert(unit.connection, talker, ("hour", *columns), ((hour, *row) for row in sums))
    days = Counter(hour // 24 for hour in range(last - fleet.hours + 1, last + 1))
    for day, times in sorted(days.items()):
        rows = ((day, *row[:4], *(number * times for number in row[4:])) for row in sums)
        with UnitOfWork(database, NOW) as unit:
            bulk.insert(unit.connection, talker_day, ("day", *columns), rows, conflict)


def main() -> None:
    """Fill the store that is named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    for name in Fleet.__slots__:
        parser.add_argument(f"--{name}", type=int, default=getattr(Fleet(), name))
    asked = vars(parser.parse_args())
    database = Database(asked.pop("url"))
    print(fill(database, Fleet(**asked)))
    database.close()


if __name__ == "__main__":
    main()
