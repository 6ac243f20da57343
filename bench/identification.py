"""Judge identification by the committed ground truth: counts right, wrong and unknown per physical device.

``bench/identification.py CORPUS [--randomise-oui] [--show]``; CORPUS holds ``captures/``. ``--speed`` measures how many
observations a second go through identification on one core.
"""

from __future__ import annotations

import argparse
import csv
import random
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from ringfence.inventory.knowledge import Knowledge, builtin
from ringfence.inventory.register import Register
from ringfence.model.device import Device
from ringfence.model.flow import Conversation
from ringfence.model.observation import Observation, Part
from ringfence.sensor.reader import read

TRUTH = Path(__file__).parent / "truth"
NOT_DECODABLE = "not a capture"


@dataclass(frozen=True)
class Row:
    """One physical device of the ground truth."""

    name: str
    address: str
    vendor: str
    classes: frozenset[str]
    captures: tuple[str, ...]


def main() -> None:
    """Print the counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--randomise-oui", action="store_true")
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--show", action="store_true", help="list the claims of what was missed")
    options = parser.parse_args()
    knowledge = builtin()
    if options.speed:
        speed(options.corpus, knowledge)
        return
    groups = (
        ("home devices", list(devices())),
        ("OT devices", list(plant("ot.tsv"))),
        ("other captures, held out", list(plant("corpus.tsv"))),
    )
    for label, rows in groups:
        judge(label, rows, options, knowledge)


def devices() -> Iterator[Row]:
    """Rows of devices.tsv."""
    with (TRUTH / "devices.tsv").open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines, delimiter="\t"):
            yield Row(
                row["device"], row["mac"], row["vendor"], frozenset((row["class"],)), tuple(row["captures"].split())
            )


def plant(table: str) -> Iterator[Row]:
    """Rows of ot.tsv or corpus.tsv: one capture a row."""
    with (TRUTH / table).open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines, delimiter="\t"):
            name = f"{Path(row['capture']).name} {row['address']}"
            yield Row(name, row["address"], row["vendor"], frozenset(row["class"].split("|")), (row["capture"],))


def judge(label: str, rows: list[Row], options: argparse.Namespace, knowledge: Knowledge) -> None:
    """Count answers; a wrong one is worse than none."""
    counts: dict[str, Counter[str]] = {"vendor": Counter(), "class": Counter()}
    missed = []
    for row in rows:
        found = [device for device in identify(row, options, knowledge) if matches(device, row)]
        if not found:
            for field in counts:
                counts[field]["no device"] += 1
            missed.append(f"  {row.name}: no such device found")
            continue
        for device in found[:1] if row.address else found:
            vendor = verdict(device.vendor, {row.vendor} - {""})
            decided = verdict(
                device.device_class if device.device_class != "unknown" else None, row.classes - {"unknown"}
            )
            counts["vendor"][vendor] += 1
            counts["class"][decided] += 1
            if "right" not in (vendor, decided) or "wrong" in (vendor, decided) or "unknown" in (vendor, decided):
                missed.append(line(row, device, vendor, decided))
                if options.show:
                    missed += [
                        f"      {c.field}={c.value} {c.weight:.2f} {c.clue}: {c.evidence}" for c in device.claims
                    ]
    sys.stdout.write(f"{label}{' (prefixes randomised)' if options.randomise_oui else ''}: {len(rows)} rows\n")
    for field, counter in counts.items():
        sys.stdout.write(f"  {field}: " + ", ".join(f"{n} {word}" for word, n in sorted(counter.items())) + "\n")
    sys.stdout.write("\n".join(missed) + "\n")


def line(row: Row, device: Device, vendor: str, decided: str) -> str:
    """Say what was answered and what is right."""
    return (
        f"  {row.name}: "
        f"vendor {vendor} ({device.vendor} {device.vendor_confidence:.2f}, is {row.vendor or 'unknown'}), "
        f"class {decided} ({device.device_class} {device.confidence:.2f}, is {'|'.join(sorted(row.classes))})"
    )


def verdict(answer: str | None, right: Iterable[str]) -> str:
    """Return right, wrong, unknown, or unknown as it should be."""
    right = set(right)
    if answer is None:
        return "unknown" if right else "right to abstain"
    return "right" if answer in right else "wrong"


def is_mac(address: str) -> bool:
    """Return whether the row names a MAC, not an IPv6 address."""
    return len(address) == 17 and address.count(":") == 5


def matches(device: Device, row: Row) -> bool:
    """Return whether this is the row's device; a row without an address speaks for all."""
    return not row.address or row.address in device.ips or row.address in device.macs


def identify(row: Row, options: argparse.Namespace, knowledge: Knowledge) -> list[Device]:
    """Identify over all captures of the row."""
    register = Register(knowledge)
    paths = [options.corpus / "captures" / path for path in row.captures]
    for path in paths:
        if options.randomise_oui:
            keep = row.address if is_mac(row.address) else ""
            observations, conversations = randomised(path, keep)
        else:
            observations, conversations = taken(path)
        register.observe(observations)
        register.conversations(conversations)
    if options.randomise_oui and is_mac(row.address):
        swapped = substitute(row.address)
        return [replace(device, macs=(row.address,)) for device in register.devices() if swapped in device.macs]
    return register.devices()


@cache
def taken(path: Path) -> tuple[list[Observation], list[Conversation]]:
    """Read one capture; an unreadable one is empty."""
    try:
        run = read([path])
    except Exception as error:  # noqa: BLE001 -- One broken capture must not end the bench.
        sys.stderr.write(f"{path}: {error}\n")
        return [], []
    return run.observations, run.conversations


# --- prefixes randomised --------------------------------------------------------------------------------------------


@cache
def substitute(mac: str) -> str:
    """Return the MAC with another prefix, globally administered, always the same for the same MAC."""
    digits = random.Random(mac)  # noqa: S311 -- Reproducible, not secret.
    first = digits.randrange(0, 256) & 0xFC
    return f"{first:02x}:{digits.randrange(256):02x}:{digits.randrange(256):02x}{mac[8:]}"


def randomised(path: Path, keep: str) -> tuple[list[Observation], list[Conversation]]:
    """Read one capture with the first three bytes of every unicast MAC replaced, in addresses and in fields."""
    observations, conversations = taken(path)
    return (
        [
            replace(
                fact, subject=_part(fact.subject), object=fact.object and _part(fact.object), value=_value(fact.value)
            )
            for fact in observations
        ],
        [replace(talk, source=_part(talk.source), destination=_part(talk.destination)) for talk in conversations],
    )


def _part(part: Part) -> Part:
    if part.address.kind != "mac" or part.address.value[1] in "13579bdf":
        return part
    address = replace(part.address, value=substitute(part.address.value))
    return Part(f"{part.id}-r", address)


def _value(value: Any) -> Any:
    return {
        name: substitute(text) if name.endswith("mac") and isinstance(text, str) and len(text) == 17 else text
        for name, text in value.items()
    }


# --- speed ----------------------------------------------------------------------------------------------------------


def speed(corpus: Path, knowledge: Knowledge) -> None:
    """Push the observations of all truth captures through registers and count them by CPU second."""
    batches = [
        taken(corpus / "captures" / path)[0]
        for row in (*devices(), *plant("ot.tsv"), *plant("corpus.tsv"))
        for path in row.captures
    ]
    total = sum(map(len, batches))
    for label in ("first pass, cold caches", "second pass"):
        begun = time.process_time()
        for batch in batches:
            register = Register(knowledge)
            register.observe(batch)
        middle = time.process_time()
        register.devices()
        sys.stdout.write(f"{label}: {total} observations, {total / (middle - begun):.0f} a CPU second\n")


if __name__ == "__main__":
    main()
